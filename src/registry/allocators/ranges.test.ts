import { expect, test } from "vitest";
import { seededRandom } from "../../lib/random.ts";
import { AddressRange } from "./address-range.ts";
import { NumberRange } from "./number-range.ts";

test("every number of a range is handed out once, the reserved ones last", () => {
  const range = new NumberRange({ first: 10, size: 8, reserved: 3, random: seededRandom(1) });
  const given = Array.from({ length: 8 }, () => range.next());
  expect([...given].sort((a, b) => a - b)).toEqual([10, 11, 12, 13, 14, 15, 16, 17]);
  expect(given.slice(5).every((value) => value < 13)).toBe(true);
  expect(() => range.next()).toThrow("range is full");
  range.release(12);
  expect(range.next()).toBe(12);
});

test("an address is taken once, and comes back when it is released", () => {
  const range = new AddressRange("10.96.0.0/16", seededRandom(1));
  expect(range.first).toBe("10.96.0.1");
  expect(range.take("10.96.3.4")).toBe(true);
  expect(range.take("10.96.3.4")).toBe(false);
  range.release("10.96.3.4");
  expect(range.take("10.96.3.4")).toBe(true);
});

test("network, broadcast and foreign addresses are never given", () => {
  const range = new AddressRange("10.0.0.0/30", seededRandom(1));
  expect(new Set([range.next(), range.next()])).toEqual(new Set(["10.0.0.1", "10.0.0.2"]));
  expect(range.take("10.0.0.0")).toBe(false);
  expect(range.take("10.0.0.3")).toBe(false);
  expect(range.contains("10.0.1.1")).toBe(false);
  expect(() => range.next()).toThrow("full");
});

test.each(["10.0.0.0", "300.0.0.0/16", "10.0.0.0/33", "fd00::/108"])("%s is no service range", (cidr) => {
  expect(() => new AddressRange(cidr, seededRandom(1))).toThrow("is not an IPv4 range");
});

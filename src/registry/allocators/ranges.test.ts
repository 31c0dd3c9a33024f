import { expect, test } from "vitest";
import { seededRandom } from "../../lib/random.ts";
import { AddressBlock, canonicalAddress } from "./address-block.ts";
import { NumberRange } from "./number-range.ts";

test("free choices take the upper part first and then what was kept for those who ask by name", () => {
  const range = new NumberRange({ first: 10, size: 8, reserved: 3, random: seededRandom(1) });
  const given = Array.from({ length: 8 }, () => range.next());
  expect([...given].sort((a, b) => a - b)).toEqual([10, 11, 12, 13, 14, 15, 16, 17]);
  expect(given.slice(5).every((value) => value < 13)).toBe(true);
  expect(() => range.next()).toThrow("range is full");
  range.release(12);
  expect(range.next()).toBe(12);
});

test("a small block offers every address once, without those of the network and of broadcasts", () => {
  const block = new AddressBlock("10.0.0.0/30");
  expect([...block.choices(seededRandom(1))].sort()).toEqual(["10.0.0.1", "10.0.0.2"]);
  for (const outside of ["10.0.0.0", "10.0.0.3", "10.0.1.1", "fd00::1"]) expect(block.contains(outside)).toBe(false);
});

test("the bottom of a block comes last, for those who name the address they want", () => {
  const block = new AddressBlock("10.96.0.9/24");
  expect(block.first).toBe("10.96.0.1");
  const choices = [...block.choices(seededRandom(1))];
  expect(new Set(choices).size).toBe(254);
  const last = choices.slice(-16).map((address) => Number(address.split(".")[3]));
  expect(last.sort((a, b) => a - b)).toEqual(Array.from({ length: 16 }, (_, index) => index + 1));
});

test("a block of IPv6 addresses is as large as it says, and names addresses in their canonical form", () => {
  const block = new AddressBlock("fd00:10:96::/112");
  expect(block.family).toBe("IPv6");
  expect(block.first).toBe("fd00:10:96::1");
  expect(block.contains("fd00:10:96:0:0:0:0:ffff")).toBe(true);
  expect(block.contains("fd00:10:96::1:0")).toBe(false);
  const [choice = ""] = block.choices(seededRandom(1));
  expect(block.contains(choice)).toBe(true);
});

test.each([
  ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["::1", "::1"],
  ["0:0:0:0:0:0:0:0", "::"],
  ["fe80:0:0:0:0:0:0:0", "fe80::"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
  ["10.1.2.3", "10.1.2.3"],
])("%s is named %s", (given, name) => {
  expect(canonicalAddress(given)).toBe(name);
});

test.each([
  "10.0.0.0",
  "fd00::/48",
  "10.0.0.0/31",
  "10.0.0.0/x",
  "300.0.0.0/16",
])("%s is no range for services", (cidr) => {
  expect(() => new AddressBlock(cidr)).toThrow("is not a range for services");
});

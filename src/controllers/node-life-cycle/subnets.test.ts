import { expect, test } from "vitest";
import { Subnets } from "./subnets.ts";

test.each([
  { name: "the first of an IPv4 range", range: "10.244.0.0/16", bits: 24, index: 0, text: "10.244.0.0/24" },
  { name: "the last of an IPv4 range", range: "10.244.0.0/16", bits: 24, index: 255, text: "10.244.255.0/24" },
  { name: "host bits do not count", range: "10.244.7.9/16", bits: 24, index: 1, text: "10.244.1.0/24" },
  { name: "IPv6, written short", range: "fd00:10:244::/56", bits: 64, index: 5, text: "fd00:10:244:5::/64" },
  { name: "IPv6, the first", range: "fd00::/48", bits: 64, index: 0, text: "fd00::/64" },
])("$name", ({ range, bits, index, text }) => {
  const subnets = new Subnets(range, bits);
  expect(subnets.text(index)).toBe(text);
  expect(subnets.indexOf(text)).toBe(index);
});

test("a range of elsewhere has no number, and a range too small cannot be cut", () => {
  expect(new Subnets("10.244.0.0/16", 24).indexOf("10.245.0.0/24")).toBeUndefined();
  expect(new Subnets("10.244.0.0/16", 24).indexOf("10.243.255.0/24")).toBeUndefined();
  expect(new Subnets("10.244.0.0/16", 24).indexOf("fd00::/64")).toBeUndefined();
  expect(() => new Subnets("10.244.0.0/25", 24)).toThrow("10.244.0.0/25 cannot be cut into subnets of /24");
});

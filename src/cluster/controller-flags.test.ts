import { expect, test } from "vitest";
import { subnetSizesFromFlags } from "./controller-flags.ts";

test.each([
  [{}, { IPv4: 24, IPv6: 64 }],
  [{ "node-cidr-mask-size": "26" }, { IPv4: 26, IPv6: 64 }],
  [
    { "node-cidr-mask-size-ipv4": "25", "node-cidr-mask-size-ipv6": "80" },
    { IPv4: 25, IPv6: 80 },
  ],
])("flags %j make the nodes' pod ranges as large as they say", (flags, sizes) => {
  expect(subnetSizesFromFlags(flags, false)).toEqual(sizes);
});

test("one size for both families is refused, as upstream does", () => {
  expect(() => subnetSizesFromFlags({ "node-cidr-mask-size": "26" }, true)).toThrow(
    "usage of --node-cidr-mask-size is not allowed with dual-stack clusters",
  );
});

test.each(["0", "33", "x"])("a size of %s is none", (text) => {
  expect(() => subnetSizesFromFlags({ "node-cidr-mask-size-ipv4": text }, false)).toThrow("is no whole number");
});

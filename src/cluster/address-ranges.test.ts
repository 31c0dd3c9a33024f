import { expect, test } from "vitest";
import { addressesIn, checkRanges } from "./address-ranges.ts";

const sizes = { IPv4: 24, IPv6: 64 };
const single = {
  podRange: "10.244.0.0/16",
  serviceRange: "10.96.0.0/16",
  nodeRange: "10.254.0.0/24",
  dnsAddress: "10.96.0.10",
};
const dual = {
  podRange: "10.244.0.0/16,fd00:10:244::/56",
  serviceRange: "10.96.0.0/16,fd00:10:96::/112",
  nodeRange: "10.254.0.0/24,fd00:10:254::/64",
  dnsAddress: "10.96.0.10,fd00:10:96::a",
};

test.each([
  ["one family", single],
  ["both families", dual],
  ["pods of both families, services of one", { ...dual, serviceRange: single.serviceRange, dnsAddress: "10.96.0.10" }],
])("a cluster can live with %s", (_, ranges) => {
  expect(() => checkRanges(ranges, sizes)).not.toThrow();
});

test.each([
  [
    "IPv6 alone",
    { ...single, podRange: "fd00:10:244::/56" },
    /first one must be of IPv4.*IPv6 alone are not supported/,
  ],
  ["IPv6 first", { ...dual, serviceRange: "fd00:10:96::/112,10.96.0.0/16" }, /first one must be of IPv4/],
  [
    "two ranges of one family",
    { ...single, podRange: "10.244.0.0/16,10.245.0.0/16" },
    /name one range, or one of IPv4/,
  ],
  ["three ranges", { ...dual, podRange: `${dual.podRange},fd01::/56` }, /name one range, or one of IPv4/],
  ["what is no range", { ...single, serviceRange: "ten" }, /the range of services "ten" is no range of addresses/],
  ["nothing", { ...single, podRange: "" }, /first one must be of IPv4/],
  ["services of more families than pods", { ...dual, podRange: single.podRange }, /need pods of both/],
  ["pods of more families than nodes", { ...dual, nodeRange: single.nodeRange }, /need nodes of both/],
  [
    "ranges that overlap",
    { ...single, podRange: "10.96.128.0/17" },
    /pods 10\.96\.128\.0\/17 overlaps that of services/,
  ],
  [
    "a service range too large",
    { ...dual, serviceRange: "10.96.0.0/16,fd00:10:96::/48" },
    /is not a range for services/,
  ],
  ["a pod range too small", { ...dual, podRange: "10.244.0.0/16,fd00::/72" }, /cannot be cut into subnets of \/64/],
  [
    "a name server elsewhere",
    { ...dual, dnsAddress: "10.96.0.10,fd00::a" },
    /DNS address fd00::a is not of the services'/,
  ],
  ["two name servers of a family", { ...dual, dnsAddress: "10.96.0.10,10.96.0.11" }, /one of each family at most/],
])("%s is refused with the reason", (_, ranges, says) => {
  expect(() => checkRanges(ranges, sizes)).toThrow(says);
});

test("the n-th address is told in each family", () => {
  expect(addressesIn(dual.serviceRange, 10)).toEqual(["10.96.0.10", "fd00:10:96::a"]);
});

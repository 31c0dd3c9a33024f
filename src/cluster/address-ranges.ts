import type { SubnetSizes } from "../controllers/node-life-cycle/node-ranges.ts";
import { Subnets } from "../controllers/node-life-cycle/subnets.ts";
import { Fault } from "../lib/fault.ts";
import { addressAt, type Cidr, cidrContains, familyOf, parseCidr } from "../network/machine/address.ts";
import { AddressBlock } from "../registry/allocators/address-block.ts";

/** The ranges, or addresses, that a setting names: one, or with a comma between one of each family, the primary one first. */
export const rangesIn = (setting: string): readonly string[] =>
  setting
    .split(",")
    .map((range) => range.trim())
    .filter((range) => range !== "");

/** The n-th address of the primary range of a setting such as `10.254.0.0/24`; 0 is the network's own. */
export function addressIn(setting: string, number: number): string {
  return addressAt(cidrOf("the range of nodes", rangesIn(setting)[0] ?? ""), number);
}

/** The n-th address of each range of a setting, in their order. */
export function addressesIn(setting: string, number: number): readonly string[] {
  return rangesIn(setting).map((range) => addressIn(range, number));
}

/** Whether a setting names a range of each family. */
export const isDual = (setting: string): boolean => rangesIn(setting).length === 2;

/** An address as a range of its own. */
export const alone = (address: string): string => `${address}/${familyOf(address) === "IPv6" ? 128 : 32}`;

/** Where a cluster's addresses are from. */
export interface ClusterRanges {
  readonly podRange: string;
  readonly serviceRange: string;
  readonly nodeRange: string;
  readonly dnsAddress: string;
}

/** Looks whether a cluster can live on these ranges. Throws Fault `invalid` with the reason. */
export function checkRanges(
  { podRange, serviceRange, nodeRange, dnsAddress }: ClusterRanges,
  sizes: SubnetSizes,
): void {
  const settings = { pods: podRange, services: serviceRange, nodes: nodeRange };
  const all = Object.entries(settings).flatMap(([whose, setting]) => familiesChecked(whose, setting));
  for (const [index, one] of all.entries()) {
    const other = all.slice(index + 1).find(({ cidr }) => overlap(one.cidr, cidr));
    if (other) throw invalid(`the range of ${one.whose} ${one.range} overlaps that of ${other.whose}, ${other.range}`);
  }
  if (isDual(serviceRange) && !isDual(podRange)) {
    throw invalid(`services of two families (${serviceRange}) need pods of both, not of ${podRange} alone`);
  }
  if (isDual(podRange) && !isDual(nodeRange)) {
    throw invalid(`pods of two families (${podRange}) need nodes of both, not of ${nodeRange} alone`);
  }
  for (const range of rangesIn(serviceRange)) new AddressBlock(range);
  for (const range of rangesIn(podRange)) new Subnets(range, sizes[familyOf(range) ?? "IPv4"]);
  checkDns(dnsAddress, serviceRange);
}

function familiesChecked(whose: string, setting: string) {
  const ranges = rangesIn(setting).map((range) => ({ whose, range, cidr: cidrOf(`the range of ${whose}`, range) }));
  const [first, second, ...more] = ranges;
  if (first?.cidr.family !== "IPv4") {
    throw invalid(
      `the range of ${whose} ${setting}: the first one must be of IPv4, with one of IPv6 after it if wished; clusters of IPv6 alone are not supported`,
    );
  }
  if (second?.cidr.family === "IPv4" || more.length > 0) {
    throw invalid(`the range of ${whose} ${setting}: name one range, or one of IPv4 and one of IPv6`);
  }
  return ranges;
}

function checkDns(dnsAddress: string, serviceRange: string): void {
  const blocks = rangesIn(serviceRange).map((range) => new AddressBlock(range));
  const addresses = rangesIn(dnsAddress);
  const outside = addresses.find((address) => !blocks.some((block) => block.contains(address)));
  if (outside !== undefined) throw invalid(`the DNS address ${outside} is not of the services' range, ${serviceRange}`);
  const families = new Set(addresses.map(familyOf));
  if (families.size !== addresses.length)
    throw invalid(`the DNS addresses ${dnsAddress}: name one of each family at most`);
}

function overlap(one: Cidr, other: Cidr): boolean {
  return cidrContains(one, other) || cidrContains(other, one);
}

function cidrOf(what: string, range: string): Cidr {
  const cidr = parseCidr(range);
  if (!cidr) throw invalid(`${what} "${range}" is no range of addresses such as 10.254.0.0/24`);
  return cidr;
}

const invalid = (text: string) => new Fault("invalid", text);

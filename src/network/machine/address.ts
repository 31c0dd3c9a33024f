import { isIPv4, isIPv6 } from "node:net";

/** The IP version that a table, a route or a service front is about. */
export type IpFamily = "IPv4" | "IPv6";

/** The family of an address or CIDR, or undefined when it is neither. */
export function familyOf(addressOrCidr: string): IpFamily | undefined {
  const address = addressOrCidr.split("/")[0]!;
  if (isIPv4(address)) return "IPv4";
  return isIPv6(address) ? "IPv6" : undefined;
}

/** An address as a number: 32 bits for IPv4, 128 for IPv6. The address must be valid. */
export function addressToNumber(address: string): bigint {
  if (isIPv4(address)) return address.split(".").reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
  const v4Tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  if (v4Tail) {
    const tail = addressToNumber(v4Tail[2]!);
    return addressToNumber(`${v4Tail[1]}${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`);
  }
  const [head = "", rest] = address.split("::");
  const front = head === "" ? [] : head.split(":");
  const back = rest === undefined || rest === "" ? [] : rest.split(":");
  const groups = [
    ...front,
    ...Array<string>(rest === undefined ? 0 : 8 - front.length - back.length).fill("0"),
    ...back,
  ];
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

/** The address of a number; IPv6 in its compressed form (RFC 5952). */
export function numberToAddress(value: bigint, family: IpFamily): string {
  if (family === "IPv4") return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (groups[start + length] === "0") length++;
    if (length > best.length) best = { start, length };
  }
  if (best.start < 0) return groups.join(":");
  return `${groups.slice(0, best.start).join(":")}::${groups.slice(best.start + best.length).join(":")}`;
}

/** A range of addresses: the first one as a number and how many leading bits are fixed. */
export interface Cidr {
  readonly family: IpFamily;
  readonly base: bigint;
  readonly prefix: number;
}

/** Reads `10.0.0.0/8`; a lone address is a range of one; undefined when it is not a CIDR. Host bits are cleared. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = "", length] = text.trim().split("/");
  const family = familyOf(address);
  if (!family) return undefined;
  const bits = family === "IPv4" ? 32 : 128;
  const prefix = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : -1;
  if (prefix < 0 || prefix > bits) return undefined;
  const host = BigInt(bits - prefix);
  return { family, base: (addressToNumber(address) >> host) << host, prefix };
}

/** `10.0.0.0/8` again. */
export function formatCidr(cidr: Cidr): string {
  return `${numberToAddress(cidr.base, cidr.family)}/${cidr.prefix}`;
}

/** Whether `inner` (a CIDR or an address) lies wholly within `outer`. */
export function cidrContains(outer: Cidr, inner: Cidr): boolean {
  if (outer.family !== inner.family || inner.prefix < outer.prefix) return false;
  const host = BigInt((outer.family === "IPv4" ? 32 : 128) - outer.prefix);
  return inner.base >> host === outer.base >> host;
}

/** The address `index` places after the start of the range, e.g. 1 for the usual gateway. */
export function addressAt(cidr: Cidr, index: number): string {
  return numberToAddress(cidr.base + BigInt(index), cidr.family);
}

/** The ranges of one family without those that another one covers: nftables' interval sets refuse overlaps. */
export function disjointRanges(ranges: readonly string[], family: IpFamily): string[] {
  const parsed = ranges.map(parseCidr).filter((cidr): cidr is Cidr => cidr?.family === family);
  return parsed
    .filter((cidr, i) => !parsed.some((other, j) => cidrContains(other, cidr) && (other.prefix < cidr.prefix || j < i)))
    .map(formatCidr);
}

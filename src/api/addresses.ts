import { BlockList, isIPv4, isIPv6 } from "node:net";
import { type FieldPath, field } from "../machinery/fields.ts";
import { cidr, ipAddress } from "../machinery/names.ts";
import { type Errors, named } from "./checks.ts";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");
const linkLocal = new BlockList();
linkLocal.addSubnet("169.254.0.0", 16, "ipv4");
linkLocal.addSubnet("fe80::", 10, "ipv6");
const linkLocalMulticast = new BlockList();
linkLocalMulticast.addSubnet("224.0.0.0", 24, "ipv4");
linkLocalMulticast.addSubnet("ff02::", 16, "ipv6");

function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

/** The fault of an address that traffic from elsewhere must never be sent to: loopback, link-local, unspecified. */
export function notSpecial(place: FieldPath, address: string): Errors {
  if (!isIPv4(address) && !isIPv6(address)) return [field.invalid(place, address, "must be a valid IP address")];
  if (/^[0:.]+$/.test(address)) return [field.invalid(place, address, `may not be unspecified (${address})`)];
  if (isIn(loopback, address)) {
    return [field.invalid(place, address, "may not be in the loopback range (127.0.0.0/8, ::1/128)")];
  }
  if (isIn(linkLocal, address)) {
    return [field.invalid(place, address, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")];
  }
  if (isIn(linkLocalMulticast, address)) {
    return [field.invalid(place, address, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")];
  }
  return [];
}

/** The faults of an IP address. */
export function validAddress(place: FieldPath, address: string | undefined): Errors {
  return named(place, address, ipAddress);
}

/** The faults of an address range. */
export function validRange(place: FieldPath, range: string | undefined): Errors {
  return named(place, range, cidr);
}

/** An address as a number, for comparing and masking; undefined if it is no address. IPv4 has 32 bits, IPv6 128. */
export function addressBits(address: string): { readonly value: bigint; readonly length: 32 | 128 } | undefined {
  if (isIPv4(address)) {
    const value = address.split(".").reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
    return { value, length: 32 };
  }
  if (!isIPv6(address) || address.includes("%")) return undefined;
  const embedded = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const hex = (high: string, low: string) => ((Number(high) << 8) | Number(low)).toString(16);
  const plain = embedded
    ? `${embedded[1]}${hex(embedded[2] ?? "", embedded[3] ?? "")}:${hex(embedded[4] ?? "", embedded[5] ?? "")}`
    : address;
  const [head = "", tail] = plain.split("::");
  const parts = (text: string) => (text === "" ? [] : text.split(":"));
  const before = parts(head);
  const after = tail === undefined ? [] : parts(tail);
  const zeros = new Array<string>(8 - before.length - after.length).fill("0");
  const value = [...before, ...zeros, ...after].reduce((sum, part) => (sum << 16n) | BigInt(`0x${part}`), 0n);
  return { value, length: 128 };
}

/** The canonical text of an address that is a number. */
export function addressText(value: bigint, length: 32 | 128): string {
  if (length === 32) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  // The longest run of zeros, the first of equal ones, is left out.
  const text = groups.join(":");
  const longest = [...text.matchAll(/\b0(?::0)+\b/g)].sort((a, b) => b[0].length - a[0].length)[0];
  if (!longest) return text;
  const before = text.slice(0, longest.index).replace(/:$/, "");
  return `${before}::${text.slice(longest.index + longest[0].length).replace(/^:/, "")}`;
}

/** Whether one range lies within another and is smaller than it; false if either is no range. */
export function isStrictSubset(inner: string, outer: string): boolean {
  const [small, large] = [rangeBits(inner), rangeBits(outer)];
  if (!small || !large || small.length !== large.length || small.prefix <= large.prefix) return false;
  const shift = BigInt(large.length - large.prefix);
  return small.value >> shift === large.value >> shift;
}

function rangeBits(range: string): { value: bigint; length: number; prefix: number } | undefined {
  const [address = "", prefix = ""] = range.split("/");
  const bits = addressBits(address);
  if (!bits || cidr(range).length > 0) return undefined;
  return { ...bits, prefix: Number(prefix) };
}

import { isIPv4, isIPv6 } from "node:net";
import { type CostRule, perCharacter, unknownSize, walks } from "../cost-rule.ts";
import { type Overload, overload } from "../overload.ts";
import { CelError, CelOpaque, type CelOutcome, type CelValue, costSize } from "../value.ts";

class IpValue extends CelOpaque {
  readonly typeName = "net.IP";
  readonly family: 4 | 6;
  readonly bits: bigint;
  constructor(family: 4 | 6, bits: bigint) {
    super();
    this.family = family;
    this.bits = bits;
  }
  equals(other: CelOpaque): boolean {
    return other instanceof IpValue && other.family === this.family && other.bits === this.bits;
  }
  override get costSize(): number {
    return this.width / 8;
  }
  get width(): number {
    return this.family === 4 ? 32 : 128;
  }
  /** The first bits of the address. */
  prefix(length: number): bigint {
    return this.bits >> BigInt(this.width - length);
  }
  get text(): string {
    return this.family === 4 ? text4(this.bits) : text6(this.bits);
  }
}

class CidrValue extends CelOpaque {
  readonly typeName = "net.CIDR";
  readonly ip: IpValue;
  readonly length: number;
  constructor(ip: IpValue, length: number) {
    super();
    this.ip = ip;
    this.length = length;
  }
  equals(other: CelOpaque): boolean {
    return other instanceof CidrValue && other.length === this.length && other.ip.equals(this.ip);
  }
  override get costSize(): number {
    return Math.ceil(this.length / 8);
  }
  contains(ip: IpValue): boolean {
    return ip.family === this.ip.family && ip.prefix(this.length) === this.ip.prefix(this.length);
  }
}

function text4(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 255n).join(".");
}

function text6(bits: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((bits >> BigInt(112 - index * 16)) & 0xffffn).toString(16));
  const runs = groups.join(":").matchAll(/(?<=^|:)0(?::0)+(?=:|$)/g);
  const longest = [...runs].sort((a, b) => b[0].length - a[0].length)[0];
  if (!longest) return groups.join(":");
  const all = groups.join(":");
  const head = all.slice(0, longest.index).replace(/:$/, "");
  return `${head}::${all.slice(longest.index + longest[0].length).replace(/^:/, "")}`;
}

function bits4(text: string): bigint {
  return text.split(".").reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
}

function bits6(text: string): bigint {
  const plain = text.replace(/(\d+\.\d+\.\d+\.\d+)$/, (v4) => {
    const bits = bits4(v4);
    return `${(bits >> 16n).toString(16)}:${(bits & 0xffffn).toString(16)}`;
  });
  const [head = "", tail] = plain.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const before = groups(head);
  const after = groups(tail ?? "");
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  return [...before, ...zeros, ...after].reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

const mapped = (bits: bigint) => bits >> 32n === 0xffffn;

function parseIp(text: string): IpValue | CelError {
  const failed = (why: string) =>
    new CelError(`IP Address '${text}' parse error during conversion from string: ${why}`);
  if (isIPv4(text)) return new IpValue(4, bits4(text));
  if (text.includes("%")) return failed(`IP address with zone value is not allowed: ${JSON.stringify(text)}`);
  if (!isIPv6(text)) return failed(`ParseAddr(${JSON.stringify(text)}): unable to parse IP`);
  const bits = bits6(text);
  return mapped(bits) ? failed("IPv4-mapped IPv6 address is not allowed") : new IpValue(6, bits);
}

function parseCidr(text: string): CidrValue | CelError {
  const failed = (why: string) => new CelError(`network address parse error during conversion from string: ${why}`);
  const [, address = "", length = ""] = /^([^/]*)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  const ip = length === "" ? new CelError("") : parseIp(address);
  if (ip instanceof CelError || Number(length) > ip.width)
    return failed(`netip.ParsePrefix(${JSON.stringify(text)}): invalid CIDR`);
  return new CidrValue(ip, Number(length));
}

function masked({ ip, length }: CidrValue): CidrValue {
  const rest = BigInt(ip.width - length);
  return new CidrValue(new IpValue(ip.family, (ip.bits >> rest) << rest), length);
}

function containsIp(cidr: CidrValue, other: IpValue | string): CelOutcome {
  const ip = typeof other === "string" ? parseIp(other) : other;
  return ip instanceof CelError ? ip : cidr.contains(ip);
}

function containsCidr(cidr: CidrValue, other: CidrValue | string): CelOutcome {
  const inner = typeof other === "string" ? parseCidr(other) : other;
  return inner instanceof CelError ? inner : cidr.contains(inner.ip) && cidr.length <= inner.length;
}

/** Whether an address lies in one of two ranges, by its family. */
function within(v4: string, v6: string): (ip: IpValue) => boolean {
  const ranges = [parseCidr(v4), parseCidr(v6)].filter((range) => range instanceof CidrValue);
  return (ip) => ranges.some((range) => range.contains(ip));
}

const isUnspecified = within("0.0.0.0/32", "::/128");
const isLoopback = within("127.0.0.0/8", "::1/128");
const isMulticast = within("224.0.0.0/4", "ff00::/8");
const isLinkLocal = within("169.254.0.0/16", "fe80::/10");
const isLinkLocalMulticast = (ip: IpValue): boolean =>
  ip.family === 4 ? ip.prefix(24) === bits4("224.0.0.0") >> 8n : (ip.prefix(16) & 0xff0fn) === 0xff02n;
const isGlobalUnicast = (ip: IpValue): boolean =>
  !isUnspecified(ip) && !isLoopback(ip) && !isMulticast(ip) && !isLinkLocal(ip) && ip.text !== "255.255.255.255";

/** Comparing the bytes of two addresses, `extra` for more of the first, and reading the second if it is text. */
function comparing(extra: number, text: boolean): CostRule {
  const price = (own: number, other: number) => {
    const bytes = Math.ceil(own * 2 * perCharacter) + (extra > 0 ? Math.ceil(own * perCharacter) + extra : 0);
    return bytes + (text ? Math.ceil(other * perCharacter) : 0);
  };
  return {
    charge: (meter, args) => meter.charge(price(costSize(args[0] as CelValue), costSize(args[1] as CelValue))),
    estimate: (args) => {
      const other = args[1]?.size ?? unknownSize;
      return { cost: { min: price(4, other.min), max: price(16, other.max) } };
    },
  };
}

const tests: Readonly<Record<string, (ip: IpValue) => boolean>> = {
  isUnspecified,
  isLoopback,
  isLinkLocalMulticast,
  isLinkLocalUnicast: isLinkLocal,
  isGlobalUnicast,
};

/** Addresses and networks; IPv4 inside IPv6 and zones are not read. */
export const addressLibrary: readonly Overload[] = [
  overload("ip", "(string): net.IP", parseIp, walks(0)),
  overload("isIP", "(string): bool", (text: string) => parseIp(text) instanceof IpValue, walks(0)),
  overload(
    "ip.isCanonical",
    "(string): bool",
    (text: string) => {
      const ip = parseIp(text);
      return ip instanceof CelError ? ip : ip.text === text;
    },
    walks(0, 2),
  ),
  overload("family", "net.IP.(): int", (ip: IpValue) => BigInt(ip.family)),
  ...Object.entries(tests).map(([name, holds]) => overload(name, "net.IP.(): bool", holds)),
  overload("string", "(net.IP): string", (ip: IpValue) => ip.text),
  overload("cidr", "(string): net.CIDR", parseCidr, walks(0)),
  overload("isCIDR", "(string): bool", (text: string) => parseCidr(text) instanceof CidrValue, walks(0)),
  overload("containsIP", "net.CIDR.(string): bool", containsIp, comparing(0, true)),
  overload("containsIP", "net.CIDR.(net.IP): bool", containsIp, comparing(0, false)),
  overload("containsCIDR", "net.CIDR.(string): bool", containsCidr, comparing(1, true)),
  overload("containsCIDR", "net.CIDR.(net.CIDR): bool", containsCidr, comparing(1, false)),
  overload("ip", "net.CIDR.(): net.IP", (cidr: CidrValue) => cidr.ip),
  overload("masked", "net.CIDR.(): net.CIDR", masked),
  overload("prefixLength", "net.CIDR.(): int", (cidr: CidrValue) => BigInt(cidr.length)),
  overload("string", "(net.CIDR): string", (cidr: CidrValue) => `${cidr.ip.text}/${cidr.length}`),
];

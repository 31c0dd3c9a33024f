import { addressBits, addressText } from "../../api/addresses.ts";
import { Fault } from "../../lib/fault.ts";

/** Ranges of addresses that Services of type LoadBalancer are given, in the order of giving. */
export interface AddressPool {
  /** The first address of a family that is not taken. */
  free(family: "IPv4" | "IPv6", taken: (address: string) => boolean): string | undefined;
  includes(address: string): boolean;
  /** Whether there is any address of the family. */
  serves(family: "IPv4" | "IPv6"): boolean;
}

interface Range {
  readonly first: bigint;
  readonly last: bigint;
  readonly length: 32 | 128;
}

/**
 * Reads `192.0.2.0/28, 198.51.100.10-198.51.100.20, 2001:db8::5`. Of a CIDR of IPv4 that has more than two addresses the
 * first and the last, which are the network's own, are not given. Throws Fault `invalid`.
 */
export function readAddressPool(text: string): AddressPool {
  const ranges = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map(readRange);
  const lengthOf = (family: "IPv4" | "IPv6") => (family === "IPv4" ? 32 : 128);
  return {
    serves: (family) => ranges.some((range) => range.length === lengthOf(family)),
    includes: (address) => {
      const bits = addressBits(address);
      return (
        bits !== undefined &&
        ranges.some(({ first, last, length }) => length === bits.length && first <= bits.value && bits.value <= last)
      );
    },
    free: (family, taken) => {
      for (const { first, last, length } of ranges) {
        if (length !== lengthOf(family)) continue;
        for (let value = first; value <= last; value++) {
          const address = addressText(value, length);
          if (!taken(address)) return address;
        }
      }
      return undefined;
    },
  };
}

function readRange(text: string): Range {
  const invalid = () =>
    new Fault(
      "invalid",
      `load-balancer-pool: "${text}" is neither an address nor a CIDR nor a range as 192.0.2.1-192.0.2.9`,
    );
  const [from = "", to] = text.split("-");
  if (to !== undefined) {
    const [first, last] = [addressBits(from.trim()), addressBits(to.trim())];
    if (!first || !last || first.length !== last.length || first.value > last.value) throw invalid();
    return { first: first.value, last: last.value, length: first.length };
  }
  const [address = "", prefix] = text.split("/");
  const bits = addressBits(address);
  if (!bits || (prefix !== undefined && !/^\d{1,3}$/.test(prefix))) throw invalid();
  const { value, length } = bits;
  const fixed = prefix === undefined ? length : Number(prefix);
  if (fixed > length) throw invalid();
  const size = 1n << BigInt(length - fixed);
  const base = value - (value % size);
  const edges = length === 32 && size > 2n ? 1n : 0n;
  return { first: base + edges, last: base + size - 1n - edges, length };
}

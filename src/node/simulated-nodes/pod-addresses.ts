import { addressBits, addressText } from "../../api/addresses.ts";

/** The numbers that pods have in a node's ranges: 0 is the network's own, 1 the node's, and the last one is for broadcasts. */
export function lastNumber(range: string): number {
  const [address = "", prefix = ""] = range.split("/");
  const free = (addressBits(address)?.length ?? 0) - Number(prefix);
  return free >= 8 ? 254 : 2 ** Math.max(0, free) - 2;
}

/** The address of a number in each of a node's ranges. */
export function addressesAt(ranges: readonly string[], number: number): readonly string[] {
  return ranges.flatMap((range) => {
    const bits = addressBits(range.split("/")[0] ?? "");
    return bits ? [addressText(bits.value + BigInt(number), bits.length)] : [];
  });
}

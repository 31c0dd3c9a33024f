import { addressBits, addressText } from "../../api/addresses.ts";
import { Fault } from "../../lib/fault.ts";
import type { Random } from "../../lib/random.ts";
import { reservedBand } from "./number-range.ts";

export type Family = "IPv4" | "IPv6";

/** No search looks at more addresses than this: a larger block is never full. */
const longestSearch = 2 ** 20;
/** Offsets beyond this are never chosen freely, only named. */
const mostChoices = 2 ** 48;

/** A block of addresses for Services: all but the network's own address and, for IPv4, the broadcast address. */
export class AddressBlock {
  readonly cidr: string;
  readonly family: Family;
  readonly #base: bigint;
  readonly #size: bigint;
  readonly #length: 32 | 128;

  /** Throws Fault `invalid` when `cidr` is no block that services could use. */
  constructor(cidr: string) {
    const [address = "", prefix = ""] = cidr.split("/");
    const bits = addressBits(address);
    const fixed = Number(prefix);
    const shortest = bits?.length === 32 ? 8 : 64;
    if (!bits || !/^\d+$/.test(prefix) || fixed < shortest || fixed > bits.length - 2) {
      throw new Fault("invalid", `${cidr} is not a range for services`);
    }
    const whole = 1n << BigInt(bits.length - fixed);
    this.cidr = cidr;
    this.family = bits.length === 32 ? "IPv4" : "IPv6";
    this.#length = bits.length;
    this.#base = bits.value - (bits.value % whole);
    this.#size = whole - (bits.length === 32 ? 2n : 1n);
  }

  /** The first address that a service can have. */
  get first(): string {
    return this.#text(1n);
  }

  contains(address: string): boolean {
    const bits = addressBits(address);
    if (bits?.length !== this.#length) return false;
    const offset = bits.value - this.#base;
    return offset >= 1n && offset <= this.#size;
  }

  /**
   * Every address once, from a random place on. Those at the bottom come last: they are for those who name the one
   * they want, so that the two seldom meet.
   */
  *choices(random: Random): Iterable<string> {
    const size = Number(this.#size < BigInt(mostChoices) ? this.#size : BigInt(mostChoices));
    const reserved = reservedBand(size, 16, 256);
    yield* this.#walk(1 + reserved, size - reserved, random);
    yield* this.#walk(1, reserved, random);
  }

  *#walk(from: number, count: number, random: Random): Iterable<string> {
    const start = Math.floor(random.next() * count);
    for (let step = 0; step < Math.min(count, longestSearch); step += 1) {
      yield this.#text(BigInt(from + ((start + step) % count)));
    }
  }

  #text(offset: bigint): string {
    return addressText(this.#base + offset, this.#length);
  }
}

/** An address in its canonical form, the one that names it. */
export function canonicalAddress(address: string): string {
  const bits = addressBits(address);
  return bits ? addressText(bits.value, bits.length) : address;
}

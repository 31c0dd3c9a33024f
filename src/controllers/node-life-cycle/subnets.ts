import { addressBits } from "../../api/addresses.ts";
import { Fault } from "../../lib/fault.ts";

/** A range cut into subnets of one size, numbered from 0. */
export class Subnets {
  readonly count: number;
  readonly #base: bigint;
  readonly #length: 32 | 128;
  readonly #bits: number;

  /** `bits`: the subnets' prefix length. Throws Fault `invalid` when the range is none or holds no subnet of that size. */
  constructor(range: string, bits: number) {
    const [address = "", prefix = ""] = range.split("/");
    const parsed = addressBits(address);
    if (!parsed || !/^\d+$/.test(prefix) || Number(prefix) > bits || bits > parsed.length) {
      throw new Fault("invalid", `${range} cannot be cut into subnets of /${bits}`);
    }
    const host = BigInt(parsed.length - Number(prefix));
    this.#base = (parsed.value >> host) << host;
    this.#length = parsed.length;
    this.#bits = bits;
    this.count = Math.min(2 ** (bits - Number(prefix)), 2 ** 16);
  }

  /** As `10.244.3.0/24`. */
  text(index: number): string {
    const value = this.#base + (BigInt(index) << BigInt(this.#length - this.#bits));
    return `${this.#length === 32 ? fourText(value) : sixText(value)}/${this.#bits}`;
  }

  /** The number of the subnet that holds a range's first address; undefined for one of elsewhere. */
  indexOf(range: string): number | undefined {
    const parsed = addressBits(range.split("/")[0] ?? "");
    if (!parsed || parsed.length !== this.#length || parsed.value < this.#base) return undefined;
    const index = (parsed.value - this.#base) >> BigInt(this.#length - this.#bits);
    return index < BigInt(this.count) ? Number(index) : undefined;
  }
}

const fourText = (value: bigint) => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");

/** The shortest way to write the address (RFC 5952). */
function sixText(value: bigint): string {
  const parts = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  const zeros = [...parts.join(":").matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].sort((a, b) => b[0].length - a[0].length)[0];
  const text = parts.join(":");
  if (!zeros) return text;
  const head = text.slice(0, zeros.index);
  const tail = text.slice(zeros.index + zeros[0].length);
  return `${head}::${tail.replace(/^:/, "")}`;
}

import { Fault } from "../../lib/fault.ts";
import type { Random } from "../../lib/random.ts";
import { NumberRange, reservedBand } from "./number-range.ts";

/** Hands out IPv4 addresses of a block, without its network and broadcast addresses. */
export class AddressRange {
  readonly cidr: string;
  readonly #base: number;
  readonly #numbers: NumberRange;

  /** Throws Fault `invalid` when `cidr` is no IPv4 block. */
  constructor(cidr: string, random: Random) {
    const [address = "", length = ""] = cidr.split("/");
    const bits = Number(length);
    const value = parseAddress(address);
    if (value === undefined || !/^\d+$/.test(length) || bits < 8 || bits > 30) {
      throw new Fault("invalid", `${cidr} is not an IPv4 range for services`);
    }
    const size = 2 ** (32 - bits);
    this.cidr = cidr;
    this.#base = value - (value % size);
    this.#numbers = new NumberRange({ first: 1, size: size - 2, reserved: reservedBand(size - 2, 16, 256), random });
  }

  /** The first address that a service can have. */
  get first(): string {
    return this.#text(1);
  }

  contains(address: string): boolean {
    const value = parseAddress(address);
    return value !== undefined && this.#numbers.contains(value - this.#base);
  }

  /** Takes this very address; false when somebody has it. */
  take(address: string): boolean {
    const value = parseAddress(address);
    return value !== undefined && this.#numbers.take(value - this.#base);
  }

  /** Takes any free address. Throws Fault `exhausted`. */
  next(): string {
    return this.#text(this.#numbers.next());
  }

  release(address: string): void {
    const value = parseAddress(address);
    if (value !== undefined) this.#numbers.release(value - this.#base);
  }

  #text(offset: number): string {
    const value = this.#base + offset;
    return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
  }
}

function parseAddress(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    const number = Number(part);
    if (!/^\d{1,3}$/.test(part) || number > 255) return undefined;
    value = value * 256 + number;
  }
  return value;
}

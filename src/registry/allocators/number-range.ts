import { Fault } from "../../lib/fault.ts";
import type { Random } from "../../lib/random.ts";

/**
 * Hands out whole numbers from a range, each to one holder at a time. Free choices come from the upper part first: the
 * lower `reserved` numbers are for those who name the one they want, so that the two seldom meet.
 */
export class NumberRange {
  readonly #first: number;
  readonly #size: number;
  readonly #reserved: number;
  readonly #random: Random;
  readonly #taken = new Set<number>();

  constructor(options: {
    readonly first: number;
    readonly size: number;
    readonly reserved: number;
    readonly random: Random;
  }) {
    this.#first = options.first;
    this.#size = options.size;
    this.#reserved = Math.min(options.reserved, options.size);
    this.#random = options.random;
  }

  get free(): number {
    return this.#size - this.#taken.size;
  }

  contains(value: number): boolean {
    return value >= this.#first && value < this.#first + this.#size;
  }

  has(value: number): boolean {
    return this.#taken.has(value);
  }

  /** Takes this very number; false when somebody has it. */
  take(value: number): boolean {
    if (!this.contains(value) || this.#taken.has(value)) return false;
    this.#taken.add(value);
    return true;
  }

  /** Takes any free number. Throws Fault `exhausted`. */
  next(): number {
    const upper = this.#size - this.#reserved;
    const value = this.#pick(this.#reserved, upper) ?? this.#pick(0, this.#reserved);
    if (value === undefined) throw new Fault("exhausted", "range is full");
    this.#taken.add(value);
    return value;
  }

  release(value: number): void {
    this.#taken.delete(value);
  }

  #pick(from: number, count: number): number | undefined {
    if (count <= 0) return undefined;
    const start = Math.floor(this.#random.next() * count);
    for (let step = 0; step < count; step += 1) {
      const value = this.#first + from + ((start + step) % count);
      if (!this.#taken.has(value)) return value;
    }
    return undefined;
  }
}

/** How many numbers at the bottom are kept for those who ask for one by name: a sixteenth, between `least` and `most`. */
export function reservedBand(size: number, least: number, most: number): number {
  if (size <= least) return 0;
  return Math.min(most, Math.max(least, Math.floor(size / 16)));
}

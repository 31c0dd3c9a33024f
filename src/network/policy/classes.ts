import { everyone } from "./entries.ts";

/**
 * Numbers for classes of addresses, each class being the text of what it is in. A class keeps its number while it has a
 * holder; the lowest free number is given next, so that numbers stay small.
 */
export class Classes {
  readonly #numbers = new Map<string, number>();
  readonly #texts = new Map<number, string>();
  readonly #holders = new Map<number, number>();
  #lowest = everyone + 1;

  /** The class's number; counts one more holder. */
  hold(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) {
      this.#holders.set(known, (this.#holders.get(known) ?? 0) + 1);
      return known;
    }
    while (this.#texts.has(this.#lowest)) this.#lowest++;
    const number = this.#lowest;
    this.#numbers.set(text, number);
    this.#texts.set(number, text);
    this.#holders.set(number, 1);
    return number;
  }

  /** Counts one holder less; without any, the number is free. */
  release(number: number): void {
    const left = (this.#holders.get(number) ?? 0) - 1;
    if (left > 0) {
      this.#holders.set(number, left);
      return;
    }
    const text = this.#texts.get(number);
    if (text !== undefined) this.#numbers.delete(text);
    this.#texts.delete(number);
    this.#holders.delete(number);
    this.#lowest = Math.min(this.#lowest, number);
  }

  /** Every class that has a holder. */
  all(): IterableIterator<[number: number, text: string]> {
    return this.#texts.entries();
  }
}

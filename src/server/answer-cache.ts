import type { Clock } from "../lib/clock.ts";

interface Entry<T> {
  readonly value: Promise<T>;
  /** Undefined while the answer is on its way. */
  until?: number;
}

/** Remembers the answers of other servers for a while; who asks the same at the same time shares one question. */
export class AnswerCache<T> {
  readonly #clock: Clock;
  readonly #size: number;
  readonly #entries = new Map<string, Entry<T>>();

  /** Holds at most `size` answers; the oldest question is forgotten first. */
  constructor({ clock, size }: { readonly clock: Clock; readonly size: number }) {
    this.#clock = clock;
    this.#size = size;
  }

  /** The remembered answer, or that of `ask`, which is kept for as many ms as `ttl` says. A throw is not kept. */
  get(key: string, ask: () => Promise<T>, ttl: (value: T) => number): Promise<T> {
    const known = this.#entries.get(key);
    if (known && (known.until === undefined || known.until > this.#clock.monotonic())) return known.value;
    const entry: Entry<T> = { value: ask() };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const oldest = this.#entries.keys().next().value;
    if (this.#entries.size > this.#size && oldest !== undefined) this.#entries.delete(oldest);
    entry.value.then(
      (value) => {
        const ms = ttl(value);
        if (ms > 0) entry.until = this.#clock.monotonic() + ms;
        else this.#drop(key, entry);
      },
      () => this.#drop(key, entry),
    );
    return entry.value;
  }

  #drop(key: string, entry: Entry<T>): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
  }
}

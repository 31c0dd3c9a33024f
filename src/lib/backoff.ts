import type { Random } from "./random.ts";

/** How waiting times grow: `base` ms, times `factor` per failure, at most `max` ms; `jitter` adds up to that share. */
export interface BackoffOptions {
  readonly base: number;
  readonly factor: number;
  readonly max: number;
  readonly jitter?: number;
}

/** The wait in milliseconds after `failures` failures in a row (1 gives `base`). */
export function backoffDelay(options: BackoffOptions, failures: number, random?: Random): number {
  const delay = Math.min(options.max, options.base * options.factor ** Math.max(0, failures - 1));
  return options.jitter && random ? delay * (1 + options.jitter * random.next()) : delay;
}

/** Counts failures per key and says how long to wait. */
export class Backoff {
  readonly #failures = new Map<string, number>();
  readonly #options: BackoffOptions;
  readonly #random: Random | undefined;

  constructor(options: BackoffOptions, random?: Random) {
    this.#options = options;
    this.#random = random;
  }

  /** Records a failure and returns the wait in milliseconds before the next try. */
  failed(key: string): number {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    return backoffDelay(this.#options, failures, this.#random);
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  succeeded(key: string): void {
    this.#failures.delete(key);
  }
}

import type { Clock } from "../lib/clock.ts";

/** The machine's timers overflow beyond 24 days; waking once an hour for nothing costs nothing. */
const longestSleep = 3_600_000;

/** One timer for many moments: rings once at the earliest moment set, and forgets the later ones, which are set again. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #at = Number.POSITIVE_INFINITY;
  #timer: Disposable | undefined;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Rings at `time` (milliseconds since the epoch) or before, if an earlier one is set. */
  setFor(time: number): void {
    if (time >= this.#at) return;
    this.#at = time;
    this.#timer?.[Symbol.dispose]();
    this.#sleep();
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    // Nothing is earlier than this, so the alarm cannot be set again.
    this.#at = Number.NEGATIVE_INFINITY;
  }

  #sleep(): void {
    const wait = Math.max(0, this.#at - this.#clock.now());
    this.#timer = this.#clock.after(Math.min(wait, longestSleep), () => {
      if (this.#clock.now() < this.#at) return this.#sleep();
      this.#timer = undefined;
      this.#at = Number.POSITIVE_INFINITY;
      this.#ring();
    });
  }
}

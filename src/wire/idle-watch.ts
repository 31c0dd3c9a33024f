import type { Clock } from "../lib/clock.ts";

/** Calls `onIdle` once when nothing touched it for a while. Touching costs one clock reading, not a timer. */
export class IdleWatch implements Disposable {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #onIdle: () => void;
  #last: number;
  #timer: Disposable | undefined;

  constructor(clock: Clock, ms: number, onIdle: () => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#onIdle = onIdle;
    this.#last = clock.monotonic();
    this.#arm(ms);
  }

  touch(): void {
    this.#last = this.#clock.monotonic();
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.after(ms, () => {
      const left = this.#last + this.#ms - this.#clock.monotonic();
      if (left > 0) this.#arm(left);
      else this.#onIdle();
    });
  }
}

import type { Clock } from "../../lib/clock.ts";

/** The time that containers have left to end. It only ever gets shorter. */
export class Ending implements Disposable {
  readonly #clock: Clock;
  readonly #over = new AbortController();
  readonly #listeners = new Set<() => void>();
  #deadline: number;
  #timer: Disposable;

  constructor(clock: Clock, graceSeconds: number) {
    this.#clock = clock;
    this.#deadline = clock.monotonic() + graceSeconds * 1000;
    this.#timer = this.#arm();
  }

  /** Seconds left, never less than 0. */
  get left(): number {
    return Math.max(0, (this.#deadline - this.#clock.monotonic()) / 1000);
  }

  /** Aborts when the time is over. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Counts the grace from now, if that ends sooner than what was granted before. */
  shorten(graceSeconds: number): void {
    const deadline = this.#clock.monotonic() + graceSeconds * 1000;
    if (deadline >= this.#deadline) return;
    this.#deadline = deadline;
    this.#timer[Symbol.dispose]();
    this.#timer = this.#arm();
    for (const listener of this.#listeners) listener();
  }

  /** Calls back whenever the time was shortened. */
  onShortened(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #arm(): Disposable {
    return this.#clock.after(this.left * 1000, () => this.#over.abort());
  }
}

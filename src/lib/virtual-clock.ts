import { type Clock, sleepWith } from "./clock.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly task: () => void;
}

/** A clock whose time moves only when told. Timers fall due in the order of their times, equal ones in the order they were set. */
export class VirtualClock implements Clock {
  readonly #timers = new Set<Timer>();
  readonly #epoch: number;
  #elapsed = 0;
  #order = 0;
  readonly sleep: Clock["sleep"] = sleepWith((ms, task) => this.after(ms, task));

  /** `start` in milliseconds since the Unix epoch. */
  constructor(start: number = Date.UTC(2026, 0, 1)) {
    this.#epoch = start;
  }

  now(): number {
    // Whole ones, as the machine's clock gives; timers may fall due in between.
    return Math.floor(this.#epoch + this.#elapsed);
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(ms: number, task: () => void): Disposable {
    const timer = { at: this.#elapsed + Math.max(0, ms), order: this.#order++, task };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  /** When the next timer falls due, in `monotonic` milliseconds; undefined without one. */
  get nextDue(): number | undefined {
    return this.#first(Number.POSITIVE_INFINITY)?.at;
  }

  /** Lets so many milliseconds pass at once; what the timers' tasks start has not run when this returns. */
  advance(ms: number): void {
    const until = this.#elapsed + ms;
    for (let timer = this.#first(until); timer; timer = this.#first(until)) this.#fire(timer);
    this.#elapsed = until;
  }

  /** Lets so many milliseconds pass, and before each step in time waits for `settled`: whatever a timer started is done. */
  async pass(ms: number, settled: () => Promise<void>): Promise<void> {
    const until = this.#elapsed + ms;
    await settled();
    for (let timer = this.#first(until); timer; timer = this.#first(until)) {
      this.#fire(timer);
      await settled();
    }
    this.#elapsed = until;
    await settled();
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer);
    this.#elapsed = Math.max(this.#elapsed, timer.at);
    timer.task();
  }

  #first(until: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at > until) continue;
      if (!first || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) first = timer;
    }
    return first;
  }
}

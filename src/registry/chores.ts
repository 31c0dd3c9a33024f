import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";

/** Work that is done again and again until disposed; a turn that fails is logged, and the next one comes all the same. */
export class Chores implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>[] = [];

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Does `task` every `interval` milliseconds, counted from the end of one turn to the start of the next. */
  every(interval: number, name: string, task: () => Promise<void>): void {
    this.#running.push(this.#repeat(interval, name, task));
  }

  async #repeat(interval: number, name: string, task: () => Promise<void>): Promise<void> {
    const { signal } = this.#closing;
    for (;;) {
      try {
        await this.#clock.sleep(interval, signal);
      } catch {
        return;
      }
      try {
        await task();
      } catch (error) {
        if (!signal.aborted) this.#log.warn(`${name} failed; it will be tried again`, { error });
      }
    }
  }

  /** Waits for the turn that is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#running);
  }
}

import { Backoff } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import { errorMessage } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { Random } from "../lib/random.ts";

export interface UpkeepOptions {
  /** What is kept, for the log: "services could not be applied". */
  readonly what: string;
  /** Resolves when everything that existed at the start is known. */
  readonly synced: () => Promise<unknown>;
  /** Whether there is something to apply. */
  readonly dirty: () => boolean;
  /** Applies what changed; `first` when nothing was applied yet, `resync` when the kernel is to be compared as well. */
  readonly step: (turn: { readonly first: boolean; readonly resync: boolean }) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Milliseconds in which changes are gathered before they are applied together. */
  readonly gather?: number;
  /** Milliseconds between comparisons with the kernel. */
  readonly resyncEvery?: number;
}

/** How a piece of upkeep fares. */
export interface UpkeepStatus {
  /** Milliseconds since the epoch of the last step that succeeded, undefined before the first. */
  readonly lastApplied: number | undefined;
  /** The trouble since, if any. */
  readonly trouble: string | undefined;
}

/** Keeps something in the kernel in line with what is wanted: steps on changes, comparisons now and then, patience with faults. */
export class Upkeep implements AsyncDisposable {
  readonly #options: UpkeepOptions;
  readonly #closing = new AbortController();
  readonly #ready = Promise.withResolvers<void>();
  readonly #running: Promise<void>;
  #wake: () => void = () => {};
  #lastApplied: number | undefined;
  #trouble: string | undefined;

  constructor(options: UpkeepOptions) {
    this.#options = options;
    this.#ready.promise.catch(() => {});
    this.#running = this.#run();
  }

  /** Resolves when the kernel first holds everything that existed at the start. */
  ready(): Promise<void> {
    return this.#ready.promise;
  }

  status(): UpkeepStatus {
    return { lastApplied: this.#lastApplied, trouble: this.#trouble };
  }

  /** To be called after each change. */
  touch(): void {
    this.#wake();
  }

  /** Ends after the step that is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, random, log, what, synced, step } = this.#options;
    const { signal } = this.#closing;
    const backoff = new Backoff({ base: 250, factor: 2, max: 30_000, jitter: 0.2 }, random);
    try {
      // Half a picture must not be applied: it would take away what an earlier process set up.
      await Promise.race([synced(), aborted(signal)]);
    } catch (error) {
      this.#ready.reject(error);
      return;
    }
    let first = true;
    let nextResync = clock.monotonic() + this.#resyncWait();
    while (!signal.aborted) {
      try {
        const resync = clock.monotonic() >= nextResync || this.#trouble !== undefined;
        await step({ first, resync });
        this.#lastApplied = clock.now();
        if (resync) nextResync = clock.monotonic() + this.#resyncWait();
        if (first) this.#ready.resolve();
        first = false;
        this.#trouble = undefined;
        backoff.succeeded("apply");
        await this.#changeOr(nextResync - clock.monotonic());
        await clock.sleep(this.#options.gather ?? 20, signal).catch(() => {});
      } catch (error) {
        this.#trouble = errorMessage(error);
        log.error(`${what} could not be applied`, { error: this.#trouble });
        await clock.sleep(backoff.failed("apply"), signal).catch(() => {});
      }
    }
    this.#ready.reject(signal.reason);
  }

  #changeOr(milliseconds: number): Promise<void> {
    if (this.#options.dirty() || this.#closing.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(Math.max(0, milliseconds), () => this.#wake());
      this.#wake = () => {
        timer[Symbol.dispose]();
        this.#wake = () => {};
        resolve();
      };
    });
  }

  #resyncWait(): number {
    // Spread, so that the nodes of one machine do not compare at the same moment.
    return (this.#options.resyncEvery ?? 300_000) * (0.8 + 0.4 * this.#options.random.next());
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

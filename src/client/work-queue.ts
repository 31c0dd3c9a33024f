import { Backoff, type BackoffOptions } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import type { QueueMeter } from "./queue-metrics.ts";

/** Upstream's per-item rate limit: 5 ms, doubling, at most 1000 s. */
export const defaultRetry: BackoffOptions = { base: 5, factor: 2, max: 1_000_000 };

/**
 * Keys waiting to be worked on. A key is there once however often it is added, and never handed to two workers at a time:
 * added while it is worked on, it comes again afterwards.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  /** In the order of arrival, each once. */
  readonly #ready = new Set<string>();
  readonly #busy = new Set<string>();
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, { readonly at: number; readonly timer: Disposable }>();
  readonly #resting = new Set<Disposable>();
  readonly #meter: QueueMeter | undefined;
  readonly #measured: Disposable | undefined;
  /** When each key that waits was added, and when the work on each other one began. */
  readonly #since = new Map<string, number>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #closed = false;

  constructor(options: {
    readonly clock: Clock;
    readonly retry?: BackoffOptions;
    readonly random?: Random;
    readonly meter?: QueueMeter;
  }) {
    this.#clock = options.clock;
    this.#meter = options.meter;
    this.#measured = options.meter?.running(() => this.#running());
    this.#backoff = new Backoff(options.retry ?? defaultRetry, options.random);
  }

  /** Keys ready now. */
  get size(): number {
    return this.#ready.size;
  }

  /** True when nothing is ready, delayed or worked on. */
  get idle(): boolean {
    return this.#ready.size === 0 && this.#busy.size === 0 && this.#delayed.size === 0;
  }

  add(key: string): void {
    if (this.#closed) return;
    if (this.#busy.has(key)) {
      this.#again.add(key);
      return;
    }
    if (this.#ready.has(key)) return;
    this.#arrived(key);
    const taker = this.#takers.shift();
    if (taker) {
      this.#begin(key);
      taker(key);
      return;
    }
    this.#ready.add(key);
    this.#meter?.waiting(this.#ready.size);
  }

  /** Adds the key after `ms`; the earliest of several wishes counts. */
  addAfter(key: string, ms: number): void {
    if (this.#closed) return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const at = this.#clock.monotonic() + ms;
    const known = this.#delayed.get(key);
    if (known && known.at <= at) return;
    known?.timer[Symbol.dispose]();
    const timer = this.#clock.after(ms, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { at, timer });
  }

  /** Adds the key after its back-off, which grows with every call until `forget`. */
  retry(key: string): void {
    this.#meter?.retried();
    this.addAfter(key, this.#backoff.failed(key));
  }

  forget(key: string): void {
    this.#backoff.succeeded(key);
  }

  failures(key: string): number {
    return this.#backoff.failures(key);
  }

  /** The next key, or undefined when the queue is closed. Call `done` when it is worked on. */
  take(): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const [key] = this.#ready;
    if (key === undefined) return new Promise((resolve) => this.#takers.push(resolve));
    this.#ready.delete(key);
    this.#meter?.waiting(this.#ready.size);
    this.#begin(key);
    return Promise.resolve(key);
  }

  /** The key may be handed out again, at the earliest after `rest` ms: what is added meanwhile comes then, at once. */
  done(key: string, rest = 0): void {
    this.#end(key);
    if (rest > 0 && !this.#closed) {
      const timer = this.#clock.after(rest, () => {
        this.#resting.delete(timer);
        this.done(key);
      });
      this.#resting.add(timer);
      return;
    }
    this.#busy.delete(key);
    if (this.#again.delete(key)) this.add(key);
  }

  /** Seconds that each key has been worked on. */
  #running(): readonly number[] {
    const now = this.#clock.monotonic();
    const began = Array.from(this.#busy, (key) => this.#since.get(key));
    return began.filter((at) => at !== undefined).map((at) => (now - at) / 1000);
  }

  #arrived(key: string): void {
    if (!this.#meter) return;
    this.#meter.added();
    this.#since.set(key, this.#clock.monotonic());
  }

  #begin(key: string): void {
    this.#busy.add(key);
    if (!this.#meter) return;
    const now = this.#clock.monotonic();
    this.#meter.started((now - (this.#since.get(key) ?? now)) / 1000);
    this.#since.set(key, now);
  }

  #end(key: string): void {
    const began = this.#since.get(key);
    // A key that rests has ended already.
    if (!this.#meter || began === undefined) return;
    this.#since.delete(key);
    this.#meter.ended((this.#clock.monotonic() - began) / 1000);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#measured?.[Symbol.dispose]();
    for (const { timer } of this.#delayed.values()) timer[Symbol.dispose]();
    this.#delayed.clear();
    for (const timer of this.#resting) timer[Symbol.dispose]();
    this.#resting.clear();
    this.#ready.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }
}

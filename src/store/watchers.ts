import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { compactedFault, compareKeys } from "./keys.ts";
import type { Change, KeyRange, Revision, Watch, WatchBatch } from "./store.ts";

/** What a driver keeps on disk or in memory, read synchronously by watches that are behind. */
export interface History {
  /** Revisions below this are forgotten. */
  readonly compacted: number;
  /** The oldest changes of a range after a revision, at most about a thousand, and how far the search got. */
  since(range: KeyRange, after: number): { readonly changes: Change[]; readonly reached: number };
}

/** A published batch: what changed, in revision order, and how to make the Change once somebody wants it. */
export interface Publication {
  readonly keys: readonly string[];
  readonly revision: number;
  change(index: number): Change;
}

/** How long an idle watch may lag behind before it is told how far the store has come. */
const progressEvery = 1000;
/** A watch that has this many changes waiting drops them and reads them from history once its consumer is back. */
const mostQueued = 4096;

/** Hands each durable batch to the watches that it concerns, and lets late ones catch up from history. */
export class Watchers {
  readonly #watchers = new Set<Watcher>();
  readonly #history: History;
  readonly #clock: Clock;
  #revision: number;
  #closed = false;
  #progress: Disposable | undefined;

  constructor(options: { readonly history: History; readonly clock: Clock; readonly revision: number }) {
    this.#history = options.history;
    this.#clock = options.clock;
    this.#revision = options.revision;
  }

  get revision(): number {
    return this.#revision;
  }

  watch(range: KeyRange, after: Revision, signal: AbortSignal): Watch {
    if (this.#closed) throw new Fault("closed", "the store is closed");
    const watcher = new Watcher(this, this.#history, range, Number(after));
    if (signal.aborted) {
      watcher.stop();
      return watcher;
    }
    const abort = () => watcher.stop();
    signal.addEventListener("abort", abort, { once: true });
    watcher.onStop = () => {
      signal.removeEventListener("abort", abort);
      this.#watchers.delete(watcher);
    };
    this.#watchers.add(watcher);
    return watcher;
  }

  /** Makes a durable batch visible. Batches come in revision order. */
  publish(batch: Publication): void {
    this.#revision = batch.revision;
    if (this.#watchers.size === 0) return;
    // Sorted once, a batch costs each watch two binary searches however many keys it has.
    const order = batch.keys.map((_, index) => index);
    if (order.length > 1) order.sort((a, b) => compareKeys(batch.keys[a]!, batch.keys[b]!) || a - b);
    for (const watcher of this.#watchers) {
      const from = firstAtLeast(batch.keys, order, watcher.range.start);
      let to = from;
      while (to < order.length && compareKeys(batch.keys[order[to]!]!, watcher.range.end) < 0) to++;
      if (to > from)
        watcher.push(batch, to - from === 1 ? [order[from]!] : order.slice(from, to).sort((a, b) => a - b));
    }
    this.#progress ??= this.#clock.after(progressEvery, () => {
      this.#progress = undefined;
      for (const watcher of this.#watchers) watcher.prompt();
    });
  }

  /** Ends every watch with a fault, because changes were missed, and goes on from a revision. */
  interrupt(fault: Fault, revision: number): void {
    this.#revision = revision;
    for (const watcher of [...this.#watchers]) watcher.stop(fault);
  }

  close(): void {
    this.#closed = true;
    this.#progress?.[Symbol.dispose]();
    for (const watcher of [...this.#watchers]) watcher.stop(new Fault("closed", "the store was closed"));
  }
}

function firstAtLeast(keys: readonly string[], order: readonly number[], start: string): number {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKeys(keys[order[middle]!]!, start) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

type Result = IteratorResult<WatchBatch, undefined>;

class Watcher implements Watch, AsyncIterator<WatchBatch, undefined> {
  readonly range: KeyRange;
  onStop: (() => void) | undefined;
  readonly #watchers: Watchers;
  readonly #history: History;
  /** Live, the queue holds every change after `covered`; behind, it is empty and history is read from there. */
  #live = false;
  #queue: Change[] = [];
  #covered: number;
  /** The revision of the last batch handed out. */
  #yielded: number;
  /** The revision of the last batch whose consumer has come back for the next. */
  #dealtWith: number;
  #prompted = false;
  #stopped = false;
  #error: unknown;
  #waiting: ((result: Promise<Result> | Result) => void) | undefined;

  constructor(watchers: Watchers, history: History, range: KeyRange, after: number) {
    this.#watchers = watchers;
    this.#history = history;
    this.range = range;
    this.#covered = after;
    this.#yielded = after;
    this.#dealtWith = after;
  }

  get reached(): Revision {
    const idle = this.#waiting !== undefined && this.#queue.length === 0;
    return BigInt(idle ? Math.max(this.#watchers.revision, this.#dealtWith) : this.#dealtWith);
  }

  prompt(): void {
    if (!this.#live || this.#yielded >= this.#watchers.revision) return;
    this.#prompted = true;
    this.#wake();
  }

  push(batch: Publication, indexes: readonly number[]): void {
    if (!this.#live) return;
    try {
      if (this.#queue.length + indexes.length > mostQueued) {
        this.#covered = Number((this.#queue[0] ?? batch.change(indexes[0]!)).revision) - 1;
        this.#queue = [];
        this.#live = false;
      } else {
        for (const index of indexes) {
          const change = batch.change(index);
          // A watch may begin at a revision that a reader saw a moment before it was published.
          if (change.revision > this.#covered) this.#queue.push(change);
        }
      }
    } catch (error) {
      this.stop(error);
      return;
    }
    this.#wake();
  }

  stop(error?: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#error = error;
    this.#queue = [];
    this.onStop?.();
    this.#wake();
  }

  [Symbol.asyncIterator](): AsyncIterator<WatchBatch, undefined> {
    return this;
  }

  next(): Promise<Result> {
    this.#dealtWith = this.#yielded;
    try {
      const result = this.#take();
      if (result) return Promise.resolve(result);
    } catch (error) {
      return Promise.reject(error);
    }
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  return(): Promise<Result> {
    this.stop();
    return Promise.resolve({ done: true, value: undefined });
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    try {
      const result = this.#take();
      if (!result) return;
      this.#waiting = undefined;
      waiting(result);
    } catch (error) {
      this.#waiting = undefined;
      waiting(Promise.reject(error));
    }
  }

  /** The next thing to hand out, or undefined when there is nothing yet. */
  #take(): Result | undefined {
    if (this.#stopped) {
      const error = this.#error;
      this.#error = undefined;
      if (error !== undefined) throw error;
      return { done: true, value: undefined };
    }
    if (!this.#live) {
      const history = this.#catchUp();
      if (history) return history;
    }
    const { revision } = this.#watchers;
    if (this.#queue.length === 0 && !(this.#prompted && this.#yielded < revision)) return undefined;
    const changes = this.#queue;
    this.#queue = [];
    return this.#yield(changes, revision);
  }

  /** Reads one piece of history. Both it and the switch to live happen in one turn, so that nothing falls between. */
  #catchUp(): Result | undefined {
    try {
      const { compacted } = this.#history;
      if (this.#covered < compacted) throw compactedFault(this.#covered, compacted);
      const { changes, reached } = this.#history.since(this.range, this.#covered);
      this.#covered = Math.max(reached, this.#covered);
      this.#live = this.#covered >= this.#watchers.revision;
      return changes.length > 0 || !this.#live ? this.#yield(changes, this.#covered) : undefined;
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  #yield(changes: readonly Change[], revision: number): Result {
    this.#prompted = false;
    this.#yielded = Math.max(revision, this.#yielded);
    this.#covered = Math.max(revision, this.#covered);
    return { done: false, value: { changes, revision: BigInt(this.#yielded) } };
  }
}

import { backoffDelay } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import { errorMessage, Fault, faultCode } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { StatusError } from "../machinery/status-error.ts";
import type { Change, KeyRange, Revision, Store, Watch } from "../store/store.ts";
import { Authored } from "./authored.ts";
import { CacheEvent } from "./cache-event.ts";
import { prepareStored } from "./conversion.ts";
import { EventWindow } from "./event-window.ts";
import { decodeStored, type Held } from "./held.ts";
import { OrderedMap, type Picture } from "./ordered-map.ts";
import type { AnyObject, Resource } from "./resource.ts";
import { Shelf } from "./shelf.ts";
import { type Scope, Subscriptions } from "./subscriptions.ts";

/** Told of every change in a scope, in revision order. Must not throw and must not change the objects. */
export type CacheListener = (event: CacheEvent) => void;

export interface WatchCacheOptions {
  readonly resource: Resource;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

/** How long a reader waits for the cache to see a revision before it is told to come back later. */
const freshnessTimeout = 3000;

/**
 * All objects of one resource, kept by one list and one watch of the store, with the recent past. Reads are answered
 * from here; a read that must be current waits until the cache has seen the store's latest revision.
 */
export class WatchCache {
  readonly resource: Resource;
  readonly authored = new Authored();
  readonly #options: WatchCacheOptions;
  readonly #objects = new OrderedMap<Held>();
  readonly #shelf = new Shelf();
  readonly #window = new EventWindow();
  readonly #subscriptions = new Subscriptions();
  readonly #waiters: {
    readonly revision: Revision;
    readonly resolve: () => void;
    readonly reject: (e: unknown) => void;
  }[] = [];
  readonly #closing = new AbortController();
  readonly #retired = new AbortController();
  #revision: Revision = 0n;
  #watch: Watch | undefined;
  #started: Promise<void> | undefined;
  #running: Promise<void> | undefined;

  constructor(options: WatchCacheOptions) {
    this.resource = options.resource;
    this.#options = options;
  }

  /** Resolves when the first picture of the store is in. Throws the store's faults. */
  start(): Promise<void> {
    this.#started ??= this.#load().then(
      () => {
        this.#running = this.#follow();
      },
      (error: unknown) => {
        this.#started = undefined; // the next reader may have more luck
        throw error;
      },
    );
    return this.#started;
  }

  /** Raised when nobody should watch here any more, because the kind went or changed. */
  get retired(): AbortSignal {
    return this.#retired.signal;
  }

  /** Ends all watches; those who read can still do so until the cache is disposed. */
  retire(): void {
    this.#retired.abort();
  }

  /** Everything up to here has been seen. */
  get revision(): Revision {
    const reached = this.#watch?.reached ?? 0n;
    return reached > this.#revision ? reached : this.#revision;
  }

  get size(): number {
    return this.#objects.size;
  }

  /** Whether the first picture of the store is in, and there is nothing now. */
  get isEmpty(): boolean {
    return this.#running !== undefined && this.#objects.size === 0;
  }

  get(key: string): Held | undefined {
    return this.#objects.get(key);
  }

  /** The objects in a range of keys as they are now, to be walked at leisure. */
  picture(range: KeyRange): Picture<Held> {
    return this.#objects.picture(range.start, range.end);
  }

  /** The objects in a range of keys, to be walked before anything else happens. */
  range(range: KeyRange): Iterable<Held> {
    return this.#objects.range(range.start, range.end);
  }

  /** Resolves when the cache shows all that was committed before the call. */
  async current(): Promise<void> {
    await this.start();
    const revision = await this.#options.store.revision();
    if (this.revision < revision) await this.#wait(revision);
  }

  /** Resolves when the cache has seen `revision`; throws `Timeout` as upstream when that takes too long. */
  async reached(revision: Revision): Promise<void> {
    await this.start();
    if (this.revision < revision) await this.#wait(revision);
  }

  /** The events after `revision`, or undefined when they are no longer kept here. */
  since(revision: Revision): readonly CacheEvent[] | undefined {
    return this.#window.since(revision);
  }

  /** The oldest revision that `since` still answers. */
  get oldest(): Revision {
    return this.#window.start;
  }

  /** Calls back for every later event that may concern the scope. */
  subscribe(scope: Scope, listener: CacheListener): Disposable {
    return this.#subscriptions.add(scope, listener);
  }

  /** Every event after `revision` from the store's own history, for watchers that come back after a long time. */
  async *history(range: KeyRange, revision: Revision, signal: AbortSignal): AsyncGenerator<HistoryStep> {
    for await (const batch of this.#options.store.watch(range, revision, signal)) {
      await prepareStored(this.resource, this.authored, batch.changes);
      const events = batch.changes.flatMap((change) => this.#fromHistory(change) ?? []);
      yield { events, revision: batch.revision };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Fault("closed", "the cache was closed"));
    this.#retired.abort();
    await this.#running;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(new Fault("closed", "the cache was closed"));
  }

  async #load(): Promise<void> {
    const { store } = this.#options;
    const snapshot = await store.read(this.resource.range);
    await prepareStored(this.resource, this.authored, snapshot.entries);
    const before = new Map(this.#held().map((held) => [held.key, held]));
    const events: CacheEvent[] = [];
    for (const { key, value, modified } of snapshot.entries) {
      const previous = before.get(key);
      before.delete(key);
      if (previous?.revision === modified) continue;
      const held = this.#decode(key, modified, value);
      if (!held) continue;
      this.#hold(held, previous);
      if (this.#running) events.push(new CacheEvent(previous ? "MODIFIED" : "ADDED", held, previous, true));
    }
    // Whoever stops at an event has been told all that came before it.
    events.sort((a, b) => (a.revision < b.revision ? -1 : 1));
    for (const gone of before.values()) {
      this.#forget(gone);
      events.push(new CacheEvent("DELETED", gone.deleted(snapshot.revision), gone, true));
    }
    for (const event of events) this.#subscriptions.emit(event);
    // What happened between two pictures has no order any more, so nobody may resume from before.
    this.#window.restart(snapshot.revision);
    this.#reach(snapshot.revision);
  }

  async #follow(): Promise<void> {
    const { store, clock, log } = this.#options;
    const { signal } = this.#closing;
    for (let failures = 0; !signal.aborted; ) {
      try {
        this.#watch = store.watch(this.resource.range, this.#revision, signal);
        if (this.#waiters.length > 0) this.#watch.prompt();
        for await (const batch of this.#watch) {
          failures = 0;
          if (this.resource.convertsOutside) await prepareStored(this.resource, this.authored, batch.changes);
          for (const change of batch.changes) this.#apply(change);
          this.#reach(batch.revision);
        }
      } catch (error) {
        if (signal.aborted || faultCode(error) === "closed") return;
        failures += 1;
        log.warn("watch of the store failed", { resource: this.resource.plural, error: errorMessage(error) });
        this.#watch = undefined;
        await clock.sleep(backoffDelay({ base: 100, factor: 2, max: 5000 }, failures), signal).catch(() => {});
        if (faultCode(error) === "compacted") await this.#load().catch(() => {});
      }
    }
  }

  #apply(change: Change): void {
    const previous = this.#objects.get(change.key);
    if (change.value === null) {
      if (!previous) return;
      this.#forget(previous);
      this.#emit(new CacheEvent("DELETED", previous.deleted(change.revision), previous));
      return;
    }
    const held = this.#decode(change.key, change.revision, change.value);
    if (!held) return;
    this.#hold(held, previous);
    this.#emit(new CacheEvent(previous ? "MODIFIED" : "ADDED", held, previous));
  }

  #hold(held: Held, previous: Held | undefined): void {
    held.moveTo(this.#shelf);
    this.#objects.set(held.key, held);
    if (previous) this.#leave(previous);
  }

  #forget(held: Held): void {
    this.#objects.delete(held.key);
    this.#leave(held);
  }

  #leave(held: Held): void {
    held.leave(this.#shelf);
    if (!this.#shelf.isWasteful) return;
    for (const stranded of this.range(this.resource.range)) {
      if (stranded.isStranded(this.#shelf)) stranded.moveTo(this.#shelf);
    }
  }

  #fromHistory({ key, value, previous, revision }: Change): CacheEvent | undefined {
    const before = previous ? this.#decode(key, revision, previous) : undefined;
    if (value === null) return before ? new CacheEvent("DELETED", before, before) : undefined;
    const held = this.#decode(key, revision, value);
    return held ? new CacheEvent(before ? "MODIFIED" : "ADDED", held, before) : undefined;
  }

  // One damaged object must not hide all others of its kind.
  #decode(key: string, revision: Revision, bytes: Uint8Array): Held | undefined {
    try {
      return this.authored.held(bytes, revision) ?? decodeStored(this.resource, key, revision, bytes);
    } catch (error) {
      this.#options.log.error("an object in the store cannot be read", { key, error: errorMessage(error) });
      return undefined;
    }
  }

  #emit(event: CacheEvent): void {
    this.#window.push(event);
    this.#subscriptions.emit(event);
  }

  #reach(revision: Revision): void {
    if (revision > this.#revision) this.#revision = revision;
    if (this.#waiters.length === 0) return;
    const waiting = this.#waiters.splice(0);
    for (const waiter of waiting) {
      if (waiter.revision <= this.#revision) waiter.resolve();
      else this.#waiters.push(waiter);
    }
    if (this.#waiters.length > 0) this.#watch?.prompt();
  }

  #wait(revision: Revision): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#options.clock.after(freshnessTimeout, () => {
        const at = this.#waiters.indexOf(waiter);
        if (at >= 0) this.#waiters.splice(at, 1);
        if (this.revision >= revision) resolve();
        else reject(tooLarge(revision, this.revision));
      });
      const waiter = {
        revision,
        resolve: () => {
          timer[Symbol.dispose]();
          resolve();
        },
        reject: (error: unknown) => {
          timer[Symbol.dispose]();
          reject(error);
        },
      };
      this.#waiters.push(waiter);
      this.#watch?.prompt();
    });
  }

  #held(): readonly Held[] {
    return [...this.range(this.resource.range)];
  }
}

/** Some of what happened since a revision. */
export interface HistoryStep {
  readonly events: readonly CacheEvent[];
  /** Every event up to here has been yielded. */
  readonly revision: Revision;
}

function tooLarge(asked: Revision, current: Revision): StatusError {
  return new StatusError("Timeout", `Too large resource version: ${asked}, current: ${current}`, {
    details: {
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
      retryAfterSeconds: 1,
    },
  });
}

/** An object as the registry's own code reads it, by its kind's type. */
export function objectOf<T>(held: Held | undefined): T | undefined {
  return held?.object as AnyObject as T | undefined;
}

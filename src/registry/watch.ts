import type { Clock } from "../lib/clock.ts";
import { faultCode } from "../lib/fault.ts";
import { StatusError } from "../machinery/status-error.ts";
import type { Revision } from "../store/store.ts";
import type { CacheEvent, EventType } from "./cache-event.ts";
import type { Collection } from "./collection.ts";
import { ready } from "./conversion.ts";
import type { Held } from "./held.ts";
import { parseRevision } from "./list.ts";
import type { AnyObject, Served } from "./resource.ts";
import type { Selection } from "./selection.ts";

/** One event as one watcher sees it. */
export interface WatchFrame {
  readonly type: EventType | "BOOKMARK" | "ERROR";
  readonly object: unknown;
  /** The state that it shows, if it shows one that is held. */
  readonly held?: Held;
  /** The event as a line of JSON. */
  line(): Uint8Array;
}

/** A watch request, its parameters checked for form already. */
export interface WatchRequest {
  readonly selection: Selection;
  readonly served: Served;
  readonly resourceVersion?: string;
  readonly sendInitialEvents?: boolean;
  readonly bookmarks: boolean;
  /** The watch ends by itself after this time. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** A watcher that has this many events waiting is cut off; it can resume where it stopped. */
const mostWaiting = 20_000;
const initialBunch = 500;
const bookmarkEvery = 60_000;
/** A last bookmark comes this long before the end, so that a client resumes from close by. */
const bookmarkBeforeEnd = 2000;

/** The events of a watch, in bunches of what has come since the last one was taken. */
export async function watchObjects(
  collection: Collection,
  clock: Clock,
  request: WatchRequest,
): Promise<AsyncIterable<readonly WatchFrame[]>> {
  const { cache } = collection;
  const { resourceVersion = "", sendInitialEvents } = request;
  await cache.start();
  const fromNow = resourceVersion === "" || resourceVersion === "0";
  if (resourceVersion === "") await cache.current();
  const from = fromNow ? 0n : parseRevision(resourceVersion);
  const initial = sendInitialEvents ?? fromNow;
  if (sendInitialEvents && !fromNow) await cache.reached(from);
  // Who wants neither what exists nor what came after some moment begins with what comes next.
  const start = fromNow && !initial ? cache.revision : from;
  return new WatchFeed(collection, clock, { ...request, from: start, initial });
}

interface FeedOptions extends WatchRequest {
  readonly from: Revision;
  /** Begin with what exists. */
  readonly initial: boolean;
}

class WatchFeed implements AsyncIterable<readonly WatchFrame[]> {
  readonly #collection: Collection;
  readonly #clock: Clock;
  readonly #options: FeedOptions;
  #waiting: WatchFrame[] = [];
  #wake: (() => void) | undefined;
  #ended = false;
  /** Everything up to here was seen, whether it was selected or not. */
  #seen: Revision = 0n;
  /** What the cache tells of up to here was told already: history can be ahead of the cache. */
  #told: Revision;
  readonly #open: Disposable[] = [];

  constructor(collection: Collection, clock: Clock, options: FeedOptions) {
    this.#collection = collection;
    this.#clock = clock;
    this.#options = options;
    this.#told = options.from;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly WatchFrame[]> {
    const { signal, timeoutMs } = this.#options;
    const end = () => this.#end();
    if (signal.aborted) return;
    signal.addEventListener("abort", end, { once: true });
    this.#open.push({ [Symbol.dispose]: () => signal.removeEventListener("abort", end) });
    const deadline = this.#clock.monotonic() + timeoutMs;
    this.#open.push(this.#clock.after(timeoutMs, end));
    const { retired } = this.#collection.cache;
    if (retired.aborted) return;
    retired.addEventListener("abort", end, { once: true });
    this.#open.push({ [Symbol.dispose]: () => retired.removeEventListener("abort", end) });
    try {
      if (this.#options.initial) yield* this.#initial();
      else yield* this.#catchUp();
      if (this.#options.bookmarks) this.#scheduleBookmark(deadline);
      for (;;) {
        if (this.#waiting.length > 0) {
          const bunch = this.#waiting;
          this.#waiting = [];
          await this.#convert(bunch);
          yield bunch;
        } else if (this.#ended) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          this.#wake = undefined;
        }
      }
    } finally {
      this.#ended = true;
      for (const resource of this.#open.splice(0)) resource[Symbol.dispose]();
    }
  }

  async #convert(bunch: readonly WatchFrame[]): Promise<void> {
    const { served } = this.#options;
    if (!served.mapping?.convert) return;
    await ready(
      bunch.flatMap(({ held }) => held ?? []),
      served,
    );
  }

  // What exists is a picture, walked as fast as the reader takes it; only what happens meanwhile has to wait.
  async *#initial(): AsyncGenerator<readonly WatchFrame[]> {
    const { cache } = this.#collection;
    const { selection, served, sendInitialEvents } = this.#options;
    this.#subscribe();
    this.#seen = cache.revision;
    const end = this.#seen;
    let bunch: WatchFrame[] = [];
    for (const held of selected(this.#collection, selection)) {
      bunch.push(new HeldFrame("ADDED", held, served));
      if (bunch.length < initialBunch) continue;
      await this.#convert(bunch);
      yield bunch;
      if (this.#ended) return;
      bunch = [];
    }
    await this.#convert(bunch);
    if (sendInitialEvents && this.#options.bookmarks) {
      bunch.push(bookmark(served, end, { "k8s.io/initial-events-end": "true" }));
    }
    if (bunch.length > 0) yield bunch;
  }

  // From the recent past when that reaches back far enough, else first from the store's history.
  async *#catchUp(): AsyncGenerator<readonly WatchFrame[]> {
    const { cache, resource } = this.#collection;
    const { selection, signal, from } = this.#options;
    let seen = from;
    try {
      while (!this.#ended) {
        const recent = cache.since(seen);
        if (recent) {
          this.#subscribe();
          this.#seen = seen > cache.revision ? seen : cache.revision;
          for (const event of recent) this.#offer(event);
          return;
        }
        for await (const step of cache.history(resource.rangeOf(selection.namespace), seen, signal)) {
          for (const event of step.events) this.#offer(event);
          seen = step.revision;
          this.#told = seen;
          const bunch = this.#waiting;
          this.#waiting = [];
          if (bunch.length > 0) yield bunch;
          if (seen >= cache.oldest) break;
        }
      }
    } catch (error) {
      if (faultCode(error) !== "compacted") throw error;
      this.#expire(from);
    }
  }

  // The client has to list again.
  #expire(from: Revision): void {
    const { oldest } = this.#collection.cache;
    const status = new StatusError("Expired", `too old resource version: ${from} (${oldest})`).toStatus();
    this.#push(plainFrame("ERROR", status));
    this.#end();
  }

  #subscribe(): void {
    const { cache } = this.#collection;
    this.#open.push(cache.subscribe(this.#options.selection.scope, (event) => this.#offer(event)));
  }

  #offer(event: CacheEvent): void {
    if (event.revision <= this.#told) return;
    const { selection, served } = this.#options;
    const { matches, namespace } = selection;
    const inSpace = namespace === undefined || event.held.namespace === namespace;
    if (!inSpace) return;
    if (event.gap) {
      this.#expire(this.#seen);
      return;
    }
    if (!matches) {
      this.#push(new EventFrame(event.type, event.held, event, served));
      return;
    }
    const before = event.previous !== undefined && matches(event.previous);
    const now = event.type !== "DELETED" && matches(event.held);
    if (now) this.#push(new EventFrame(before ? "MODIFIED" : "ADDED", event.held, event, served));
    else if (before)
      this.#push(new EventFrame("DELETED", event.type === "DELETED" ? event.held : event.left, event, served));
  }

  #scheduleBookmark(deadline: number): void {
    const left = deadline - this.#clock.monotonic();
    const wait = Math.min(bookmarkEvery, left - bookmarkBeforeEnd);
    if (wait <= 0) return;
    this.#open.push(
      this.#clock.after(wait, () => {
        const { revision } = this.#collection.cache;
        this.#push(bookmark(this.#options.served, revision > this.#seen ? revision : this.#seen));
        this.#scheduleBookmark(deadline);
      }),
    );
  }

  #push(frame: WatchFrame): void {
    if (this.#ended) return;
    this.#waiting.push(frame);
    if (this.#waiting.length > mostWaiting) {
      this.#waiting.length = 0;
      this.#end();
    }
    this.#wake?.();
  }

  #end(): void {
    this.#ended = true;
    this.#wake?.();
  }
}

/** What exists of a selection, in key order. */
export function* selected({ cache, resource }: Collection, selection: Selection): Iterable<Held> {
  const { matches, name, namespace } = selection;
  const range = resource.rangeOf(namespace);
  if (name !== undefined && (namespace !== undefined || !resource.namespaced)) {
    const held = cache.get(range.start + name);
    if (held && (!matches || matches(held))) yield held;
    return;
  }
  for (const held of cache.picture(range)) if (!matches || matches(held)) yield held;
}

class HeldFrame implements WatchFrame {
  readonly type: EventType;
  readonly held: Held;
  readonly #served: Served;

  constructor(type: EventType, held: Held, served: Served) {
    this.type = type;
    this.held = held;
    this.#served = served;
  }

  get object(): AnyObject {
    return this.held.as(this.#served);
  }

  line(): Uint8Array {
    return this.held.eventLine(this.type, this.#served);
  }
}

class EventFrame implements WatchFrame {
  readonly type: EventType;
  readonly held: Held;
  readonly #event: CacheEvent;
  readonly #served: Served;

  constructor(type: EventType, held: Held, event: CacheEvent, served: Served) {
    this.type = type;
    this.held = held;
    this.#event = event;
    this.#served = served;
  }

  get object(): AnyObject {
    return this.held.as(this.#served);
  }

  line(): Uint8Array {
    return this.#event.line(this.type, this.held, this.#served);
  }
}

/** A frame that only its watcher sees. */
export function plainFrame(type: WatchFrame["type"], object: unknown): WatchFrame {
  return { type, object, line: () => Buffer.from(`${JSON.stringify({ type, object })}\n`) };
}

function bookmark(served: Served, revision: Revision, annotations?: Readonly<Record<string, string>>): WatchFrame {
  const metadata = { resourceVersion: String(revision), ...(annotations ? { annotations } : {}) };
  return plainFrame("BOOKMARK", { kind: served.kind, apiVersion: served.apiVersion, metadata });
}

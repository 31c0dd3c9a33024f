/**
 * A point in the store's history: every commit makes a later one. Never goes back, not even over restarts. A new store
 * stands at 1, so that 0 names no moment that anybody could have seen.
 */
export type Revision = bigint;

/**
 * Keys from `start` (inclusive) to `end` (exclusive), in the order of their UTF-8 bytes. A key is text of 1 to 1024
 * bytes without control characters; anything else is an `invalid` fault.
 */
export interface KeyRange {
  readonly start: string;
  readonly end: string;
}

export interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
  /** The revision of the commit that wrote this value. */
  readonly modified: Revision;
  /** The revision of the commit that created the key in its present life. */
  readonly created: Revision;
}

export interface Snapshot {
  readonly entries: readonly Entry[];
  /** The revision that this is a picture of. */
  readonly revision: Revision;
  /** True when `limit` cut the range short. */
  readonly more: boolean;
  /** How many keys the range held in all at that revision; only when `count` was asked for. */
  readonly count?: number;
}

export interface ReadOptions {
  /** The moment to read, default the latest. A revision that was not reached yet is an `invalid` fault. */
  readonly at?: Revision;
  /** At most so many entries; 0 with `count` only counts. */
  readonly limit?: number;
  readonly count?: boolean;
}

export interface Write {
  readonly key: string;
  /**
   * Null deletes; deleting what is expected absent is an `invalid` fault. The bytes belong to the store from now on:
   * the very array may come back from watches, so nobody changes it.
   */
  readonly value: Uint8Array | null;
  /** The revision that last modified the key; 0n means that it must be absent. */
  readonly expected: Revision;
  /** Seconds until the key expires by itself, at least 1; a later write without one makes it stay. */
  readonly ttl?: number;
}

/** A lost race says what is there instead; it is a result, not an error. */
export type Commit =
  | { readonly ok: true; readonly revision: Revision }
  | { readonly ok: false; readonly current: Entry | undefined };

export interface Change {
  readonly key: string;
  /** Null when the key was deleted or expired. */
  readonly value: Uint8Array | null;
  /** What was there before, for selectors that an object leaves; undefined when created. */
  readonly previous: Uint8Array | undefined;
  readonly revision: Revision;
  /** The revision of the commit that created the key in this life; a deletion names the life it ended. */
  readonly created: Revision;
}

/**
 * Ordered keys, one global revision counter, full history back to the last compaction.
 * Faults thrown: `compacted`, `closed`, `corrupt`, `exhausted` (disk or quota full; nothing was written), `unavailable`
 * (the outcome of a commit is unknown), `invalid`.
 */
export interface Store {
  /** Reads a range in key order as it was `at` a revision (default: latest). Throws `compacted` below the watermark. */
  read(range: KeyRange, options?: ReadOptions): Promise<Snapshot>;
  /**
   * Compare-and-swap on one key. Durable when it resolves; compares against writes in flight. Losing is a result, not
   * an error.
   */
  commit(write: Write): Promise<Commit>;
  /**
   * Yields every later change once, in revision order, until aborted, with the revision reached; empty `changes` mean
   * progress. Nothing is visible before it is durable. Throws `compacted` if history after `after` is gone. An abort
   * ends the iteration quietly.
   */
  watch(range: KeyRange, after: Revision, signal: AbortSignal): Watch;
  /** The latest durable revision. */
  revision(): Promise<Revision>;
  /**
   * Forgets history before `revision`; the current value of every live key survives. Compacting again to the same or
   * an earlier revision does nothing; a later one than the latest is an `invalid` fault.
   */
  compact(revision: Revision): Promise<void>;
  /** Waits for commits in flight, ends watches with `closed`, lets go of files and connections. Twice is harmless. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A running watch, to be iterated once by one consumer. */
export interface Watch extends AsyncIterable<WatchBatch> {
  /**
   * Everything up to here was handed out and, because the consumer has come back for more, dealt with. On an embedded
   * driver an idle watch keeps up with the store without being woken, so a cache can compare instead of waiting.
   */
  readonly reached: Revision;
  /** Asks for a batch soon, an empty one if need be, that reaches the revision of this moment. */
  prompt(): void;
}

export interface WatchBatch {
  readonly changes: readonly Change[];
  /** Every change in the range up to here has now been yielded. Progress without changes comes about once a second. */
  readonly revision: Revision;
}

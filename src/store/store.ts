/** A point in the store's history: every commit makes the next one. Never goes back, not even over restarts. */
export type Revision = bigint;

/** Keys from `start` (inclusive) to `end` (exclusive), in byte order. */
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

export interface Write {
  readonly key: string;
  /** Null deletes. */
  readonly value: Uint8Array | null;
  /** The revision that last modified the key; 0n means that it must be absent. */
  readonly expected: Revision;
  /** Seconds until the key expires by itself. */
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
  readonly created: Revision;
}

/**
 * Ordered keys, one global revision counter, full history back to the last compaction.
 * Faults thrown: `compacted`, `closed`, `corrupt`, `exhausted` (disk or map full; nothing was written), `unavailable`.
 */
export interface Store {
  /** Reads a range in key order as it was `at` a revision (default: latest). Throws `compacted` below the watermark. */
  read(
    range: KeyRange,
    options?: { readonly at?: Revision; readonly limit?: number; readonly count?: boolean },
  ): Promise<Snapshot>;
  /**
   * Compare-and-swap on one key. Durable when it resolves; compares against writes in flight. Losing is a result, not
   * an error.
   */
  commit(write: Write): Promise<Commit>;
  /**
   * Yields every later change once, in revision order, until aborted, with the revision reached; empty `changes` mean
   * progress. Nothing is visible before it is durable. Throws `compacted` if history after `after` is gone.
   */
  watch(range: KeyRange, after: Revision, signal: AbortSignal): AsyncIterable<WatchBatch>;
  /** The latest durable revision. */
  revision(): Promise<Revision>;
  /** Forgets history before `revision`; the current value of every live key survives. */
  compact(revision: Revision): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface WatchBatch {
  readonly changes: readonly Change[];
  readonly revision: Revision;
}

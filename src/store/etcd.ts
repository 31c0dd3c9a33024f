import type { Clock } from "../lib/clock.ts";
import { Fault, faultCode } from "../lib/fault.ts";
import { type Log, silentLog } from "../lib/log.ts";
import type { Random } from "../lib/random.ts";
import { EtcdConnection, type EtcdTls, isLeaseGone } from "./etcd-connection.ts";
import { EtcdFeed } from "./etcd-feed.ts";
import { EtcdKeys } from "./etcd-keys.ts";
import { EtcdLeases } from "./etcd-leases.ts";
import {
  asBytes,
  asNumber,
  asRevision,
  compact,
  compareModified,
  type KeyValue,
  range,
  type TxnRequest,
  txn,
} from "./etcd-wire.ts";
import { checkLimit, checkWrite } from "./keys.ts";
import type {
  Commit,
  Entry,
  KeyRange,
  ReadOptions,
  Revision,
  Snapshot,
  Store,
  Watch,
  WatchBatch,
  Write,
} from "./store.ts";
import { Watchers } from "./watchers.ts";

export interface EtcdStoreOptions {
  /** The members' client URLs, `http://host:2379` or `https://host:2379`. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls;
  /**
   * Put before every key, default nothing. A cluster shared with other programs needs one that is not the beginning of
   * any of their keys.
   */
  readonly prefix?: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds until a call is given up as `unavailable`, default 10000. */
  readonly timeout?: number;
  readonly log?: Log;
}

/**
 * Opens a store in an etcd v3 cluster; several processes may use it at once. A ttl is kept by the cluster and is at
 * least its own minimum, about two seconds; keys of one lease end at one revision. Throws `unavailable` when no member
 * answers.
 */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<Store> {
  const { endpoints, tls, clock, timeout = 10_000 } = options;
  const connection = new EtcdConnection({ endpoints, tls, clock, timeout });
  try {
    const keys = new EtcdKeys(options.prefix ?? "");
    const revision = await latest(connection, keys);
    return new EtcdStore({ ...options, connection, keys, revision });
  } catch (error) {
    connection[Symbol.dispose]();
    throw error;
  }
}

/** A commit waits so many milliseconds for its change to come back by the watch before it resolves without it. */
const longestEcho = 1000;
/** When the watch has not come as far as the cluster by then, other programs' writes are in between. */
const fenceAfter = 100;

async function latest(connection: EtcdConnection, keys: EtcdKeys): Promise<number> {
  const { header } = await connection.call(range, { key: keys.fence, count_only: true }, { repeatable: true });
  return asNumber(header.revision);
}

class EtcdStore implements Store {
  readonly #connection: EtcdConnection;
  readonly #keys: EtcdKeys;
  readonly #clock: Clock;
  readonly #leases: EtcdLeases;
  readonly #feed: EtcdFeed;
  readonly #watchers: Watchers;
  readonly #end = new AbortController();
  /** Those who wait for the watch to come as far as a revision. */
  readonly #waiting = new Set<{ readonly revision: number; readonly resolve: () => void }>();
  #pending = 0;
  #onSettled: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    options: EtcdStoreOptions & {
      readonly connection: EtcdConnection;
      readonly keys: EtcdKeys;
      readonly revision: number;
    },
  ) {
    const { connection, keys, clock, random, revision, log = silentLog } = options;
    this.#connection = connection;
    this.#keys = keys;
    this.#clock = clock;
    this.#leases = new EtcdLeases({ connection, clock, random });
    this.#feed = new EtcdFeed({
      connection,
      keys,
      clock,
      log,
      revision,
      onPiece: (piece) => {
        const names = piece.changes.map(({ key }) => key);
        this.#watchers.publish({ keys: names, revision: piece.revision, change: (index) => piece.changes[index]! });
        this.#wake(piece.revision);
      },
      onGap: (fault, reached) => {
        this.#watchers.interrupt(fault, reached);
        this.#wake(reached);
      },
    });
    const feed = this.#feed;
    this.#watchers = new Watchers({
      clock,
      revision,
      history: {
        get compacted() {
          return feed.floor;
        },
        since: (wanted, after) => ({ changes: feed.since(wanted, after), reached: this.#watchers.revision }),
      },
    });
  }

  async read(wanted: KeyRange, options: ReadOptions = {}): Promise<Snapshot> {
    this.#checkOpen();
    checkLimit(options);
    const { at, limit, count } = options;
    const { start, end } = this.#keys.range(wanted);
    if (Buffer.compare(start, end) >= 0) return this.#emptySnapshot(options);
    // To etcd a limit of 0 is none, and asking for nothing needs no values. Revision 0 means the latest there.
    const request = {
      key: start,
      range_end: end,
      limit: limit ?? 0,
      revision: at === undefined ? 0 : Math.max(1, Number(at)),
    };
    const response = await this.#connection.call(range, { ...request, count_only: limit === 0 }, { repeatable: true });
    const total = asNumber(response.count);
    return {
      entries: response.kvs.map((pair) => this.#entryOf(pair)),
      revision: at ?? asRevision(response.header.revision),
      more: response.more || (limit === 0 && total > 0),
      ...(count ? { count: total } : {}),
    };
  }

  async commit(write: Write): Promise<Commit> {
    this.#checkOpen();
    checkWrite(write);
    this.#pending++;
    try {
      const commit = await this.#commit(write);
      if (commit.ok) await this.#echoed(Number(commit.revision), longestEcho);
      return commit;
    } finally {
      this.#pending--;
      if (this.#pending === 0) this.#onSettled?.();
    }
  }

  watch(wanted: KeyRange, after: Revision, signal: AbortSignal): Watch {
    this.#checkOpen();
    return new EtcdWatch({
      watchers: this.#watchers,
      feed: this.#feed,
      range: wanted,
      after,
      signal,
      closed: this.#end.signal,
      catchUp: (byFence) => this.#catchUp(byFence),
    });
  }

  async revision(): Promise<Revision> {
    this.#checkOpen();
    return BigInt(await latest(this.#connection, this.#keys));
  }

  async compact(revision: Revision): Promise<void> {
    this.#checkOpen();
    const watermark = Number(revision);
    try {
      await this.#connection.call(compact, { revision: watermark, physical: true }, { repeatable: true });
    } catch (error) {
      // Somebody, perhaps another server, has compacted as far already.
      if (faultCode(error) !== "compacted") throw error;
    }
    this.#feed.forget(watermark);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#pending > 0) {
      await new Promise<void>((resolve) => {
        this.#onSettled = resolve;
      });
    }
    this.#end.abort(new Fault("closed", "the store was closed"));
    this.#watchers.close();
    this.#feed[Symbol.dispose]();
    this.#wake(Number.POSITIVE_INFINITY);
    this.#connection[Symbol.dispose]();
  }

  async #commit(write: Write): Promise<Commit> {
    const key = this.#keys.encode(write.key);
    for (let attempt = 1; ; attempt++) {
      const lease = write.value !== null && write.ttl !== undefined ? await this.#leases.join(write.ttl) : 0;
      const request: TxnRequest = {
        compare: [{ target: compareModified, key, mod_revision: Number(write.expected) }],
        success: [
          write.value === null
            ? { request_delete_range: { key } }
            : { request_put: { key, value: write.value, lease } },
        ],
        failure: [{ request_range: { key } }],
      };
      try {
        const { header, succeeded, responses } = await this.#connection.call(txn, request, { repeatable: false });
        if (succeeded) return { ok: true, revision: asRevision(header.revision) };
        const [pair] = responses[0]?.response_range?.kvs ?? [];
        return { ok: false, current: pair && this.#entryOf(pair) };
      } catch (error) {
        if (!isLeaseGone(error) || write.ttl === undefined || attempt === 3) throw error;
        this.#leases.forget(write.ttl);
      }
    }
  }

  async #emptySnapshot({ at, count }: ReadOptions): Promise<Snapshot> {
    const revision = at ?? (await this.revision());
    return { entries: [], revision, more: false, ...(count ? { count: 0 } : {}) };
  }

  #entryOf({ key, value, mod_revision, create_revision }: KeyValue): Entry {
    return {
      key: this.#keys.decode(key),
      value: asBytes(value),
      modified: asRevision(mod_revision),
      created: asRevision(create_revision),
    };
  }

  /** Brings the watch as far as the cluster is now, if need be by a fence. */
  async #catchUp(byFence: boolean): Promise<void> {
    const revision = await latest(this.#connection, this.#keys);
    if (!byFence) await this.#echoed(revision, fenceAfter);
    if ((!byFence && this.#watchers.revision >= revision) || this.#closing) return;
    // Others' keys took these revisions, so the watch hears nothing of them; a write of our own passes through it.
    const put = { request_put: { key: this.#keys.fence, value: new Uint8Array() } };
    const { header } = await this.#connection.call(
      txn,
      { compare: [], success: [put], failure: [] },
      { repeatable: true },
    );
    await this.#echoed(asNumber(header.revision), longestEcho);
  }

  /** Resolves when the watch has come as far as a revision, or after so many milliseconds. */
  #echoed(revision: number, longest: number): Promise<void> {
    if (this.#watchers.revision >= revision) return Promise.resolve();
    return new Promise((resolve) => {
      const waiter = {
        revision,
        resolve: () => {
          timer[Symbol.dispose]();
          this.#waiting.delete(waiter);
          resolve();
        },
      };
      const timer = this.#clock.after(longest, waiter.resolve);
      this.#waiting.add(waiter);
    });
  }

  #wake(revision: number): void {
    for (const waiter of this.#waiting) if (waiter.revision <= revision) waiter.resolve();
  }

  #checkOpen(): void {
    if (this.#closing) throw new Fault("closed", "the store is closed");
  }
}

interface EtcdWatchOptions {
  readonly watchers: Watchers;
  readonly feed: EtcdFeed;
  readonly range: KeyRange;
  readonly after: Revision;
  readonly signal: AbortSignal;
  /** Aborted with the `closed` fault. */
  readonly closed: AbortSignal;
  catchUp(byFence: boolean): Promise<void>;
}

/** A watch that reads what is older than the feed keeps from the cluster, and then follows the feed. */
class EtcdWatch implements Watch {
  readonly #options: EtcdWatchOptions;
  readonly #batches: AsyncGenerator<WatchBatch, undefined>;
  #inner: Watch | undefined;
  #reached: Revision;
  #readsOlder = false;

  constructor(options: EtcdWatchOptions) {
    this.#options = options;
    this.#reached = options.after;
    this.#batches = this.#run();
  }

  get reached(): Revision {
    return this.#inner?.reached ?? this.#reached;
  }

  prompt(): void {
    // Whatever fails here fails the watch itself, or is tried again by the next who asks.
    this.#options.catchUp(this.#readsOlder).then(
      () => this.#inner?.prompt(),
      () => {},
    );
  }

  [Symbol.asyncIterator](): AsyncIterator<WatchBatch, undefined> {
    return this.#batches;
  }

  async *#run(): AsyncGenerator<WatchBatch, undefined> {
    const { watchers, feed, range: wanted, signal, closed } = this.#options;
    let from = this.#options.after;
    while (!signal.aborted) {
      if (Number(from) < feed.floor) {
        this.#readsOlder = true;
        for await (const batch of feed.older(wanted, Number(from), signal)) {
          from = batch.revision;
          yield batch;
          this.#reached = from;
        }
        this.#readsOlder = false;
        if (closed.aborted) throw closed.reason;
        continue;
      }
      this.#inner = watchers.watch(wanted, from, signal);
      try {
        for await (const batch of this.#inner) {
          from = batch.revision;
          yield batch;
        }
        return;
      } catch (error) {
        // Fallen behind what the feed keeps, but perhaps not behind what the cluster keeps.
        if (faultCode(error) !== "compacted" || Number(from) >= feed.floor) throw error;
        this.#reached = this.#inner.reached;
        this.#inner = undefined;
      }
    }
  }
}

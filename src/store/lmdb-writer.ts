import { errorMessage, Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { holdReserve, isDiskFull, releaseReserve } from "./lmdb-directory.ts";
import {
  type Header,
  headerSize,
  recordSize,
  type State,
  stateSize,
  writeHeader,
  writeRecord,
  writeState,
} from "./lmdb-format.ts";
import type { Tables } from "./lmdb-tables.ts";
import type { Change, Commit, Entry, Write } from "./store.ts";

/** A piece of compaction: log records to remove, and the watermarks once they are gone. */
export interface Sweep {
  readonly forget: readonly number[];
  /** The bytes of those records. */
  readonly freed: number;
  readonly compacted: number;
  readonly swept: number;
}

export interface WriterOptions {
  readonly tables: Tables;
  readonly directory: string;
  readonly state: State;
  /** Writes that would make the log's records exceed so many bytes are refused. */
  readonly quota: number;
  /** The time in milliseconds since the epoch, for expiries. */
  readonly now: () => number;
  readonly log: Log;
  /** Told about every durable batch before its commits resolve. */
  readonly onDurable: (batch: DurableBatch) => void;
}

export interface DurableBatch {
  readonly keys: readonly string[];
  readonly state: State;
  change(index: number): Change;
  /** The earliest expiry among them, or infinity. */
  readonly expires: number;
}

/** A commit that waits for its turn. */
interface Request {
  readonly write: Write;
  resolve(commit: Commit): void;
  reject(error: unknown): void;
}

/** A sweep that waits for its turn. */
interface SweepRequest {
  readonly sweep: Sweep;
  resolve(): void;
  reject(error: unknown): void;
}

/** A commit that won its comparison and has a revision, but is not durable yet. Later ones compare against it. */
interface Pending extends Header {
  readonly request: Request;
  readonly key: string;
  readonly keyBytes: number;
  readonly value: Uint8Array | null;
  readonly previous: Header | undefined;
  /** Kept when what it replaces was in flight too, and so cannot be read. */
  readonly previousValue: Uint8Array | undefined;
  /** Those that lost against this one: they are answered when it is durable, for it may yet fail. */
  readonly losers: Request[];
}

interface Batch {
  readonly pendings: readonly Pending[];
  readonly sweeps: readonly SweepRequest[];
  readonly state: State;
}

const mostPerBatch = 4096;
const mostBytesPerBatch = 16 * 1024 * 1024;
/** While the disk is full, so many writes are tried one by one before others get a turn. */
const mostPerTurn = 16;

/**
 * Commits in groups: one LMDB transaction and one flush for everything that arrived during the one before. Comparisons
 * run at once, against what is in flight, so that a batch holds only winners.
 */
export class GroupCommit {
  readonly #tables: Tables;
  readonly #options: WriterOptions;
  /** What is durable. */
  #state: State;
  /** What will be durable once everything in flight is. */
  #revision: number;
  #bytes: number;
  readonly #flying = new Map<string, Pending>();
  #queue: Pending[] = [];
  #sweeps: SweepRequest[] = [];
  #busy = false;
  #scheduled = false;
  /** After a batch failed, writes go one by one until all went well, so that each learns its own fate. */
  #oneByOne: (Request | SweepRequest)[] | undefined;
  #broken: Fault | undefined;
  #closed = false;
  #onIdle: (() => void) | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#tables = options.tables;
    this.#state = options.state;
    this.#revision = options.state.revision;
    this.#bytes = options.state.bytes;
  }

  get state(): State {
    return this.#state;
  }

  /** Resolves once the write is durable, or with what it lost against. */
  commit(write: Write): Promise<Commit> {
    return new Promise((resolve, reject) => this.#submit({ write, resolve, reject }));
  }

  /** Resolves once the sweep is durable. */
  sweep(sweep: Sweep): Promise<void> {
    return new Promise((resolve, reject) => this.#submit({ sweep, resolve, reject }));
  }

  /** Refuses new work and resolves when what was accepted is settled. */
  close(): Promise<void> {
    this.#closed = true;
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#idle();
    });
  }

  #submit(request: Request | SweepRequest): void {
    const refusal = this.#closed ? new Fault("closed", "the store is closed") : this.#broken;
    if (refusal) request.reject(refusal);
    else if (this.#oneByOne) this.#oneByOne.push(request);
    else if ("sweep" in request) this.#sweeps.push(request);
    else this.#admit(request);
    this.#schedule();
  }

  /** Compares, and on success gives the write its revision and a place in the queue. */
  #admit(request: Request): void {
    const { key, expected } = request.write;
    const flying = this.#flying.get(key);
    const current = flying ? (flying.value === null ? undefined : flying) : this.#tables.header(key);
    if (BigInt(current?.revision ?? 0) !== expected) {
      if (flying) flying.losers.push(request);
      else request.resolve({ ok: false, current: this.#tables.entry(key) });
      return;
    }
    const keyBytes = Buffer.byteLength(key);
    const { value, ttl } = request.write;
    const size = recordSize(keyBytes, value);
    if (value !== null && this.#bytes + size > this.#options.quota) {
      const mend = "compact, delete objects or raise the quota";
      const used = `${this.#bytes} of ${this.#options.quota} bytes are used`;
      request.reject(new Fault("exhausted", `the store's quota is used up (${used}): ${mend}`));
      return;
    }
    const revision = this.#revision + 1;
    const pending: Pending = {
      request,
      key,
      keyBytes,
      value,
      revision,
      created: current?.created ?? revision,
      expires: value !== null && ttl !== undefined ? Math.ceil(this.#options.now() + ttl * 1000) : 0,
      size,
      previous: current,
      previousValue: flying?.value ?? undefined,
      losers: [],
    };
    this.#revision = revision;
    this.#bytes += size;
    this.#flying.set(key, pending);
    this.#queue.push(pending);
  }

  #schedule(): void {
    if (this.#busy || this.#scheduled) return;
    this.#scheduled = true;
    // Comes when this turn's promises have run out: what they set off has arrived and shares the flush, which is under way
    // before the next turn.
    process.nextTick(() => {
      this.#scheduled = false;
      if (this.#oneByOne) this.#writeOneByOne(this.#oneByOne);
      else this.#writeBatch();
    });
  }

  #idle(): void {
    const waiting = this.#queue.length + this.#sweeps.length + (this.#oneByOne?.length ?? 0);
    if (waiting > 0) this.#schedule();
    else if (!this.#busy) this.#onIdle?.();
  }

  #writeBatch(): void {
    const batch = this.#nextBatch();
    if (!batch) {
      this.#idle();
      return;
    }
    this.#busy = true;
    try {
      this.#tables.root
        .batch(() => this.#put(batch))
        .then(
          () => {
            this.#busy = false;
            this.#durable(batch);
          },
          (error) => {
            // The reason comes as a promise of its own, which must not go unheard.
            Promise.resolve(error?.commitError).catch(() => {});
            this.#batchFailed(batch, error);
          },
        );
    } catch (error) {
      this.#batchFailed(batch, error);
    }
  }

  #nextBatch(): Batch | undefined {
    if (this.#queue.length === 0 && this.#sweeps.length === 0) return undefined;
    let bytes = 0;
    let count = 0;
    while (count < this.#queue.length && count < mostPerBatch && bytes < mostBytesPerBatch) {
      bytes += this.#queue[count++]!.size;
    }
    const pendings = count === this.#queue.length ? this.#queue : this.#queue.slice(0, count);
    this.#queue = count === this.#queue.length ? [] : this.#queue.slice(count);
    const sweeps = this.#sweeps;
    this.#sweeps = [];
    return { pendings, sweeps, state: this.#stateAfter(pendings, sweeps) };
  }

  #stateAfter(pendings: readonly Pending[], sweeps: readonly SweepRequest[]): State {
    let { revision, compacted, swept, bytes } = this.#state;
    for (const { size } of pendings) bytes += size;
    if (pendings.length > 0) revision = pendings.at(-1)!.revision;
    for (const { sweep } of sweeps) {
      compacted = Math.max(compacted, sweep.compacted);
      swept = Math.max(swept, sweep.swept);
      bytes -= sweep.freed;
    }
    return { revision, compacted, swept, bytes };
  }

  /** Hands the batch's changes to LMDB, within a transaction. */
  #put({ pendings, sweeps, state }: Batch): void {
    const { root, log, keys, expiries } = this.#tables;
    let room = stateSize;
    for (const { size } of pendings) room += size + headerSize + 8;
    // One allocation for the batch: LMDB keeps pointers into it until the transaction has ended.
    const arena = Buffer.allocUnsafeSlow(room);
    let used = 0;
    const take = (size: number) => {
      used += size;
      return arena.subarray(used - size, used);
    };
    for (const pending of pendings) {
      const { key, value, revision, created, previous, expires } = pending;
      const record = take(pending.size);
      const replaced = { previous: previous?.revision ?? 0, previousSize: previous?.size ?? 0 };
      writeRecord(record, pending.keyBytes, { key, value, created, ...replaced });
      put(log, revision, record);
      if (value === null) {
        keys.remove(key);
      } else {
        const header = take(headerSize);
        writeHeader(header, pending);
        put(keys, key, header);
      }
      if (previous?.expires) expiries.remove([previous.expires, key]);
      if (expires > 0) {
        const modified = take(8);
        modified.writeDoubleLE(revision);
        put(expiries, [expires, key], modified);
      }
    }
    for (const { sweep } of sweeps) for (const revision of sweep.forget) log.remove(revision);
    const bytes = take(stateSize);
    writeState(bytes, state);
    put(root, "state", bytes);
  }

  #durable(batch: Batch): void {
    const { pendings, sweeps, state } = batch;
    this.#tables.refresh();
    this.#state = state;
    for (const { sweep } of sweeps) this.#bytes -= sweep.freed;
    for (const pending of pendings) {
      if (this.#flying.get(pending.key) === pending) this.#flying.delete(pending.key);
    }
    this.#options.onDurable({
      keys: pendings.map(({ key }) => key),
      state,
      change: (index) => this.#change(pendings[index]!),
      expires: pendings.reduce(
        (earliest, { expires }) => (expires > 0 ? Math.min(earliest, expires) : earliest),
        Number.POSITIVE_INFINITY,
      ),
    });
    for (const pending of pendings) {
      pending.request.resolve({ ok: true, revision: BigInt(pending.revision) });
      for (const loser of pending.losers) loser.resolve({ ok: false, current: entryOf(pending) });
    }
    for (const sweep of sweeps) sweep.resolve();
    this.#idle();
  }

  #change({ key, value, previous, previousValue, revision, created }: Pending): Change {
    return {
      key,
      value,
      previous: previous && (previousValue ?? this.#tables.value(previous.revision)),
      revision: BigInt(revision),
      created: BigInt(created),
    };
  }

  /** Nothing of the batch was written, so all that stood on it is undone and starts over, one by one. */
  #batchFailed({ pendings, sweeps }: Batch, error: unknown): void {
    this.#options.log.warn("a batch of writes failed; they are tried again one by one", { error: errorMessage(error) });
    this.#busy = false;
    const requests: (Request | SweepRequest)[] = [...sweeps, ...this.#sweeps];
    for (const pending of [...pendings, ...this.#queue]) requests.push(pending.request, ...pending.losers);
    this.#sweeps = [];
    this.#undo();
    this.#oneByOne = requests;
    this.#idle();
  }

  #undo(): void {
    this.#queue = [];
    this.#flying.clear();
    this.#revision = this.#state.revision;
    this.#bytes = this.#state.bytes;
  }

  #writeOneByOne(requests: (Request | SweepRequest)[]): void {
    let allWell = true;
    for (const request of requests.splice(0, mostPerTurn)) {
      if (this.#broken) request.reject(this.#broken);
      else allWell = this.#writeOne(request) && allWell;
    }
    if (allWell && requests.length === 0) {
      this.#oneByOne = undefined;
      holdReserve(this.#options.directory);
    }
    this.#idle();
  }

  /** Writes one request in a transaction of its own, on this thread, where LMDB says exactly what went wrong. */
  #writeOne(request: Request | SweepRequest): boolean {
    let batch: Batch | undefined;
    try {
      if ("sweep" in request) this.#sweeps.push(request);
      else this.#admit(request);
      batch = this.#nextBatch();
      if (!batch) return true;
      const winner = batch;
      this.#tables.root.transactionSync(() => this.#put(winner));
    } catch (error) {
      this.#undo();
      const fault = this.#faultOf(error);
      const frees = "sweep" in request || request.write.value === null;
      if (fault.code === "exhausted" && frees && releaseReserve(this.#options.directory))
        return this.#writeOne(request);
      request.reject(fault);
      return false;
    }
    this.#durable(batch);
    return true;
  }

  #faultOf(error: unknown): Fault {
    if (error instanceof Fault) return error;
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const { directory } = this.#options;
    if (noSpace.has(code) || (code === inputOutputError && isDiskFull(directory))) {
      return new Fault("exhausted", `no space left for the store in ${directory}`, { cause: error });
    }
    this.#broken = new Fault("unavailable", `the store in ${directory} cannot write any more: ${errorMessage(error)}`, {
      cause: error,
    });
    this.#options.log.error("the store stops writing", { directory, error: errorMessage(error) });
    return this.#broken;
  }
}

/** ENOMEM, EFBIG, ENOSPC, EDQUOT, MDB_MAP_FULL and MDB_TXN_FULL. */
const noSpace: ReadonlySet<unknown> = new Set([12, 27, 28, 122, -30792, -30788]);
/** What LMDB makes of a write that the disk took only half of. */
const inputOutputError = 5;

interface Table<K> {
  put(key: K, value: Buffer): Promise<boolean>;
}

function put<K>(table: Table<K>, key: K, value: Buffer): void {
  // Within a batch the promise says nothing: the batch's own does.
  void table.put(key, value);
}

function entryOf({ key, value, revision, created }: Pending): Entry | undefined {
  return value === null ? undefined : { key, value, modified: BigInt(revision), created: BigInt(created) };
}

import type { Clock } from "../lib/clock.ts";
import { errorMessage, Fault, faultCode } from "../lib/fault.ts";
import { type Log, silentLog } from "../lib/log.ts";
import { Alarm } from "./alarm.ts";
import { checkDataDirectory } from "./check.ts";
import { checkLimit, checkMoment, checkWrite, inRange } from "./keys.ts";
import {
  claimDirectory,
  holdReserve,
  inspectDirectory,
  markOpening,
  otherProcesses,
  writeFormat,
} from "./lmdb-directory.ts";
import { type State, stateSize, whatToDo, writeState } from "./lmdb-format.ts";
import { slabs, Tables } from "./lmdb-tables.ts";
import { GroupCommit } from "./lmdb-writer.ts";
import { asItWas, countAsItWas, type LaterChange, touchedSince } from "./past.ts";
import type { Change, Commit, Entry, KeyRange, ReadOptions, Revision, Snapshot, Store, Watch, Write } from "./store.ts";
import { Watchers } from "./watchers.ts";

export interface LmdbStoreOptions {
  /** The data directory, made when missing; nothing else should be in it. */
  readonly path: string;
  readonly clock: Clock;
  /**
   * "strict" (default): a resolved commit survives a power cut. "relaxed": it survives the end of the process, but a
   * power cut may damage the store; for tests and clusters that are thrown away.
   */
  readonly durability?: "strict" | "relaxed";
  /** Bytes of records, history included, beyond which writes are refused as `exhausted`; default 8 GiB. */
  readonly quota?: number;
  /** Bytes of address space to map at first, default 32 GiB; costs nothing until used. */
  readonly mapSize?: number;
  /** How many milliseconds to wait for another process to let go of the directory, default 1000. */
  readonly patience?: number;
  readonly log?: Log;
}

/** The embedded store, with what only a store in a directory can do. */
export interface LmdbStore extends Store {
  /** Bytes of all records, history included, and the quota. */
  usage(): { readonly bytes: number; readonly quota: number };
  /** Writes a consistent, compact copy, which opens as a store, into an empty directory while the store is in use. */
  backup(directory: string): Promise<void>;
}

/**
 * Opens a store that lives in a directory. Throws `in-use` when another process has it open, `newer-format` when a
 * later version wrote it, `corrupt` when it is damaged, `unavailable` when the files cannot be reached.
 */
export async function openLmdbStore(options: LmdbStoreOptions): Promise<LmdbStore> {
  const claim = claimDirectory(options.path);
  try {
    const condition = inspectDirectory(claim.path);
    if (condition === "suspicious") await checkFirst(claim.path);
    using _marker = markOpening(claim.path);
    const tables = await openTables(claim.path, options);
    try {
      const state = tables.state() ?? firstState(tables, condition === "new");
      if (condition === "new") writeFormat(claim.path);
      holdReserve(claim.path);
      return new EmbeddedStore({ ...options, tables, state, claim, path: claim.path });
    } catch (error) {
      await tables.root.close();
      throw error;
    }
  } catch (error) {
    claim[Symbol.dispose]();
    if (faultCode(error)) throw error;
    throw openFault(options.path, error);
  }
}

async function checkFirst(directory: string): Promise<void> {
  const report = await checkDataDirectory(directory);
  if (!report.ok) {
    throw new Fault(
      "corrupt",
      `the data directory ${directory} is damaged: ${report.problems.join("; ")}; ${whatToDo}`,
    );
  }
}

async function openTables(directory: string, options: LmdbStoreOptions): Promise<Tables> {
  const { clock, durability = "strict", mapSize = 32 * 1024 ** 3, patience = 1000 } = options;
  const deadline = clock.monotonic() + patience;
  for (;;) {
    const tables = new Tables({ directory, mapSize, sync: durability === "strict", readOnly: false });
    // Reading puts this process into the table of readers; of two that open at once, each then sees the other.
    tables.state();
    tables.root.readerCheck();
    const others = otherProcesses(tables.root.readerList());
    if (others.length === 0) return tables;
    await tables.root.close();
    if (clock.monotonic() >= deadline) {
      throw new Fault("in-use", `the data directory ${directory} is in use by process ${others.join(", ")}`);
    }
    await clock.sleep(50);
  }
}

function firstState(tables: Tables, isNew: boolean): State {
  if (!isNew) throw new Fault("corrupt", `the store's state record is missing; ${whatToDo}`);
  const state: State = { revision: 1, compacted: 0, swept: 0, bytes: 0 };
  const bytes = Buffer.allocUnsafeSlow(stateSize);
  writeState(bytes, state);
  tables.root.transactionSync(() => void tables.root.put("state", bytes));
  return state;
}

function openFault(path: string, error: unknown): Fault {
  const message = errorMessage(error);
  if (/MDB_(CORRUPTED|INVALID|PAGE_NOTFOUND|PANIC|VERSION_MISMATCH|INCOMPATIBLE)/.test(message)) {
    return new Fault("corrupt", `the data directory ${path} is damaged (${message}); ${whatToDo}`, { cause: error });
  }
  return new Fault("unavailable", `cannot open the data directory ${path}: ${message}`, { cause: error });
}

const mostPerBatch = 1000;
const mostPerSearch = 20_000;
const mostPerSweep = 500;
const mostPerExpiry = 500;
/** Expired keys that could not be deleted, on a full disk say, are tried again after so many milliseconds. */
const expiryRetry = 5000;

interface EmbeddedOptions extends LmdbStoreOptions {
  readonly tables: Tables;
  readonly state: State;
  readonly claim: Disposable;
}

class EmbeddedStore implements LmdbStore {
  readonly #tables: Tables;
  readonly #claim: Disposable;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #quota: number;
  readonly #writer: GroupCommit;
  readonly #watchers: Watchers;
  readonly #alarm: Alarm;
  /** The newest revision that a read has let anybody see. */
  #shown = 0;
  #compaction: Promise<void> = Promise.resolve();
  #expiring: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(options: EmbeddedOptions) {
    const { tables, state, clock, log = silentLog, quota = 8 * 1024 ** 3 } = options;
    this.#tables = tables;
    this.#claim = options.claim;
    this.#clock = clock;
    this.#log = log;
    this.#quota = quota;
    this.#alarm = new Alarm(clock, () => {
      this.#expiring = this.#expire();
    });
    const store = this;
    this.#watchers = new Watchers({
      clock,
      revision: state.revision,
      history: {
        get compacted() {
          return store.#writer.state.compacted;
        },
        since: (range, after) => this.#since(range, after),
      },
    });
    this.#writer = new GroupCommit({
      tables,
      directory: options.path,
      state,
      quota,
      now: () => clock.now(),
      log,
      onDurable: (batch) => {
        this.#alarm.setFor(batch.expires);
        if (batch.keys.length > 0) this.#watchers.publish({ ...batch, revision: batch.state.revision });
      },
    });
    if (state.swept < state.compacted) {
      this.#compaction = this.#sweepOn().catch((error) => {
        log.warn("compacted history could not be removed yet", { error: errorMessage(error) });
      });
    }
    this.#setAlarm();
  }

  async read(range: KeyRange, options?: ReadOptions): Promise<Snapshot> {
    this.#checkOpen();
    checkLimit(options);
    const { at, limit = Number.POSITIVE_INFINITY, count } = options ?? {};
    const state = this.#stateNow();
    if (at !== undefined) checkMoment(at, state.compacted, state.revision);
    const revision = at === undefined ? state.revision : Number(at);
    const touched = touchedSince(this.#later(revision, state.revision), range);
    const place = limit > 16 ? slabs() : Buffer.allocUnsafeSlow;
    const found: (readonly [string, number])[] = [];
    let more = false;
    if (limit > 0 || !count) {
      const present = this.#tables.range(range);
      for (const entry of touched.size === 0 ? present : asItWas(present, touched)) {
        if (found.length >= limit) {
          more = true;
          break;
        }
        found.push(entry);
      }
    }
    const entries: Entry[] = new Array(found.length);
    for (let i = 0; i < found.length; i++) entries[i] = this.#tables.entryAt(found[i]![0], found[i]![1], place);
    if (!count) return { entries, revision: BigInt(revision), more };
    const total = countAsItWas(this.#tables.count(range), touched);
    return { entries, revision: BigInt(revision), more: total > entries.length, count: total };
  }

  async commit(write: Write): Promise<Commit> {
    this.#checkOpen();
    checkWrite(write);
    return this.#writer.commit(write);
  }

  watch(range: KeyRange, after: Revision, signal: AbortSignal): Watch {
    return this.#watchers.watch(range, after, signal);
  }

  async revision(): Promise<Revision> {
    this.#checkOpen();
    return BigInt(Math.max(this.#writer.state.revision, this.#shown));
  }

  async compact(revision: Revision): Promise<void> {
    this.#checkOpen();
    checkMoment(revision, 0, this.#stateNow().revision);
    const compaction = this.#compaction.then(() => this.#compact(Number(revision)));
    this.#compaction = compaction.catch(() => {});
    return compaction;
  }

  usage(): { readonly bytes: number; readonly quota: number } {
    return { bytes: this.#writer.state.bytes, quota: this.#quota };
  }

  async backup(directory: string): Promise<void> {
    this.#checkOpen();
    using claim = claimDirectory(directory);
    if (inspectDirectory(claim.path) !== "new") throw new Fault("invalid", `${directory} already holds a store`);
    try {
      await this.#tables.root.backup(claim.path, true);
      writeFormat(claim.path);
    } catch (error) {
      throw new Fault("unavailable", `cannot write a backup to ${directory}: ${errorMessage(error)}`, { cause: error });
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#alarm[Symbol.dispose]();
    await this.#writer.close();
    await this.#compaction;
    await this.#expiring;
    this.#watchers.close();
    await this.#tables.root.close();
    this.#claim[Symbol.dispose]();
  }

  /** The state as the map has it, which may be a moment ahead of what the writer has heard of. */
  #stateNow(): State {
    const state = this.#tables.state();
    if (!state) throw new Fault("corrupt", `the store's state record is missing; ${whatToDo}`);
    this.#shown = state.revision;
    return state;
  }

  *#later(after: number, upTo: number): Generator<LaterChange<number>> {
    for (let revision = after + 1; revision <= upTo; revision++) {
      const head = this.#tables.head(revision);
      if (head) yield { key: head.key, before: head.previous || undefined, deleted: head.deleted };
    }
  }

  #since(range: KeyRange, after: number): { changes: Change[]; reached: number } {
    // Not further than was published: what the writer has not heard of yet reaches watches through it.
    const upTo = Math.min(this.#watchers.revision, after + mostPerSearch);
    const changes: Change[] = [];
    let revision = after;
    while (revision < upTo && changes.length < mostPerBatch) {
      const head = this.#tables.head(++revision);
      if (head && inRange(range, head.key)) changes.push(this.#tables.change(revision, head));
    }
    return { changes, reached: revision };
  }

  async #compact(revision: number): Promise<void> {
    const { compacted, swept } = this.#writer.state;
    if (revision <= compacted) return;
    // The watermark first: from here on nobody reads what is about to go.
    await this.#writer.sweep({ forget: [], freed: 0, compacted: revision, swept });
    await this.#sweepOn();
  }

  /** Removes forgotten records in small steps, between which others write. A stop in the middle is resumed on opening. */
  async #sweepOn(): Promise<void> {
    try {
      for (;;) {
        const { swept, compacted } = this.#writer.state;
        if (swept >= compacted) break;
        await this.#writer.sweep(this.#nextSweep(swept, compacted));
      }
      // LMDB hands out freed pages two transactions later, and on a full disk there might never be those two.
      const { swept, compacted } = this.#writer.state;
      for (let i = 0; i < 2; i++) await this.#writer.sweep({ forget: [], freed: 0, compacted, swept });
    } catch (error) {
      if (faultCode(error) !== "closed") throw error;
    }
  }

  #nextSweep(swept: number, compacted: number): { forget: number[]; freed: number; compacted: number; swept: number } {
    const upTo = Math.min(compacted, swept + mostPerSweep);
    const forget: number[] = [];
    let freed = 0;
    for (let revision = swept + 1; revision <= upTo; revision++) {
      const head = this.#tables.head(revision);
      if (!head) continue;
      if (head.previous > 0) {
        forget.push(head.previous);
        freed += head.previousSize;
      }
      if (head.deleted) {
        forget.push(revision);
        freed += head.size;
      }
    }
    return { forget, freed, compacted, swept: upTo };
  }

  async #expire(): Promise<void> {
    try {
      const now = this.#clock.now();
      const due: Promise<Commit>[] = [];
      for (const { key, value } of this.#tables.expiries.getRange({ limit: mostPerExpiry })) {
        const [expires, name] = key;
        if (expires > now) {
          this.#alarm.setFor(expires);
          break;
        }
        const expected = BigInt(Buffer.from(value).readDoubleLE(0));
        due.push(this.#writer.commit({ key: name, value: null, expected }));
      }
      await Promise.all(due);
      if (due.length === mostPerExpiry) this.#setAlarm();
    } catch (error) {
      if (faultCode(error) === "closed") return;
      this.#log.warn("expired keys could not be deleted yet", { error: errorMessage(error) });
      this.#alarm.setFor(this.#clock.now() + expiryRetry);
    }
  }

  #setAlarm(): void {
    for (const { key } of this.#tables.expiries.getRange({ limit: 1 })) this.#alarm.setFor(key[0]);
  }

  #checkOpen(): void {
    if (this.#closing) throw new Fault("closed", "the store is closed");
  }
}

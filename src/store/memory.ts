import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { Alarm } from "./alarm.ts";
import { checkLimit, checkMoment, checkWrite, inRange } from "./keys.ts";
import { asItWas, countAsItWas, type LaterChange, touchedSince } from "./past.ts";
import { SortedMap } from "./sorted.ts";
import type { Change, Commit, Entry, KeyRange, ReadOptions, Revision, Snapshot, Store, Watch, Write } from "./store.ts";
import { Watchers } from "./watchers.ts";

/** A store that lives and dies with the process: for tests, virtual time and clusters that nobody will miss. */
export function openMemoryStore(options: { readonly clock: Clock }): Store {
  return new MemoryStore(options.clock);
}

/** One change. Those that are the present value of a key live on in the map when the history forgets them. */
interface Stored {
  readonly key: string;
  readonly value: Uint8Array | null;
  readonly revision: number;
  readonly created: number;
  readonly expires: number | undefined;
  /** Undefined when the key was absent, and when history forgot it. */
  previous: Stored | undefined;
}

const mostPerBatch = 1000;
const mostPerSearch = 20_000;

class MemoryStore implements Store {
  readonly #clock: Clock;
  readonly #keys = new SortedMap<Stored>();
  /** Every change after the watermark: the one with revision r is at r - compacted - 1. */
  #log: Stored[] = [];
  #compacted = 1;
  #revision = 1;
  /** Moments at which keys expire, in order; entries of keys that were written since are skipped when they come up. */
  readonly #expiries = new SortedMap<Stored>();
  readonly #alarm: Alarm;
  readonly #watchers: Watchers;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#alarm = new Alarm(clock, () => this.#expire());
    const store = this;
    this.#watchers = new Watchers({
      clock,
      revision: this.#revision,
      history: {
        // A watch from 0 sees everything as long as nothing was forgotten.
        get compacted() {
          return store.#compacted === 1 ? 0 : store.#compacted;
        },
        since: (range, after) => this.#since(range, after),
      },
    });
  }

  async read(range: KeyRange, options?: ReadOptions): Promise<Snapshot> {
    this.#checkOpen();
    checkLimit(options);
    const { at, limit = Number.POSITIVE_INFINITY, count } = options ?? {};
    const revision = at === undefined ? this.#revision : Number(at);
    if (at !== undefined) checkMoment(at, this.#compacted === 1 ? 0 : this.#compacted, this.#revision);
    const touched = touchedSince(this.#later(revision), range);
    const entries: Entry[] = [];
    let more = false;
    for (const [, stored] of asItWas(this.#keys.range(range), touched)) {
      if (entries.length >= limit) {
        more = true;
        break;
      }
      entries.push(entryOf(stored));
    }
    const total = count ? { count: countAsItWas(this.#keys.count(range), touched) } : {};
    return { entries, revision: BigInt(revision), more, ...total };
  }

  async commit(write: Write): Promise<Commit> {
    this.#checkOpen();
    checkWrite(write);
    return this.#commit(write);
  }

  watch(range: KeyRange, after: Revision, signal: AbortSignal): Watch {
    return this.#watchers.watch(range, after, signal);
  }

  async revision(): Promise<Revision> {
    this.#checkOpen();
    return BigInt(this.#revision);
  }

  async compact(revision: Revision): Promise<void> {
    this.#checkOpen();
    checkMoment(revision, 0, this.#revision);
    const watermark = Number(revision);
    if (watermark <= this.#compacted) return;
    const forgotten = this.#log.splice(0, watermark - this.#compacted);
    for (const stored of forgotten) stored.previous = undefined;
    this.#compacted = watermark;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#alarm[Symbol.dispose]();
    this.#watchers.close();
  }

  #commit({ key, value, expected, ttl }: Write): Commit {
    const current = this.#keys.get(key);
    if (BigInt(current?.revision ?? 0) !== expected) return { ok: false, current: current && entryOf(current) };
    const revision = ++this.#revision;
    const stored: Stored = {
      key,
      value,
      revision,
      created: current?.created ?? revision,
      expires: value !== null && ttl !== undefined ? this.#clock.now() + ttl * 1000 : undefined,
      previous: current,
    };
    this.#log.push(stored);
    if (value === null) this.#keys.delete(key);
    else this.#keys.set(key, stored);
    if (current?.expires !== undefined) this.#expiries.delete(expiryKey(current, current.expires));
    if (stored.expires !== undefined) {
      this.#expiries.set(expiryKey(stored, stored.expires), stored);
      this.#alarm.setFor(stored.expires);
    }
    this.#watchers.publish({ keys: [key], revision, change: () => changeOf(stored) });
    return { ok: true, revision: BigInt(revision) };
  }

  *#later(revision: number): Generator<LaterChange<Stored>> {
    for (let at = Math.max(0, revision - this.#compacted); at < this.#log.length; at++) {
      const { key, previous, value } = this.#log[at]!;
      yield { key, before: previous, deleted: value === null };
    }
  }

  #since(range: KeyRange, after: number): { changes: Change[]; reached: number } {
    const changes: Change[] = [];
    const first = Math.max(0, after - this.#compacted);
    let at = first;
    for (; at < this.#log.length && changes.length < mostPerBatch && at - first < mostPerSearch; at++) {
      const stored = this.#log[at]!;
      if (inRange(range, stored.key)) changes.push(changeOf(stored));
    }
    return { changes, reached: at + this.#compacted };
  }

  #expire(): void {
    const now = this.#clock.now();
    for (const [, { key, revision, expires }] of [...this.#expiries.range({ start: "", end: timeKey(now + 1) })]) {
      if (expires !== undefined) this.#commit({ key, value: null, expected: BigInt(revision) });
    }
    for (const [, { expires }] of this.#expiries.range({ start: "", end: "~" })) {
      if (expires !== undefined) this.#alarm.setFor(expires);
      break;
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new Fault("closed", "the store is closed");
  }
}

function timeKey(time: number): string {
  return String(Math.ceil(time)).padStart(16, "0");
}

function expiryKey(stored: Stored, expires: number): string {
  return `${timeKey(expires)} ${stored.key}`;
}

function entryOf({ key, value, revision, created }: Stored): Entry {
  if (value === null) throw new Fault("internal", `${key} was deleted at ${revision} and cannot be an entry`);
  return { key, value, modified: BigInt(revision), created: BigInt(created) };
}

function changeOf({ key, value, previous, revision, created }: Stored): Change {
  return { key, value, previous: previous?.value ?? undefined, revision: BigInt(revision), created: BigInt(created) };
}

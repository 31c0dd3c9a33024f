import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { keyRange } from "../store/keys.ts";
import type { Revision, Store } from "../store/store.ts";
import { compactedTo } from "./compaction.ts";

/** Where the store stood at a time. */
export interface Moment {
  readonly revision: Revision;
  /** Milliseconds since 1970; undefined for one that nobody has noted the time of. */
  readonly time: number | undefined;
}

/** The key whose own history says when the store stood where. */
export const momentsKey = "navarch/moments";
const range = keyRange(momentsKey);

/**
 * Times of the store's revisions, to within the interval between two notes: one key is written with the time whenever the
 * store has moved on, and its history, kept as long as that of all others, is the table.
 */
export class Moments {
  readonly #store: Store;
  readonly #clock: Clock;
  /** Where the store stood after the last note. */
  #noted: Revision = 0n;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Called again and again: notes the time if anything was written since. Several servers on one store may. */
  async note(): Promise<void> {
    if ((await this.#store.revision()) === this.#noted) return;
    const { entries } = await this.#store.read(range);
    const before = entries[0];
    const now = this.#clock.now();
    if (before && timeOf(before.value) > now) return; // another server's clock is ahead: times never go back
    const expected = before?.modified ?? 0n;
    const commit = await this.#store.commit({ key: momentsKey, value: Buffer.from(String(now)), expected });
    if (commit.ok) this.#noted = commit.revision;
  }

  /** The moments that history is kept of, oldest first. */
  async list(): Promise<readonly Moment[]> {
    const store = this.#store;
    const oldest = await compactedTo(store);
    const [first, last] = await Promise.all([store.read(range, { at: oldest }), store.read(range)]);
    const [before] = first.entries;
    const moments: Moment[] = [{ revision: oldest, time: before && timeOf(before.value) }];
    const end = last.entries[0]?.modified ?? 0n;
    if (end <= oldest) return moments;
    const ending = new AbortController();
    for await (const { changes } of store.watch(range, oldest, ending.signal)) {
      for (const { revision, value } of changes) if (value) moments.push({ revision, time: timeOf(value) });
      if (moments.at(-1)!.revision >= end) ending.abort();
    }
    return moments;
  }

  /**
   * Where the store stood at a time. Throws Fault `invalid` for the future, `compacted` for what is forgotten already.
   */
  async at(time: number): Promise<Moment> {
    if (time > this.#clock.now()) throw new Fault("invalid", `${new Date(time).toISOString()} is in the future`);
    const moments = await this.list();
    const found = moments.findLast((moment) => moment.time !== undefined && moment.time <= time);
    if (found) return found;
    const from = moments.find((moment) => moment.time !== undefined)?.time;
    const since = from === undefined ? "" : `; history goes back to ${new Date(from).toISOString()}`;
    throw new Fault("compacted", `${new Date(time).toISOString()} is forgotten${since}`);
  }
}

const timeOf = (value: Uint8Array) => Number(Buffer.from(value).toString());

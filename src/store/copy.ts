import { Fault } from "../lib/fault.ts";
import { everyKey } from "./keys.ts";
import type { Entry, Revision, Store } from "./store.ts";

const pageSize = 500;

/** Every entry of a store as it was at one revision, in key order. Throws the store's faults. */
export async function* entriesAt(store: Store, at: Revision): AsyncGenerator<Entry> {
  for (let { start, end } = everyKey; ; ) {
    const { entries, more } = await store.read({ start, end }, { at, limit: pageSize });
    yield* entries;
    const last = entries.at(-1);
    if (!more || !last) return;
    start = `${last.key} `; // nothing sorts between a key and itself with a space
  }
}

/** What a store is to be filled with. */
export interface Filling {
  readonly key: string;
  readonly value: Uint8Array;
}

export interface FillOptions {
  /** Seconds until a key expires by itself; undefined for one that stays. */
  readonly ttlOf?: (key: string) => number | undefined;
  /** Told from time to time how many are in. */
  readonly progress?: (written: number) => void;
}

/** Writes entries into a store that has none of them, and says how many. Throws `conflict` for a key that is taken. */
export async function fillStore(
  store: Store,
  fillings: AsyncIterable<Filling>,
  options: FillOptions = {},
): Promise<number> {
  let written = 0;
  let batch: Filling[] = [];
  const flush = async () => {
    await Promise.all(batch.map((filling) => put(store, filling, options.ttlOf?.(filling.key))));
    written += batch.length;
    batch = [];
    options.progress?.(written);
  };
  for await (const filling of fillings) {
    batch.push(filling);
    if (batch.length === pageSize) await flush();
  }
  await flush();
  return written;
}

async function put(store: Store, { key, value }: Filling, ttl: number | undefined): Promise<void> {
  const { ok } = await store.commit({ key, value, expected: 0n, ...(ttl === undefined ? {} : { ttl }) });
  if (!ok) throw new Fault("conflict", `${key} is in the store already; it must be empty`);
}

/** Whether a store holds nothing at all. */
export async function isEmpty(store: Store): Promise<boolean> {
  const { entries } = await store.read(everyKey, { limit: 1 });
  return entries.length === 0;
}

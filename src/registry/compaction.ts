import { Fault } from "../lib/fault.ts";
import type { Revision, Store } from "../store/store.ts";

/** Where servers on one store agree on whose turn it is; etcd's users know the key by this name. */
export const compactionKey = "compact_rev_key";
const range = { start: compactionKey, end: `${compactionKey}0` };

/** The oldest revision that history is certainly kept of. Throws the store's faults. */
export async function compactedTo(store: Store): Promise<Revision> {
  const { entries } = await store.read(range);
  return BigInt(Buffer.from(entries[0]?.value ?? []).toString() || "1");
}

/** Forgets all history up to this moment, and says which revision that is. Throws Fault `conflict`, and the store's. */
export async function compactNow(store: Store): Promise<Revision> {
  const { entries } = await store.read(range);
  const target = await store.revision();
  const value = Buffer.from(String(target));
  const claim = await store.commit({ key: compactionKey, value, expected: entries[0]?.modified ?? 0n });
  if (!claim.ok) throw new Fault("conflict", "another server forgets history at this moment; try again");
  await store.compact(target);
  return target;
}

/**
 * Forgets old history in turns: each turn compacts to where the store stood at the turn before, so that at least one
 * interval of history is always there. Of several servers on one store the first one to claim a turn takes it.
 */
export class Compactor {
  readonly #store: Store;
  #turn: { readonly claimed: Revision; readonly target: Revision } | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Called once per interval. Throws the store's faults; the next call goes on as if nothing had been. */
  async run(): Promise<void> {
    const { entries } = await this.#store.read(range);
    const latest = await this.#store.revision();
    const claimed = entries[0]?.modified ?? 0n;
    const before = this.#turn;
    this.#turn = { claimed, target: latest };
    if (before?.claimed !== claimed || latest === claimed) return; // another's turn, or nothing has happened since
    const value = Buffer.from(String(before.target));
    const claim = await this.#store.commit({ key: compactionKey, value, expected: claimed });
    if (!claim.ok) return;
    this.#turn = { claimed: claim.revision, target: claim.revision };
    await this.#store.compact(before.target);
  }
}

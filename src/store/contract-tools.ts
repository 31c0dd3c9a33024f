import { expect } from "vitest";
import type { Change, Commit, KeyRange, Revision, Snapshot, Store, Watch, WatchBatch } from "./store.ts";

/** The range that most of the contract's keys lie in. */
export const all: KeyRange = { start: "/", end: "0" };

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(value: Uint8Array | null | undefined): string | null | undefined {
  return value && new TextDecoder().decode(value);
}

/** Commits and expects to win; gives the revision. */
export async function win(store: Store, key: string, value: string | null, expected: Revision): Promise<Revision> {
  const result = await store.commit({ key, value: value === null ? null : bytes(value), expected });
  return winner(result);
}

export function winner(result: Commit): Revision {
  expect(result).toMatchObject({ ok: true });
  if (!result.ok) throw new Error("the commit lost");
  return result.revision;
}

/** A snapshot as `key=value` texts. */
export function pairs(snapshot: Snapshot): string[] {
  return snapshot.entries.map(({ key, value }) => `${key}=${text(value)}`);
}

/** A change as a text that says all: `+` created, `~` changed, `-` deleted, with what was there before. */
export function story({ key, value, previous }: Change): string {
  if (value === null) return `-${key} was ${text(previous)}`;
  return previous === undefined ? `+${key}=${text(value)}` : `~${key}=${text(value)} was ${text(previous)}`;
}

/** Takes batches until so many changes have come, checking that revisions rise and are covered by their batches. */
export async function take(watch: Watch, count: number): Promise<Change[]> {
  const changes: Change[] = [];
  let reached = 0n;
  const batches = watch[Symbol.asyncIterator]();
  while (changes.length < count) {
    const { done, value: batch } = await batches.next();
    if (done) throw new Error(`the watch ended after ${changes.length} of ${count} changes`);
    for (const change of batch.changes) {
      expect(change.revision > reached).toBe(true);
      reached = change.revision;
      changes.push(change);
    }
    expect(batch.revision >= reached).toBe(true);
    reached = batch.revision;
  }
  return changes;
}

/** The next batch of a watch. */
export async function nextBatch(watch: Watch): Promise<WatchBatch> {
  const { done, value } = await watch[Symbol.asyncIterator]().next();
  if (done) throw new Error("the watch has ended");
  return value;
}

/** A signal that is aborted when the test is over. */
export function scope(): AbortController & Disposable {
  const controller = new AbortController();
  return Object.assign(controller, { [Symbol.dispose]: () => controller.abort() });
}

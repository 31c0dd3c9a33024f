import { compareKeys, inRange } from "./keys.ts";
import type { KeyRange } from "./store.ts";

/** What became of a key that was written after the moment asked for. */
export interface Touched<Record> {
  /** What the key held at that moment; undefined when it was absent. */
  readonly before: Record | undefined;
  /** Whether the key is there now. */
  present: boolean;
}

/** One later change as the past needs it. */
export interface LaterChange<Record> {
  readonly key: string;
  readonly before: Record | undefined;
  readonly deleted: boolean;
}

/** Collects, from the changes after a moment in order, what each key of the range held at that moment. */
export function touchedSince<Record>(
  changes: Iterable<LaterChange<Record>>,
  range: KeyRange,
): Map<string, Touched<Record>> {
  const touched = new Map<string, Touched<Record>>();
  for (const { key, before, deleted } of changes) {
    const known = touched.get(key);
    if (known) known.present = !deleted;
    else if (inRange(range, key)) touched.set(key, { before, present: !deleted });
  }
  return touched;
}

/** Yields the range as it was, in key order: what is there now, with the touched keys put back. */
export function* asItWas<Record>(
  now: Iterable<readonly [string, Record]>,
  touched: ReadonlyMap<string, Touched<Record>>,
): Generator<readonly [string, Record]> {
  const restored: [string, Record][] = [];
  for (const [key, { before }] of touched) if (before !== undefined) restored.push([key, before]);
  restored.sort((a, b) => compareKeys(a[0], b[0]));
  let next = 0;
  for (const entry of now) {
    if (touched.has(entry[0])) continue;
    while (next < restored.length && compareKeys(restored[next]![0], entry[0]) < 0) yield restored[next++]!;
    yield entry;
  }
  yield* restored.slice(next);
}

/** How many keys the range held then, from how many it holds now. */
export function countAsItWas(now: number, touched: ReadonlyMap<string, Touched<unknown>>): number {
  let count = now;
  for (const { before, present } of touched.values()) count += Number(before !== undefined) - Number(present);
  return count;
}

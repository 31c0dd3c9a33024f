import { expect, test } from "vitest";
import { seededRandom } from "../../lib/random.ts";
import { Heap } from "./heap.ts";

interface Entry {
  readonly key: string;
  readonly rank: number;
}
const heap = () =>
  new Heap<Entry>(
    ({ key }) => key,
    (one, two) => one.rank - two.rank,
  );
const drain = (from: Heap<Entry>) => {
  const keys: string[] = [];
  for (let next = from.pop(); next; next = from.pop()) keys.push(next.key);
  return keys;
};

test("entries come by rank, equal ones in the order they came", () => {
  const entries = heap();
  for (const [key, rank] of [
    ["c", 2],
    ["a", 1],
    ["d", 2],
    ["b", 1],
  ] as const)
    entries.push({ key, rank });
  expect(drain(entries)).toEqual(["a", "b", "c", "d"]);
});

test("the order holds whatever is pushed and removed between", () => {
  const random = seededRandom(7);
  const entries = heap();
  const ranks = new Map<string, number>();
  for (let step = 0; step < 2000; step++) {
    const key = String(Math.floor(random.next() * 200));
    if (random.next() < 0.4) {
      entries.remove(key);
      ranks.delete(key);
    } else {
      const rank = Math.floor(random.next() * 1000);
      entries.push({ key, rank });
      ranks.set(key, rank);
    }
  }
  expect(entries.size).toBe(ranks.size);
  const drained = drain(entries).map((key) => ranks.get(key)!);
  expect(drained).toEqual(drained.toSorted((one, two) => one - two));
});

test("a renewed entry keeps its place among equals", () => {
  const entries = heap();
  entries.push({ key: "a", rank: 1 });
  entries.push({ key: "b", rank: 1 });
  const newer = { key: "a", rank: 1 };
  entries.renew(newer);
  expect(entries.pop()).toBe(newer);
});

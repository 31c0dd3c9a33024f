import { expect, test } from "vitest";
import { seededRandom } from "../lib/random.ts";
import { compareKeys, everyKey } from "./keys.ts";
import { SortedMap } from "./sorted.ts";

test("thousands of random insertions and deletions keep order, ranges and counts like a sorted list", () => {
  const random = seededRandom(7);
  const map = new SortedMap<number>();
  const model = new Map<string, number>();
  const key = () => `/k${Math.floor(random.next() * 4000)}`;
  for (let i = 0; i < 12_000; i++) {
    const name = key();
    if (random.next() < 0.35) {
      map.delete(name);
      model.delete(name);
    } else {
      map.set(name, i);
      model.set(name, i);
    }
  }
  const sorted = [...model].sort((a, b) => compareKeys(a[0], b[0]));
  expect(sorted.length).toBeGreaterThan(1500);
  expect([...map.range(everyKey)]).toEqual(sorted);
  for (let i = 0; i < 300; i++) {
    const range = { start: key(), end: key() };
    const expected = sorted.filter(([name]) => compareKeys(name, range.start) >= 0 && compareKeys(name, range.end) < 0);
    expect([...map.range(range)]).toEqual(expected);
    expect(map.count(range)).toBe(expected.length);
    expect(map.get(range.start)).toBe(model.get(range.start));
  }
});

test("an emptied map takes keys again", () => {
  const map = new SortedMap<number>();
  const names = Array.from({ length: 2000 }, (_, i) => String(i).padStart(5, "0"));
  for (const [i, name] of names.entries()) map.set(name, i);
  for (const name of names) map.delete(name);
  expect(map.count(everyKey)).toBe(0);
  map.set("b", 2);
  map.set("a", 1);
  expect([...map.range(everyKey)]).toEqual([
    ["a", 1],
    ["b", 2],
  ]);
});

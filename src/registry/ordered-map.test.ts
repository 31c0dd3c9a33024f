import { expect, test } from "vitest";
import { seededRandom } from "../lib/random.ts";
import { OrderedMap } from "./ordered-map.ts";

const all = (map: OrderedMap<number>) => [...map.range("", "\uffff")];

test("thousands of random changes leave what a sorted list would hold", () => {
  const random = seededRandom(7);
  const map = new OrderedMap<number>();
  const expected = new Map<string, number>();
  for (let step = 0; step < 5000; step += 1) {
    const key = `k${Math.floor(random.next() * 900)}`;
    if (random.next() < 0.3) {
      expect(map.delete(key)).toBe(expected.delete(key));
    } else {
      map.set(key, step);
      expected.set(key, step);
    }
  }
  const sorted = [...expected].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
  expect(all(map)).toEqual(sorted);
  expect(map.size).toBe(expected.size);
});

test("a picture keeps what was there while the map goes on changing", () => {
  const map = new OrderedMap<number>();
  for (let n = 100; n < 1100; n += 1) map.set(`k${n}`, n);
  const picture = map.picture("k200", "k300");
  for (let n = 150; n < 1100; n += 2) map.delete(`k${n}`);
  for (let n = 201; n < 300; n += 2) map.set(`k${n}`, -n);
  map.set("k2000", 1);
  expect([...picture]).toEqual(Array.from({ length: 100 }, (_, n) => n + 200));
  expect(picture.count()).toBe(100);
  expect([...map.range("k201", "k205")]).toEqual([-201, -203]);
});

test("a range of an empty map is empty", () => {
  const map = new OrderedMap<number>();
  map.set("a", 1);
  map.delete("a");
  expect(all(map)).toEqual([]);
  expect(map.picture("", "z").count()).toBe(0);
});

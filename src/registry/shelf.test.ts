import { expect, test } from "vitest";
import { Shelf } from "./shelf.ts";

const bytesOf = (fill: number, size: number) => new Uint8Array(size).fill(fill);

test("what is kept is a copy, packed with its neighbours", () => {
  const shelf = new Shelf();
  const given = bytesOf(7, 100);
  const [first, second] = [shelf.keep(given), shelf.keep(bytesOf(8, 50))];
  given.fill(0);
  expect(Array.from(first)).toEqual(Array.from(bytesOf(7, 100)));
  expect(Array.from(second)).toEqual(Array.from(bytesOf(8, 50)));
  expect(second.buffer).toBe(first.buffer);
});

test("long arrays get memory of their own, and only for themselves", () => {
  const shelf = new Shelf();
  const kept = shelf.keep(bytesOf(1, 200_000).subarray(10));
  expect(kept.buffer.byteLength).toBe(kept.byteLength);
});

test("arrays of a few kilobytes are packed from the first one on", () => {
  const shelf = new Shelf();
  const kept = Array.from({ length: 20 }, (_, index) => shelf.keep(bytesOf(index, 5000)));
  expect(new Set(kept.map(({ buffer }) => buffer)).size).toBeLessThan(5);
  expect(kept.map(([first]) => first)).toEqual(kept.map((_, index) => index));
});

test("what was given back can still be read", () => {
  const shelf = new Shelf();
  const kept = shelf.keep(bytesOf(3, 100));
  shelf.release(kept);
  for (let i = 0; i < 10_000; i += 1) shelf.release(shelf.keep(bytesOf(9, 1000)));
  expect(Array.from(kept)).toEqual(Array.from(bytesOf(3, 100)));
});

test("few survivors among many that went are found, and moving them ends the waste", () => {
  const shelf = new Shelf();
  let survivors: Uint8Array[] = [];
  for (let i = 0; i < 20_000; i += 1) {
    const kept = shelf.keep(bytesOf(i % 256, 1000));
    if (i % 50 === 0) survivors.push(kept);
    else shelf.release(kept);
    if (!shelf.isWasteful) continue;
    survivors = survivors.map((bytes) => (shelf.isSparse(bytes) ? shelf.keep(bytes) : bytes));
    expect(shelf.isWasteful).toBe(false);
  }
  const slabs = new Set(survivors.map(({ buffer }) => buffer));
  const allocated = [...slabs].reduce((sum, { byteLength }) => sum + byteLength, 0);
  expect(allocated).toBeLessThan(4 * 1000 * survivors.length);
  expect(survivors.map(([first]) => first)).toEqual(survivors.map((_, index) => (index * 50) % 256));
});

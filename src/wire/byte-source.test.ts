import { expect, test } from "vitest";
import { type ByteSource, partsOf, sendParts } from "./byte-source.ts";

/** Counts up, so that a part that was written over shows. */
function counting(size: number): ByteSource {
  let next = 0;
  return {
    readInto(target) {
      const filled = Math.min(target.length, size - next);
      for (let at = 0; at < filled; at += 1) target[at] = (next + at) % 251;
      next += filled;
      return filled;
    },
  };
}

const expected = (size: number) => Buffer.from(Array.from({ length: size }, (_, at) => at % 251));
const sizes = [0, 1, 16_384, 16_385, 700_000];

test.each(sizes)("parts of their own make up all of %i bytes", (size) => {
  expect(Buffer.concat([...partsOf(counting(size))]).equals(expected(size))).toBe(true);
});

test.each(sizes)("parts that share memory are all of %i bytes when each is copied before the next", async (size) => {
  const copies: Buffer[] = [];
  const memory = new Set<ArrayBufferLike>();
  await sendParts(counting(size), async (part) => {
    copies.push(Buffer.from(part));
    memory.add(part.buffer);
    return true;
  });
  expect(Buffer.concat(copies).equals(expected(size))).toBe(true);
  expect(memory.size).toBeLessThanOrEqual(1);
});

test("the first part is small, so that it is on its way while others are made", async () => {
  const lengths: number[] = [];
  await sendParts(counting(700_000), async ({ length }) => lengths.push(length) > 0);
  expect(lengths).toEqual([16_384, 65_536, 262_144, 262_144, 93_792]);
});

test("nothing is made for somebody who left, and memory that may still be read is not lent again", async () => {
  const seen: Buffer[] = [];
  const refuse = async (part: Buffer) => seen.push(part) < 0;
  await sendParts(counting(700_000), refuse);
  await sendParts(counting(700_000), refuse);
  expect(seen.map(({ length }) => length)).toEqual([16_384, 16_384]);
  expect(seen[0]?.buffer).not.toBe(seen[1]?.buffer);
});

test("two answers at a time do not share memory", async () => {
  const parts: Buffer[] = [];
  const both = [counting(20_000), counting(20_000)].map((source) =>
    sendParts(source, async (part) => {
      parts.push(part);
      await new Promise(setImmediate);
      return true;
    }),
  );
  await Promise.all(both);
  expect(new Set(parts.map(({ buffer }) => buffer)).size).toBe(2);
});

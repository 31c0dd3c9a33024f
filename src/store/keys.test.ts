import { expect, test } from "vitest";
import { seededRandom } from "../lib/random.ts";
import { compareKeys, inRange, keyRange, prefixRange } from "./keys.ts";

test("keys compare as their UTF-8 bytes do, whatever characters they hold", () => {
  const random = seededRandom(3);
  const letters = ["a", "b", "/", " ", "é", "\ud7ff", "\ue000", "\uff5e", "\u{10000}", "\u{1f600}", "\u{10ffff}"];
  const word = () =>
    Array.from({ length: random.next() * 6 }, () => letters[Math.floor(random.next() * letters.length)]).join("");
  for (let i = 0; i < 5000; i++) {
    const [a, b] = [word(), word()];
    expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }
});

test("the range of one key holds it and nothing else", () => {
  const range = keyRange("/a");
  expect(["/a", "/a ", "/a/b", "/", "/b"].filter((key) => inRange(range, key))).toEqual(["/a"]);
});

test("the range of a prefix holds all that begins with it", () => {
  const range = prefixRange("/é");
  expect(["/é", "/é\u{10ffff}", "/è", "/ê", "/"].filter((key) => inRange(range, key))).toEqual(["/é", "/é\u{10ffff}"]);
  expect(() => prefixRange("")).toThrow("prefix");
});

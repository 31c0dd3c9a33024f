import { describe, expect, test } from "vitest";
import { deepFreeze, isEqual } from "./equality.ts";

describe("equality of API values", () => {
  test.each<{ name: string; a: unknown; b: unknown; equal: boolean }>([
    { name: "members in another order are equal", a: { x: 1, y: [2] }, b: { y: [2], x: 1 }, equal: true },
    { name: "an absent member equals null", a: { x: null }, b: {}, equal: true },
    { name: "an absent member equals an empty list", a: {}, b: { x: [] }, equal: true },
    { name: "an absent member is not an empty object", a: { emptyDir: {} }, b: {}, equal: false },
    { name: "lists in another order differ", a: [1, 2], b: [2, 1], equal: false },
    { name: "a list is not an object", a: [], b: {}, equal: false },
    { name: "a number is not its text", a: { x: 1 }, b: { x: "1" }, equal: false },
    { name: "inherited members do not count", a: { toString: 1 }, b: {}, equal: false },
  ])("$name", ({ a, b, equal }) => {
    expect(isEqual(a, b)).toBe(equal);
    expect(isEqual(b, a)).toBe(equal);
  });

  test("freezing reaches every depth", () => {
    const value = deepFreeze({ a: [{ b: 1 }] });
    expect(() => {
      (value.a[0] as { b: number }).b = 2;
    }).toThrow(TypeError);
  });
});

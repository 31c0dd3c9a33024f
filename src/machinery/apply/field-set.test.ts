import { describe, expect, test } from "vitest";
import {
  emptySet,
  type FieldSet,
  intersectSets,
  placesOf,
  sameSets,
  setOfPaths,
  subtractBranches,
  subtractSet,
  unionSets,
} from "./field-set.ts";
import { placeText } from "./path-element.ts";

const set = (value: object) => value as FieldSet;
const a = set({ "f:data": { ".": {}, "f:x": {}, "f:y": {} }, "f:spec": { "f:n": {} } });
const b = set({ "f:data": { "f:x": {} }, "f:spec": {} });

describe("sets of fields, as managedFields writes them", () => {
  test("the union has every place of both", () => {
    expect(unionSets(a, b)).toEqual({ "f:data": { ".": {}, "f:x": {}, "f:y": {} }, "f:spec": { ".": {}, "f:n": {} } });
    expect(unionSets(set({ "f:a": {} }), set({ "f:a": { "f:b": {} } }))).toEqual({ "f:a": { ".": {}, "f:b": {} } });
  });

  test("the union with a part of itself is the set itself", () => {
    expect(unionSets(a, set({ "f:data": { "f:x": {} } }))).toBe(a);
    expect(unionSets(a, set({ "f:data": {} }))).toBe(a);
  });

  test("the difference loses exactly the places of the other, not what lies behind them", () => {
    expect(subtractSet(a, b)).toEqual({ "f:data": { ".": {}, "f:y": {} }, "f:spec": { "f:n": {} } });
    expect(subtractSet(a, set({ "f:data": {} }))).toEqual({
      "f:data": { "f:x": {}, "f:y": {} },
      "f:spec": { "f:n": {} },
    });
    expect(subtractSet(a, a)).toEqual({});
    expect(subtractSet(a, set({ "f:other": {} }))).toBe(a);
  });

  test("a member whose fields are all gone stays", () => {
    expect(subtractSet(set({ "f:data": { ".": {}, "f:x": {} } }), set({ "f:data": { "f:x": {} } }))).toEqual({
      "f:data": {},
    });
  });

  test("subtracting branches takes all that lies behind", () => {
    expect(subtractBranches(a, setOfPaths([["data"]]))).toEqual({ "f:spec": { "f:n": {} } });
    expect(subtractBranches(a, setOfPaths([["data", "x"]]))).toEqual(subtractSet(a, set({ "f:data": { "f:x": {} } })));
    expect(subtractBranches(a, emptySet)).toBe(a);
  });

  test("the intersection has the places of both", () => {
    expect(intersectSets(a, b)).toEqual({ "f:data": { "f:x": {} } });
    expect(intersectSets(a, set({ "f:data": { ".": {}, "f:z": {} } }))).toEqual({ "f:data": {} });
  });

  test("every place is listed with its steps, and written as conflicts write it", () => {
    const keyed = set({
      "f:spec": { "f:list": { 'k:{"name":"c","port":80}': { ".": {}, "f:image": {} }, 'v:"x"': {}, "i:0": {} } },
    });
    expect([...placesOf(keyed)].map(placeText)).toEqual([
      ".spec.list[0]",
      '.spec.list[name="c",port=80]',
      '.spec.list[name="c",port=80].image',
      '.spec.list[="x"]',
    ]);
  });

  test("sets are compared by their places", () => {
    expect(sameSets(a, structuredClone(a))).toBe(true);
    expect(sameSets(a, b)).toBe(false);
  });
});

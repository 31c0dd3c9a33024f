import { describe, expect, test } from "vitest";
import type { Schema } from "./schema.ts";
import { prune, withSchemaDefaults } from "./schema-form.ts";
import { validateLists } from "./validate-lists.ts";
import { validateValue } from "./validate-value.ts";

const texts = (value: unknown, schema: Schema, before?: { readonly value: unknown }) =>
  validateValue(value, schema, "", before).map(({ field, message }) => `${field}: ${message}`);
const member = (schema: Schema): Schema => ({ type: "object", properties: { a: schema } });

describe("values", () => {
  test.each([
    { schema: { type: "integer" }, value: 1, faults: [] },
    { schema: { type: "number" }, value: 1, faults: [] },
    {
      schema: { type: "integer" },
      value: null,
      faults: ['a: Invalid value: "null": a in body must be of type integer: "null"'],
    },
    { schema: { type: "string", nullable: true }, value: null, faults: [] },
    {
      schema: { type: "string", format: "uuid" },
      value: "x",
      faults: ['a: Invalid value: "x": a in body must be of type uuid: "x"'],
    },
    { schema: { type: "string", format: "unheard-of" }, value: "x", faults: [] },
    { schema: { type: "string", pattern: "^(a+)+$" }, value: `${"a".repeat(5000)}b`, faults: 1 },
    { schema: { type: "string", maxLength: 1 }, value: "\u{1f600}", faults: [] },
    { schema: { type: "number", multipleOf: 0.1 }, value: 0.3, faults: [] },
    {
      schema: { type: "number", maximum: 5, exclusiveMaximum: true },
      value: 5,
      faults: ["a: Invalid value: 5: a in body should be less than 5"],
    },
    {
      schema: { type: "array", items: { type: "string" }, maxItems: 1 },
      value: ["x", "y"],
      faults: ["a: Too many: 2: must have at most 1 items"],
    },
    {
      schema: { type: "array", items: { type: "string" }, minItems: 1 },
      value: [],
      faults: ["a: Invalid value: 0: a in body should have at least 1 items"],
    },
    {
      schema: { type: "object", minProperties: 1 },
      value: {},
      faults: ["a: Invalid value: 0: a in body should have at least 1 properties"],
    },
    {
      schema: { type: "object", maxProperties: 1, additionalProperties: { type: "string" } },
      value: { x: "1", y: "2" },
      faults: ["a: Too many: 2: must have at most 1 items"],
    },
    {
      schema: { type: "object", additionalProperties: { type: "string" } },
      value: { x: 1 },
      faults: ['a.x: Invalid value: "integer": a.x in body must be of type string: "integer"'],
    },
    {
      schema: { type: "integer", enum: [1, 2] },
      value: 3,
      faults: ['a: Unsupported value: 3: supported values: "1", "2"'],
    },
    {
      schema: { type: "integer", anyOf: [{ minimum: 5 }, { maximum: 1 }] },
      value: 3,
      faults: [
        '<nil>: Invalid value: "": "a" must validate at least one schema (anyOf)',
        "a: Invalid value: 3: a in body should be greater than or equal to 5",
      ],
    },
    {
      schema: { type: "integer", allOf: [{ minimum: 5 }, { maximum: 9 }] },
      value: 3,
      faults: [
        "a: Invalid value: 3: a in body should be greater than or equal to 5",
        '<nil>: Invalid value: "": "a" must validate all the schemas (allOf)',
      ],
    },
  ] as const)("$schema judges $value", ({ schema, value, faults }) => {
    const found = texts({ a: value }, member(schema as unknown as Schema));
    if (faults === 1) expect(found).toHaveLength(1);
    else expect(found).toEqual(faults);
  });

  test("what is as it was before is not judged, nor are its parts in lists that have keys", () => {
    const item: Schema = { type: "object", properties: { k: { type: "string" }, v: { type: "string", maxLength: 1 } } };
    const list: Schema = {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["k"],
      items: item,
    };
    const schema: Schema = { type: "object", properties: { list, other: { type: "array", items: item } } };
    const before = { list: [{ k: "a", v: "long" }], other: [{ v: "long" }] };
    const next = {
      list: [
        { k: "b", v: "long" },
        { k: "a", v: "long" },
      ],
      other: [{ v: "long" }, {}],
    };
    expect(texts(next, schema, { value: before })).toEqual([
      "list[0].v: Too long: may not be more than 1 bytes",
      "other[0].v: Too long: may not be more than 1 bytes",
    ]);
  });
});

test("elements of sets and maps are there once", () => {
  const set: Schema = { type: "array", "x-kubernetes-list-type": "set", items: { type: "string" } };
  const schema: Schema = { type: "object", additionalProperties: set };
  expect(validateLists({ x: ["a", "b", "a"] }, schema).map(({ field }) => field)).toEqual(["[x][2]"]);
});

test("pruning and defaults share what they do not change", () => {
  const schema: Schema = {
    type: "object",
    properties: { a: { type: "object", properties: { b: { type: "string", default: "x" } } } },
  };
  const value = { a: { b: "y" } };
  expect(prune(value, schema, undefined)).toBe(value);
  expect(withSchemaDefaults(value, schema)).toBe(value);
  const unknown: string[] = [];
  expect(prune({ a: { c: 1 }, d: [1] }, schema, unknown)).toEqual({ a: {} });
  expect(unknown).toEqual(["a.c", "d"]);
  expect(withSchemaDefaults({ a: { b: null } }, schema)).toEqual({ a: { b: "x" } });
});

test("a member called __proto__ is a member like any other", () => {
  const value: unknown = JSON.parse('{"__proto__":{"x":1},"a":1}');
  const schema: Schema = { type: "object", properties: { a: { type: "integer" } } };
  const unknown: string[] = [];
  expect(Object.keys(prune(value, schema, unknown) as object)).toEqual(["a"]);
  expect(unknown).toEqual(["__proto__"]);
});

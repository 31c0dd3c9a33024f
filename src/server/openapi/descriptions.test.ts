import { expect, test } from "vitest";
import { Descriptions, parseDescriptions } from "./descriptions.ts";

test("a declaration's comments describe its type and its members", () => {
  const types = parseDescriptions(
    [
      "/** A box of things. */",
      "export interface Box {",
      "    /** How many. */",
      "    readonly count?: number;",
      "    plain: string;",
      '    /** Says "which". */',
      '    "$ref"?: string;',
      "}",
    ].join("\n"),
  );
  expect(types.get("Box")?.text).toBe("A box of things.");
  expect([...(types.get("Box")?.fields ?? [])]).toEqual([
    ["count", "How many."],
    ["$ref", 'Says "which".'],
  ]);
});

test("the types of the API are described", () => {
  const descriptions = new Descriptions();
  expect(descriptions.of("core/v1.Pod")?.text).toMatch(/^Pod is a collection of containers/);
  expect(descriptions.of("apps/v1.DeploymentSpec")?.fields.get("paused")).toMatch(/paused/);
  expect(descriptions.of("meta/v1.ObjectMeta")?.fields.get("labels")).toMatch(/Map of string keys/);
});

test("a type that nobody describes has no description", () => {
  expect(new Descriptions().of("core/v1.NoSuchThing")).toBeUndefined();
  expect(new Descriptions().of("../secret/v1.Thing")).toBeUndefined();
  expect(new Descriptions("/nowhere").of("core/v1.Pod")).toBeUndefined();
});

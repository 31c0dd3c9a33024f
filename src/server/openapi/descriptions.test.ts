import { expect, test } from "vitest";
import { lookupType } from "../../api/type-info.ts";
import { Descriptions, parseDescriptions } from "./descriptions.ts";
import { SchemaBook } from "./schemas.ts";

test("a declaration's comments describe its type and its members", () => {
  const types = parseDescriptions(
    [
      "/** A box of things. */",
      "export interface Box {",
      "    /** How many. */",
      "    readonly count?: number;",
      "    plain: string;",
      "    /**",
      "     * Is long.",
      "     *",
      "     *   - Very.",
      "     */",
      "    long?: string;",
      '    /** Says "which". */',
      '    "$ref"?: string;',
      "}",
    ].join("\n"),
  );
  expect(types.get("Box")?.text).toBe("A box of things.");
  expect([...(types.get("Box")?.fields ?? [])]).toEqual([
    ["count", "How many."],
    ["long", "Is long.\n\n  - Very."],
    ["$ref", 'Says "which".'],
  ]);
});

test("the types of the API are described", () => {
  const descriptions = new Descriptions();
  expect(descriptions.of("core/v1.Pod")?.text).toMatch(/^Pod is a collection of containers/);
  expect(descriptions.of("apps/v1.DeploymentSpec")?.fields.get("paused")).toMatch(/paused/);
  expect(descriptions.of("meta/v1.ObjectMeta")?.fields.get("labels")).toMatch(/Map of string keys/);
});

test.each([
  ["extensions/v1beta1.Deployment", /^Deployment enables declarative updates/],
  ["batch/v1beta1.CronJob", /^CronJob represents/],
  ["apps/v1alpha1.PetSet", /^StatefulSet represents a set of pods/],
])("%s is described by what became of it", (name, text) => {
  expect(new Descriptions().of(name)?.text).toMatch(text);
});

test("fields that are closed sets name their values, in lists too, and open ones do not", () => {
  const book = new SchemaBook("v3");
  book.add(lookupType("core/v1.Pod")!);
  book.add(lookupType("core/v1.PersistentVolumeClaim")!);
  const properties = (name: string) => (book.all()[`io.k8s.api.core.v1.${name}`] as { properties: object }).properties;
  expect(properties("PodSpec")).toMatchObject({ restartPolicy: { enum: ["Always", "Never", "OnFailure"] } });
  expect(properties("PersistentVolumeClaimSpec")).toMatchObject({
    accessModes: { type: "array", items: { enum: expect.arrayContaining(["ReadWriteOnce"]) } },
  });
  expect(properties("PodCondition")).not.toHaveProperty("type.enum");
});

test("a type that nobody describes has no description", () => {
  expect(new Descriptions().of("core/v1.NoSuchThing")).toBeUndefined();
  expect(new Descriptions().of("../secret/v1.Thing")).toBeUndefined();
  expect(new Descriptions("/nowhere").of("core/v1.Pod")).toBeUndefined();
});

import { describe, expect, test } from "vitest";
import { path } from "./fields.ts";
import type { ObjectMeta } from "./generated/meta-v1.ts";
import { validateFieldManager, validateMetadata, validateMetadataUpdate } from "./metadata-validation.ts";
import { dnsSubdomain } from "./names.ts";

const rules = { namespaced: true, name: dnsSubdomain };
const said = (meta: ObjectMeta) =>
  validateMetadata({ name: "a", namespace: "n", ...meta }, rules).map(({ field, message }) => `${field}: ${message}`);

describe("metadata of a new object", () => {
  test.each([
    { name: "a plain name is fine", meta: {}, errors: [] },
    {
      name: "a name is required",
      meta: { name: "" },
      errors: ["metadata.name: Required value: name or generateName is required"],
    },
    { name: "a namespace is required", meta: { namespace: "" }, errors: ["metadata.namespace: Required value"] },
    {
      name: "a label's key is checked",
      meta: { labels: { "/x": "v" } },
      errors: ['metadata.labels: Invalid value: "/x": prefix part must be non-empty'],
    },
    {
      name: "an annotation's key may have capitals in its domain",
      meta: { annotations: { "Example.com/a": "" } },
      errors: [],
    },
    {
      name: "annotations may be 256 KiB in all",
      meta: { annotations: { a: "x".repeat(262144) } },
      errors: ["metadata.annotations: Too long: may not be more than 262144 bytes"],
    },
    {
      name: "annotations are counted in bytes",
      meta: { annotations: { a: "é".repeat(131072) } },
      errors: ["metadata.annotations: Too long: may not be more than 262144 bytes"],
    },
    {
      name: "a finalizer needs a domain, unless it is known",
      meta: { finalizers: ["noslash", "foregroundDeletion", "e.com/f"] },
      errors: [
        'metadata.finalizers[0]: Invalid value: "noslash": name is neither a standard finalizer name nor is it fully qualified',
      ],
    },
    {
      name: "an owner must be named in full",
      meta: { ownerReferences: [{ apiVersion: "apps/", kind: "", name: "", uid: "" }] },
      errors: [
        'metadata.ownerReferences.apiVersion: Invalid value: "apps/": version must not be empty',
        'metadata.ownerReferences.kind: Invalid value: "": must not be empty',
        'metadata.ownerReferences.name: Invalid value: "": must not be empty',
        'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
      ],
    },
    {
      name: "a managed field's operation is Apply or Update",
      meta: { managedFields: [{ manager: "m", operation: "Guess", fieldsType: "FieldsV1" }] },
      errors: ['metadata.managedFields[0].operation: Invalid value: "Guess": must be `Apply` or `Update`'],
    },
  ])("$name", ({ meta, errors }) => expect(said(meta as ObjectMeta)).toEqual(errors));

  test("only one owner controls", () => {
    const owner = (name: string) => ({ apiVersion: "v1", kind: "Pod", name, uid: name, controller: true });
    expect(said({ ownerReferences: [owner("a"), owner("b")] })).toEqual([
      expect.stringContaining(
        'Only one reference can have Controller set to true. Found "true" in references for Pod/a and Pod/b',
      ),
    ]);
  });

  test("an object of the whole cluster has no namespace", () => {
    const errors = validateMetadata({ name: "a", namespace: "n" }, { ...rules, namespaced: false });
    expect(errors.map(({ message }) => message)).toEqual(["Forbidden: not allowed on this type"]);
  });

  test("custom resources may have finalizers without a domain", () => {
    const meta = { name: "a", namespace: "n", finalizers: ["own"] };
    expect(validateMetadata(meta, { ...rules, strictFinalizers: false })).toEqual([]);
  });

  test("a manager's name is short and printable", () => {
    expect(validateFieldManager("k\u0001", path("fieldManager"))).toHaveLength(1);
    expect(validateFieldManager("x".repeat(129), path("fieldManager"))).toHaveLength(1);
    expect(validateFieldManager("kubectl-client-side-apply", path("fieldManager"))).toEqual([]);
  });
});

describe("a change of metadata", () => {
  const previous = { name: "a", namespace: "n", uid: "u", resourceVersion: "1", generation: 2 };
  const changed = (change: ObjectMeta, before: ObjectMeta = previous) =>
    validateMetadataUpdate({ ...before, ...change }, before).map(({ field, message }) => `${field}: ${message}`);

  test.each([
    { name: "nothing changed", change: {}, errors: [] },
    { name: "the uid stays", change: { uid: "v" }, errors: ['metadata.uid: Invalid value: "v": field is immutable'] },
    {
      name: "the version is required",
      change: { resourceVersion: "" },
      errors: ['metadata.resourceVersion: Invalid value: "": must be specified for an update'],
    },
    {
      name: "the generation grows",
      change: { generation: 1 },
      errors: ["metadata.generation: Invalid value: 1: must not be decremented"],
    },
  ])("$name", ({ change, errors }) => expect(changed(change)).toEqual(errors));

  test("a dying object gets no new finalizers", () => {
    const dying = { ...previous, deletionTimestamp: "2016-01-01T00:00:00Z", finalizers: ["e.com/a"] };
    expect(changed({ finalizers: ["e.com/a", "e.com/b"] }, dying)).toEqual([
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"e.com/b"}',
    ]);
    expect(changed({ finalizers: [] }, dying)).toEqual([]);
  });
});

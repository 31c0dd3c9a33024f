import { describe, expect, test } from "vitest";
import type { CustomResourceDefinition } from "./custom-resource-definition.ts";
import { validateDefinition } from "./validate-definition.ts";

function faults(schema: object, version: object = {}): readonly string[] {
  const definition = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "widgets.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema }, ...version }],
    },
    status: { storedVersions: ["v1"] },
  };
  return validateDefinition(definition as unknown as CustomResourceDefinition).map(
    ({ field, message }) => `${field.replace("spec.validation.openAPIV3Schema", "schema")}: ${message}`,
  );
}

const object = (properties: object, more: object = {}) => ({ type: "object", properties, ...more });
const list = (items: object, more: object) => ({ type: "array", items, ...more });
const map = { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"] };

describe("schemas", () => {
  test("one that says nothing wrong has no faults", () => {
    const item = object({ k: { type: "string" }, v: { "x-kubernetes-int-or-string": true } }, { required: ["k"] });
    const properties = {
      metadata: object({ name: { type: "string", maxLength: 9 } }),
      spec: object({ l: list(item, map) }),
    };
    expect(faults(object(properties))).toEqual([]);
  });

  test.each([
    {
      name: "a field without a type",
      schema: object({ a: {} }),
      fault: "schema.properties[a].type: Required value: must not be empty for specified object fields",
    },
    {
      name: "a type that nobody knows",
      schema: object({ a: { type: "text" } }),
      fault:
        'schema.properties[a].type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"',
    },
    {
      name: "fields that are kept, and not",
      schema: object({ a: { type: "object", "x-kubernetes-preserve-unknown-fields": false } }),
      fault:
        "schema.properties[a].x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined",
    },
    {
      name: "more said of metadata than of names",
      schema: object({ metadata: object({ labels: { type: "object" } }) }),
      fault:
        "schema.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified",
    },
    {
      name: "a key that an element may lack",
      schema: object({ l: list(object({ k: { type: "string" } }), map) }),
      fault:
        "schema.properties[l].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
    },
    {
      name: "a key that is no scalar",
      schema: object({ l: list(object({ k: { type: "object" } }, { required: ["k"] }), map) }),
      fault:
        'schema.properties[l].items.properties[k].type: Invalid value: "object": must be a scalar type if parent array\'s x-kubernetes-list-type is map',
    },
    {
      name: "a set whose elements have parts",
      schema: object({ l: list(object({}), { "x-kubernetes-list-type": "set" }) }),
      fault:
        'schema.properties[l].items.x-kubernetes-map-type: Invalid value: "": must be atomic as item of a list with x-kubernetes-list-type=set',
    },
    {
      name: "a default that its own schema refuses",
      schema: object({ a: { type: "integer", minimum: 3, default: 1 } }),
      fault: "schema.properties[a].default: Invalid value: 1:  in body should be greater than or equal to 3",
    },
    {
      name: "a pattern that is none",
      schema: object({ a: { type: "string", pattern: "(" } }),
      fault: 'schema.properties[a].pattern: Invalid value: "(": must be a valid regular expression',
    },
  ])("$name is refused", ({ schema, fault }) => {
    expect(faults(schema)).toEqual([fault]);
  });
});

describe("what else a version says", () => {
  const schema = object({ spec: object({ color: { type: "string" }, list: list({ type: "string" }, {}) }) });
  test.each([
    {
      name: "a column without a path",
      version: { additionalPrinterColumns: [{ name: "A", type: "string", jsonPath: "spec.color" }] },
      fault:
        'spec.versions[0].additionalPrinterColumns[0].jsonPath: Invalid value: "spec.color": must be a simple json path starting with .',
    },
    {
      name: "a selectable field that is not there",
      version: { selectableFields: [{ jsonPath: ".spec.size" }] },
      fault:
        'spec.versions[0].selectableFields[0].jsonPath: Invalid value: ".spec.size": is an invalid path: does not refer to a valid field',
    },
    {
      name: "a selectable list",
      version: { selectableFields: [{ jsonPath: ".spec.list" }] },
      fault:
        'spec.versions[0].selectableFields[0].jsonPath: Invalid value: ".spec.list": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
    },
    {
      name: "selectable metadata",
      version: { selectableFields: [{ jsonPath: ".metadata.name" }] },
      fault:
        'spec.versions[0].selectableFields[0].jsonPath: Invalid value: ".metadata.name": must not point to fields in metadata',
    },
  ])("$name is refused", ({ version, fault }) => {
    expect(faults(schema, version)).toEqual([fault]);
  });
});

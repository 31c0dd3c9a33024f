import type { CelField, CelListType, CelSchema, CelType } from "./cel-type.ts";
import { bool, double, int, mapOf } from "./cel-type.ts";
import { escapeProperty } from "./escaping.ts";

/** The largest request body, from which sizes that no schema bounds are guessed. */
const maxRequestBytes = 3 * 1024 * 1024;

const stringSchema: CelSchema = { type: "string" };
const nameProperties = { name: stringSchema, generateName: stringSchema };

interface Sized {
  readonly type: CelType;
  /** The fewest bytes of JSON that hold a value. */
  readonly minBytes: number;
}

/**
 * The type under which expressions see values of a schema, or undefined where they may not (no type, or a list or map
 * of such). At the `root` of a resource apiVersion, kind and metadata's name and generateName are always there. `name`
 * is what messages call an object; its fields' objects are named by their path from there.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
 */
export function schemaType(
  schema: CelSchema,
  options: { readonly root?: boolean; readonly name?: string } = {},
): CelType | undefined {
  const root = options.root === true || schema["x-kubernetes-embedded-resource"] === true;
  return sized(schema, options.name ?? "object", root)?.type;
}

function sized(
  schema: CelSchema,
  name: string,
  root = schema["x-kubernetes-embedded-resource"] === true,
): Sized | undefined {
  if (schema["x-kubernetes-int-or-string"]) {
    const maxSize = schema.maxLength === undefined ? maxRequestBytes - 2 : schema.maxLength * 4;
    return { type: { kind: "dyn", maxSize }, minBytes: 1 };
  }
  if (root) return recordType(withObjectMeta(schema), name);
  switch (schema.type) {
    case "array":
      return arrayType(schema, name);
    case "object":
      return typeof schema.additionalProperties === "object" ? mapType(schema, name) : recordType(schema, name);
    case "string":
      return stringType(schema);
    case "boolean":
      return { type: bool, minBytes: 4 };
    case "number":
      return { type: double, minBytes: 1 };
    case "integer":
      return { type: int, minBytes: 1 };
    default:
      return undefined;
  }
}

function withObjectMeta(schema: CelSchema): CelSchema {
  const { apiVersion, kind, metadata } = schema.properties ?? {};
  const complete = metadata?.properties?.name && metadata.properties.generateName;
  return {
    ...schema,
    properties: {
      ...schema.properties,
      apiVersion: apiVersion ?? stringSchema,
      kind: kind ?? stringSchema,
      metadata: complete ? metadata : { type: "object", properties: nameProperties },
    },
  };
}

function arrayType(schema: CelSchema, name: string): Sized | undefined {
  const items = schema.items && sized(schema.items, `${name}.@idx`);
  if (!items) return undefined;
  const maxSize = schema.maxItems ?? Math.floor((maxRequestBytes - 2) / (items.minBytes + 1));
  return { type: { kind: "list", element: items.type, maxSize, merge: mergeOf(schema) }, minBytes: 2 };
}

function mergeOf(schema: CelSchema): CelListType["merge"] {
  const by = schema["x-kubernetes-list-type"];
  if (by === "set") return { by };
  return by === "map" ? { by, keys: schema["x-kubernetes-list-map-keys"] ?? [] } : undefined;
}

function mapType(schema: CelSchema, name: string): Sized | undefined {
  const values =
    typeof schema.additionalProperties === "object" ? sized(schema.additionalProperties, `${name}.@elem`) : undefined;
  if (!values) return undefined;
  const maxSize = schema.maxProperties ?? Math.floor((maxRequestBytes - 2) / (values.minBytes + 6));
  return { type: mapOf({ kind: "string" }, values.type, maxSize), minBytes: 2 };
}

function recordType(schema: CelSchema, name: string): Sized {
  const properties = schema.properties ?? {};
  const jsonNames = new Map<string, string>();
  for (const jsonName of Object.keys(properties)) {
    const escaped = escapeProperty(jsonName);
    if (escaped !== undefined) jsonNames.set(escaped, jsonName);
  }
  // Fields are typed when asked for: a schema may contain itself.
  const known = new Map<string, CelField | undefined>();
  const typed = (escaped: string): CelField | undefined => {
    const jsonName = jsonNames.get(escaped);
    const property = jsonName === undefined ? undefined : properties[jsonName];
    const value = property && sized(property, `${name}.${escaped}`);
    return value && jsonName !== undefined ? { type: value.type, jsonName } : undefined;
  };
  let minBytes = 2;
  for (const jsonName of schema.required ?? []) {
    const property = properties[jsonName];
    if (property === undefined || property.default !== undefined) continue;
    const value = sized(property, jsonName);
    if (value) minBytes += jsonName.length + value.minBytes + 4;
  }
  const field = (escaped: string) => {
    if (!known.has(escaped)) known.set(escaped, typed(escaped));
    return known.get(escaped);
  };
  return { type: { kind: "object", name, field }, minBytes };
}

function stringType(schema: CelSchema): Sized {
  switch (schema.format) {
    case "byte":
      return { type: { kind: "bytes", maxSize: schema.maxLength ?? maxRequestBytes - 2 }, minBytes: 2 };
    case "duration":
      return { type: { kind: "duration", maxSize: 32 }, minBytes: 4 };
    case "date":
      return { type: { kind: "timestamp", maxSize: 12 }, minBytes: 12 };
    case "date-time":
      return { type: { kind: "timestamp", maxSize: 37 }, minBytes: 22 };
    default:
      return { type: { kind: "string", maxSize: stringSize(schema) }, minBytes: 2 };
  }
}

function stringSize(schema: CelSchema): number {
  // maxLength counts characters, each of up to four bytes.
  if (schema.maxLength !== undefined) return Math.max(0, schema.maxLength) * 4;
  if (!schema.enum?.length) return maxRequestBytes - 2;
  return Math.max(...schema.enum.map((value) => (typeof value === "string" ? value.length : 0)));
}

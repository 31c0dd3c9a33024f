import type { FieldInfo, ListInfo, MapInfo, StructInfo, TypeInfo } from "../../machinery/type-info.ts";
import { lookupMeta, scalars } from "../../machinery/type-table.ts";
import type { Schema } from "./schema.ts";
import { prune } from "./schema-form.ts";

/** The type of a custom resource in one version, made from its schema when it is first needed. */
export class CustomType implements StructInfo {
  readonly kind = "struct";
  readonly name: string;
  readonly decode: NonNullable<StructInfo["decode"]>;
  readonly #schema: () => Schema;
  readonly #root: boolean;
  #fields: ReadonlyMap<string, FieldInfo> | undefined;

  /** The schema is asked for whenever it is needed, so that a kind that nobody uses need not hold it. */
  constructor(name: string, schema: () => Schema, options: { readonly root: boolean }) {
    this.name = name;
    this.#schema = schema;
    this.#root = options.root;
    this.decode = (value, { unknown }) => prune(value, schema(), unknown, options.root);
  }

  /** What the definition says of the version's objects. */
  get schema(): Schema {
    return this.#schema();
  }

  get atomic(): boolean {
    return !this.#root && this.schema["x-kubernetes-map-type"] === "atomic";
  }

  get open(): boolean {
    return this.schema["x-kubernetes-preserve-unknown-fields"] === true;
  }

  get fields(): ReadonlyMap<string, FieldInfo> {
    this.#fields ??= this.#made();
    return this.#fields;
  }

  /** Custom resources have no protobuf form. */
  get members(): readonly FieldInfo[] {
    return [...this.fields.values()];
  }

  #made(): ReadonlyMap<string, FieldInfo> {
    const fields = new Map<string, FieldInfo>();
    const { properties = {}, required = [] } = this.schema;
    if (this.#root || this.schema["x-kubernetes-embedded-resource"]) {
      fields.set("apiVersion", fieldOf("apiVersion", scalars.string, true));
      fields.set("kind", fieldOf("kind", scalars.string, true));
      const metadata = lookupMeta("meta/v1.ObjectMeta");
      if (metadata) fields.set("metadata", fieldOf("metadata", metadata, true));
    }
    for (const [name, schema] of Object.entries(properties)) {
      if (fields.has(name)) continue;
      const field = fieldOf(name, typeOf(`${this.name}.${name}`, schema), !required.includes(name));
      fields.set(name, { ...field, ...mergeRules(schema), ...defaultOf(schema) });
    }
    return fields;
  }
}

/** The schema behind a type; undefined for types of built-in kinds. */
export function customSchemaOf(type: StructInfo): Schema | undefined {
  return type instanceof CustomType ? type.schema : undefined;
}

function fieldOf(name: string, type: TypeInfo, optional: boolean): FieldInfo {
  return { name, type, optional, inline: false, proto: 0, pointer: false, omitEmpty: false };
}

/** Texts of a format of their own, as times, are taken in other forms too (as upstream); whoever applies is told of all else. */
function scalarOf({ type, format }: Schema): TypeInfo {
  switch (type) {
    case "string":
      return !format || format === "byte" ? scalars.string : scalars.any;
    case "integer":
      return scalars.int64;
    case "number":
      return scalars.double;
    case "boolean":
      return scalars.bool;
    default:
      return scalars.any;
  }
}

function typeOf(name: string, schema: Schema): TypeInfo {
  const { type, items, additionalProperties: others, properties } = schema;
  if (type === "array") {
    return items ? ({ kind: "list", item: typeOf(name, items) } satisfies ListInfo) : scalars.any;
  }
  if (type !== "object") return schema["x-kubernetes-preserve-unknown-fields"] ? scalars.raw : scalarOf(schema);
  if (properties || schema["x-kubernetes-embedded-resource"])
    return new CustomType(name, () => schema, { root: false });
  if (typeof others === "object") return { kind: "map", value: typeOf(name, others) } satisfies MapInfo;
  if (others === true || schema["x-kubernetes-preserve-unknown-fields"]) return scalars.raw;
  return new CustomType(name, () => schema, { root: false });
}

function mergeRules(schema: Schema): Partial<FieldInfo> {
  const listType = schema["x-kubernetes-list-type"];
  const keys = schema["x-kubernetes-list-map-keys"];
  const mapType = schema["x-kubernetes-map-type"];
  return {
    ...(schema.type === "array" ? { listType: (listType ?? "atomic") as "atomic" | "set" | "map" } : {}),
    ...(keys ? { listMapKeys: keys } : {}),
    ...(mapType === "atomic" ? { mapType: "atomic", structType: "atomic" } : {}),
  };
}

function defaultOf(schema: Schema): Partial<FieldInfo> {
  return schema.default === undefined ? {} : { default: schema.default };
}

import { customSchemaOf } from "../../api/apiextensions/custom-type.ts";
import type { Schema as CustomSchema } from "../../api/apiextensions/schema.ts";
import { typeFacts } from "../../api/type-info.ts";
import type { EitherInfo, FieldInfo, ScalarName, StructInfo, TypeInfo } from "../../machinery/type-info.ts";
import { customDefinitionName, customSchema } from "./custom-schemas.ts";
import { Descriptions } from "./descriptions.ts";
import { valuesOf } from "./enumerations.ts";

export type Schema = Readonly<Record<string, unknown>>;

/** `v2` documents and `v3` documents differ in where they keep their schemas. */
export type Dialect = "v2" | "v3";

const places: Readonly<Record<Dialect, string>> = { v2: "#/definitions/", v3: "#/components/schemas/" };

const meta = "io.k8s.apimachinery.pkg";

const scalarSchemas: Readonly<Record<ScalarName, Schema>> = {
  string: { type: "string" },
  bool: { type: "boolean" },
  int32: { type: "integer", format: "int32" },
  int64: { type: "integer", format: "int64" },
  double: { type: "number", format: "double" },
  byte: { type: "integer", format: "byte" },
  bytes: { type: "string", format: "byte" },
  quantity: { type: "string" },
  intOrString: { type: "string", format: "int-or-string" },
  time: { type: "string", format: "date-time" },
  microTime: { type: "string", format: "date-time" },
  duration: { type: "string" },
  raw: { type: "object" },
  fieldsV1: { type: "object" },
  any: {},
};

/** What only version 3 can say: either of two types. */
const eitherSchemas: Readonly<Partial<Record<ScalarName, Schema>>> = {
  quantity: { oneOf: [{ type: "string" }, { type: "number" }] },
  intOrString: { format: "int-or-string", oneOf: [{ type: "integer" }, { type: "string" }] },
};

/** Scalars that have a definition of their own. */
const namedScalars: Readonly<Partial<Record<ScalarName, string>>> = {
  quantity: `${meta}.api.resource.Quantity`,
  intOrString: `${meta}.util.intstr.IntOrString`,
  time: `${meta}.apis.meta.v1.Time`,
  microTime: `${meta}.apis.meta.v1.MicroTime`,
  duration: `${meta}.apis.meta.v1.Duration`,
  raw: `${meta}.runtime.RawExtension`,
  fieldsV1: `${meta}.apis.meta.v1.FieldsV1`,
};

/** How types that are a struct or something simpler are called. */
const alternatives: Readonly<Record<EitherInfo["or"], string>> = {
  bool: "Bool",
  list: "Array",
  strings: "StringArray",
};

const packages: Readonly<Record<string, string>> = {
  meta: `${meta}.apis.meta`,
  apiextensions: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
  apiregistration: "io.k8s.kube-aggregator.pkg.apis.apiregistration",
};

/** The name of a type in a document: `io.k8s.api.apps.v1.Deployment`. */
export function definitionName(typeName: string): string {
  const [path = "", name = ""] = splitLast(typeName, ".");
  const [folder = "", version = ""] = splitLast(path, "/");
  return `${packages[folder] ?? `io.k8s.api.${folder}`}.${version}.${name}`;
}

const descriptions = new Descriptions();

/** Collects the schemas of types and of all that they contain. */
export class SchemaBook {
  readonly #dialect: Dialect;
  readonly #place: string;
  readonly #schemas = new Map<string, Schema>();

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
    this.#place = places[dialect];
  }

  /** Adds a type under its name and returns the name; `more` is put beside its properties. */
  add(type: StructInfo, more: Schema = {}): string {
    const custom = customSchemaOf(type);
    if (custom) return this.#addCustom(customDefinitionName(type.name), custom, more);
    const name = typeFacts(type.name) ? definitionName(type.name) : type.name;
    const known = this.#schemas.get(name);
    if (known) {
      if (Object.keys(more).length > 0) this.#schemas.set(name, { ...known, ...more });
      return name;
    }
    this.#schemas.set(name, {});
    const properties: Record<string, Schema> = {};
    const described = descriptions.of(type.name);
    for (const [field, info] of type.fields)
      properties[field] = this.#describe(this.#field(info, type.name), described?.fields.get(field));
    const required = Array.from(type.fields.values())
      .filter(isRequired)
      .map((field) => field.name);
    this.#schemas.set(name, {
      ...(described?.text ? { description: described.text } : {}),
      type: "object",
      ...(required.length > 0 ? { required: required.sort() } : {}),
      properties,
      ...(type.atomic ? { "x-kubernetes-map-type": "atomic" } : {}),
      ...more,
    });
    return name;
  }

  #addCustom(name: string, schema: CustomSchema, more: Schema): string {
    const metadata = this.ref(`${meta}.apis.meta.v1.ObjectMeta`);
    this.#schemas.set(name, { ...customSchema(schema, this.#dialect, metadata), ...more });
    return name;
  }

  /** Adds a schema of another origin. */
  put(name: string, schema: Schema): void {
    this.#schemas.set(name, schema);
  }

  ref(name: string): Schema {
    return { $ref: this.#place + name };
  }

  /** All schemas by name, sorted. */
  all(): Readonly<Record<string, Schema>> {
    return Object.fromEntries([...this.#schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Beside a reference nothing counts in version 3, so the reference moves into a list of one. */
  #describe(schema: Schema, text: string | undefined): Schema {
    if (!text) return schema;
    if (this.#dialect === "v2" || schema.$ref === undefined) return { description: text, ...schema };
    const { $ref, ...rest } = schema;
    return { description: text, ...rest, allOf: [{ $ref }] };
  }

  #field(field: FieldInfo, owner: string): Schema {
    const { listType, listMapKeys, mapType, structType, patchStrategy, patchMergeKey } = field;
    const extensions = {
      ...(field.default === undefined ? {} : { default: field.default }),
      ...(listType ? { "x-kubernetes-list-type": listType } : {}),
      ...(listMapKeys ? { "x-kubernetes-list-map-keys": listMapKeys } : {}),
      ...(mapType === "atomic" || structType === "atomic" ? { "x-kubernetes-map-type": "atomic" } : {}),
      ...(patchStrategy ? { "x-kubernetes-patch-strategy": patchStrategy.join(",") } : {}),
      ...(patchMergeKey ? { "x-kubernetes-patch-merge-key": patchMergeKey } : {}),
    };
    return { ...withValues(this.#type(field.type, owner), valuesOf(owner, field.name)), ...extensions };
  }

  #scalar(name: ScalarName): Schema {
    return (this.#dialect === "v3" ? eitherSchemas[name] : undefined) ?? scalarSchemas[name];
  }

  #type(type: TypeInfo, owner: string): Schema {
    switch (type.kind) {
      case "scalar": {
        // Schemas are full of raw values that need not be objects.
        if (type.scalar === "raw" && /^apiextensions\/\w+\.JSONSchemaProps$/.test(owner)) {
          return this.#untyped(owner.replace(/SchemaProps$/, ""));
        }
        const named = namedScalars[type.scalar];
        if (!named) return scalarSchemas[type.scalar];
        if (!this.#schemas.has(named)) this.#schemas.set(named, this.#scalar(type.scalar));
        return this.ref(named);
      }
      case "list":
        return { type: "array", items: this.#type(type.item, owner) };
      case "map":
        return { type: "object", additionalProperties: this.#type(type.value, owner) };
      case "struct":
        return this.ref(this.add(type));
      case "either": {
        if (type.struct.kind !== "struct") return {};
        this.add(type.struct);
        return this.#untyped(`${type.struct.name}Or${alternatives[type.or]}`);
      }
    }
  }

  /** A definition that says in words alone what a value may be. */
  #untyped(typeName: string): Schema {
    const name = definitionName(typeName);
    const text = descriptions.of(typeName)?.text;
    if (!this.#schemas.has(name)) this.#schemas.set(name, text ? { description: text } : {});
    return this.ref(name);
  }
}

function withValues(schema: Schema, values: readonly string[] | undefined): Schema {
  if (!values) return schema;
  if (schema.type === "array") return { ...schema, items: withValues(schema.items as Schema, values) };
  return schema.type === "string" ? { ...schema, enum: values } : schema;
}

// Type and object metadata may always be left out, whatever the sources say of them.
function isRequired({ name, optional, omitEmpty, inline }: FieldInfo): boolean {
  return !optional && !omitEmpty && !inline && !["kind", "apiVersion", "metadata", "status"].includes(name);
}

function splitLast(text: string, separator: string): readonly [string, string] {
  const at = text.lastIndexOf(separator);
  return [text.slice(0, at), text.slice(at + 1)];
}

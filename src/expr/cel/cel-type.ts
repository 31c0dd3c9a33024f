/** The type of a CEL expression. `param` stands for any type, the same wherever its name repeats in one signature. */
export type CelType =
  | { readonly kind: CelSimpleKind; readonly maxSize?: number }
  | CelListType
  | { readonly kind: "map"; readonly key: CelType; readonly value: CelType; readonly maxSize?: number }
  | { readonly kind: "optional"; readonly element: CelType }
  | { readonly kind: "type"; readonly of?: CelType }
  | { readonly kind: "param"; readonly name: string }
  | { readonly kind: "opaque"; readonly name: string }
  | CelObjectType;

/** A list; as a set or a map by keys (`x-kubernetes-list-type`) it is compared without regard to order and joined by merging. */
export interface CelListType {
  readonly kind: "list";
  readonly element: CelType;
  readonly maxSize?: number;
  readonly merge?: { readonly by: "set" } | { readonly by: "map"; readonly keys: readonly string[] };
}

/** Kinds that need no further description. */
export type CelSimpleKind =
  | "dyn"
  | "null"
  | "bool"
  | "int"
  | "uint"
  | "double"
  | "string"
  | "bytes"
  | "timestamp"
  | "duration";

/** A message with declared fields; `field` answers undefined for a name that is not declared. */
export interface CelObjectType {
  readonly kind: "object";
  /** Shown in messages and compared: two object types with one name are one type. */
  readonly name: string;
  /** The field behind the name an expression uses (escaped, as `x__dash__y`). */
  field(name: string): CelField | undefined;
}

/** One field of an object type. */
export interface CelField {
  readonly type: CelType;
  /** Its name in JSON. */
  readonly jsonName: string;
}

/** The part of a structural schema that CEL sees: field names and meanings are OpenAPI's. */
export interface CelSchema {
  readonly type?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly properties?: Readonly<Record<string, CelSchema>>;
  readonly required?: readonly string[];
  readonly items?: CelSchema;
  readonly additionalProperties?: CelSchema | boolean;
  readonly enum?: readonly unknown[];
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly default?: unknown;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-embedded-resource"?: boolean;
  readonly "x-kubernetes-list-type"?: string;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
}

/** Any value, its type known only at run time. */
export const dyn: CelType = { kind: "dyn" };
export const bool: CelType = { kind: "bool" };
export const int: CelType = { kind: "int" };
export const uint: CelType = { kind: "uint" };
export const double: CelType = { kind: "double" };
export const string: CelType = { kind: "string" };
export const bytes: CelType = { kind: "bytes" };
export const nullType: CelType = { kind: "null" };
export const timestamp: CelType = { kind: "timestamp" };
export const duration: CelType = { kind: "duration" };

/** The type of lists with one element type. */
export function listOf(element: CelType, maxSize?: number): CelType {
  return { kind: "list", element, maxSize };
}

/** The type of maps. */
export function mapOf(key: CelType, value: CelType, maxSize?: number): CelType {
  return { kind: "map", key, value, maxSize };
}

/** The type of a value that may be absent. */
export function optionalOf(element: CelType): CelType {
  return { kind: "optional", element };
}

/** A type known only by its name, whose values functions make and read. */
export function opaque(name: string): CelType {
  return { kind: "opaque", name };
}

/** An object type of the given fields, by the names expressions use. */
export function objectType(name: string, fields: Readonly<Record<string, CelType>>): CelObjectType {
  const known = new Map(Object.entries(fields).map(([field, type]) => [field, { type, jsonName: field }]));
  return { kind: "object", name, field: (field) => known.get(field) };
}

/** The type as CEL writes it in messages, such as `list(string)`. */
export function typeName(type: CelType): string {
  switch (type.kind) {
    case "list":
      return `list(${typeName(type.element)})`;
    case "map":
      return `map(${typeName(type.key)}, ${typeName(type.value)})`;
    case "optional":
      return `optional_type(${typeName(type.element)})`;
    case "type":
      return type.of ? `type(${typeName(type.of)})` : "type";
    case "param":
    case "opaque":
    case "object":
      return type.name;
    default:
      return type.kind;
  }
}

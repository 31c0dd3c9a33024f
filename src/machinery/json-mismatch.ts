import { type Decode, decoderOf, describe, Mismatch } from "./json-decode.ts";
import type { ScalarName, StructInfo, TypeInfo } from "./type-info.ts";

/** The first fault in a value that does not fit its type, in the words of Go's reader; undefined if it fits after all. */
export function mismatchText(type: StructInfo, value: unknown): string | undefined {
  return find(type, value, { struct: "", path: [] });
}

interface Place {
  /** The struct that holds the field, as Go names it. */
  readonly struct: string;
  readonly path: readonly string[];
}

function find(type: TypeInfo, value: unknown, place: Place): string | undefined {
  if (value === null || value === undefined) return undefined;
  switch (type.kind) {
    case "struct": {
      if (typeof value !== "object" || Array.isArray(value)) return wrongType(type, value, place);
      for (const [key, member] of Object.entries(value)) {
        if (type.decode && key !== "metadata") continue; // all else is judged later, against its schema
        const field = type.fields.get(key);
        if (!field) continue;
        const fault = find(field.type, member, { struct: bareName(type), path: [...place.path, key] });
        if (fault) return fault;
      }
      return undefined;
    }
    case "list":
      if (!Array.isArray(value)) return wrongType(type, value, place);
      return first(value, (item) => find(type.item, item, place));
    case "map":
      if (typeof value !== "object" || Array.isArray(value)) return wrongType(type, value, place);
      return first(Object.values(value), (item) => find(type.value, item, place));
    case "either":
      return tried(decoderOf(type), value, () => wrongType(type.struct, value, place));
    case "scalar":
      return tried(decoderOf(type), value, () => wrongType(type, value, place));
  }
}

function first<T>(items: readonly T[], look: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = look(item);
    if (found) return found;
  }
  return undefined;
}

function tried(decode: Decode, value: unknown, otherwise: () => string): string | undefined {
  try {
    decode(value, { unknown: undefined, depth: 0 });
    return undefined;
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    return error.message === "" ? otherwise() : error.message;
  }
}

function wrongType(type: TypeInfo, value: unknown, place: Place): string {
  const given = typeof value === "number" && isNumeric(type) ? `number ${value}` : describe(value);
  if (place.path.length === 0) return `json: cannot unmarshal ${given} into Go value of type ${goType(type)}`;
  return `json: cannot unmarshal ${given} into Go struct field ${place.struct}.${place.path.join(".")} of type ${goType(type)}`;
}

const numeric = new Set<ScalarName>(["int32", "int64", "double", "byte"]);
const isNumeric = (type: TypeInfo) => type.kind === "scalar" && numeric.has(type.scalar);

const goScalars: Readonly<Record<ScalarName, string>> = {
  string: "string",
  bool: "bool",
  int32: "int32",
  int64: "int64",
  double: "float64",
  byte: "uint8",
  bytes: "[]uint8",
  quantity: "resource.Quantity",
  intOrString: "intstr.IntOrString",
  // These read a string first, and it is the string that does not fit.
  time: "string",
  microTime: "string",
  duration: "string",
  raw: "runtime.RawExtension",
  fieldsV1: "v1.FieldsV1",
  any: "interface {}",
};

function goType(type: TypeInfo): string {
  switch (type.kind) {
    case "scalar":
      return goScalars[type.scalar];
    case "list":
      return `[]${goType(type.item)}`;
    case "map":
      return `map[string]${goType(type.value)}`;
    case "either":
      return goType(type.struct);
    case "struct":
      return `${type.name.slice(type.name.indexOf("/") + 1, type.name.lastIndexOf("."))}.${bareName(type)}`;
  }
}

const bareName = (type: StructInfo) => type.name.slice(type.name.lastIndexOf(".") + 1);

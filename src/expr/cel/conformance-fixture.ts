import { allLibraries, compileCel } from "./cel.ts";
import type { CelType } from "./cel-type.ts";
import {
  bool,
  bytes,
  double,
  duration,
  dyn,
  int,
  listOf,
  mapOf,
  nullType,
  optionalOf,
  string,
  timestamp,
  uint,
} from "./cel-type.ts";
import { equal } from "./equality.ts";
import { Meter } from "./meter.ts";
import { parseDuration, parseTimestamp } from "./time.ts";
import { ArrayList, CelError, type CelOutcome, CelTypeValue, CelUint, type CelValue, EntryMap } from "./value.ts";

type Json = Readonly<Record<string, unknown>>;

/** One case of the specification's test data, as it is published. */
export interface SpecCase {
  readonly name?: string;
  readonly expr: string;
  readonly value?: unknown;
  readonly typedResult?: unknown;
  readonly evalError?: unknown;
  readonly anyEvalErrors?: unknown;
  readonly unknown?: unknown;
  readonly container?: unknown;
  readonly disableCheck?: unknown;
  readonly checkOnly?: unknown;
  readonly typeEnv?: unknown;
  readonly bindings?: unknown;
}

/** Marks what the cases say in a form this engine has no counterpart for (protocol buffer messages). */
export class NotRepresentable extends Error {}

/** Reads a value of the test data. */
export function specValue(json: Json): CelValue {
  const [kind, value] = Object.entries(json)[0] ?? ["nullValue", null];
  switch (kind) {
    case "nullValue":
      return null;
    case "boolValue":
    case "stringValue":
      return value as CelValue;
    case "int64Value":
      return BigInt(value as string);
    case "uint64Value":
      return new CelUint(BigInt(value as string));
    case "doubleValue":
      return Number(value);
    case "bytesValue":
      return new Uint8Array(Buffer.from(value as string, "base64"));
    case "typeValue":
      return new CelTypeValue(value as string);
    case "listValue":
      return new ArrayList(((value as { values?: Json[] }).values ?? []).map(specValue));
    case "mapValue":
      return new EntryMap(
        ((value as { entries?: { key: Json; value: Json }[] }).entries ?? []).map(
          (entry) => [specValue(entry.key), specValue(entry.value)] as const,
        ),
      );
    case "objectValue":
      return messageValue(value as Json);
    default:
      throw new NotRepresentable(kind);
  }
}

function messageValue(json: Json): CelValue {
  const type = String(json["@type"]).replace("type.googleapis.com/", "");
  const value =
    type === "google.protobuf.Timestamp"
      ? parseTimestamp(String(json.value))
      : type === "google.protobuf.Duration"
        ? parseDuration(String(json.value))
        : undefined;
  if (value === undefined || value instanceof CelError) throw new NotRepresentable(type);
  return value;
}

const primitives: Readonly<Record<string, CelType>> = {
  INT64: int,
  UINT64: uint,
  DOUBLE: double,
  BOOL: bool,
  STRING: string,
  BYTES: bytes,
};
const wellKnown: Readonly<Record<string, CelType>> = { TIMESTAMP: timestamp, DURATION: duration, ANY: dyn };

/** Reads a type of the test data. */
export function specType(json: Json): CelType {
  const [kind, value] = Object.entries(json)[0] ?? ["dyn", {}];
  const inner = value as Json;
  switch (kind) {
    case "primitive":
      return primitives[value as string] ?? dyn;
    case "wellKnown":
      return wellKnown[value as string] ?? dyn;
    case "listType":
      return listOf(specType((inner.elemType ?? {}) as Json));
    case "mapType":
      return mapOf(specType((inner.keyType ?? {}) as Json), specType((inner.valueType ?? {}) as Json));
    case "null":
      return nullType;
    case "dyn":
      return dyn;
    case "abstractType":
      if (inner.name === "optional_type")
        return optionalOf(specType(((inner.parameterTypes as Json[] | undefined)?.[0] ?? {}) as Json));
      throw new NotRepresentable(String(inner.name));
    default:
      throw new NotRepresentable(kind);
  }
}

/** Runs a case; undefined if the engine does what it says, otherwise what it does. */
export function runCase(test: SpecCase): string | undefined {
  const variables: Record<string, CelType> = {};
  for (const declaration of (test.typeEnv ?? []) as { name: string; ident?: { type: Json } }[]) {
    if (!declaration.ident) throw new NotRepresentable("function declaration");
    variables[declaration.name] = specType(declaration.ident.type);
  }
  const values: Record<string, CelValue> = {};
  for (const [name, binding] of Object.entries((test.bindings ?? {}) as Record<string, { value: Json }>)) {
    values[name] = specValue(binding.value);
    variables[name] ??= dyn;
  }
  const compiled = compileCel(test.expr, { variables, libraries: allLibraries, mixedLiterals: true });
  const fails = test.evalError !== undefined || test.anyEvalErrors !== undefined;
  if (!compiled.ok) return fails ? undefined : `does not compile: ${compiled.errors[0]?.message}`;
  if (test.checkOnly) return undefined;
  const result = compiled.program.evaluate(values, { costLimit: 10_000_000 });
  if (fails) return result.ok ? "succeeds" : undefined;
  if (!result.ok) return `fails: ${result.error}`;
  const expected = expectedValue(test);
  return sameValue(result.value, expected) ? undefined : "answers another value";
}

function expectedValue(test: SpecCase): CelValue {
  if (test.value !== undefined) return specValue(test.value as Json);
  const typed = test.typedResult as { result?: Json } | undefined;
  return typed?.result ? specValue(typed.result) : true;
}

function sameValue(a: CelOutcome, b: CelOutcome): boolean {
  if (typeof a === "number" && typeof b === "number") return Object.is(a, b) || a === b;
  return equal(a, b, new Meter(1_000_000)) === true;
}

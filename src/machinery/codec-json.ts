import { Fault } from "../lib/fault.ts";
import { decoderOf, Mismatch } from "./json-decode.ts";
import { mismatchText } from "./json-mismatch.ts";
import { duplicateFields, parseJson } from "./json-text.ts";
import type { StructInfo } from "./type-info.ts";

/** What to do with fields that are not known or given twice: nothing, or find and name them. */
export type FieldValidation = "Ignore" | "Warn" | "Strict";

/** An object read from what somebody sent. */
export interface Decoded<T = Readonly<Record<string, unknown>>> {
  readonly object: T;
  /** `unknown field "spec.foo"`, `duplicate field "spec.x"`: warnings, or a reason to refuse. Empty if nobody asked. */
  readonly problems: readonly string[];
}

const problemLimit = 100;

/**
 * Turns a plain value into a type's form: fields that the type does not know or that are switched off are dropped, what
 * Go would leave out is left out, what it would always print is there (`{}`, zero, null), quantities and times take their
 * canonical form. The argument is not changed, and shared with the result where nothing needs changing. Throws `invalid`
 * with the text that Kubernetes gives when a value does not fit its type.
 */
export function decodeValue<T = Readonly<Record<string, unknown>>>(
  type: StructInfo,
  value: unknown,
  validation: FieldValidation = "Ignore",
): Decoded<T> {
  const unknown: string[] | undefined = validation === "Ignore" ? undefined : [];
  try {
    const object = decoderOf(type)(value, { unknown, depth: 0 }) as T;
    return { object, problems: (unknown ?? []).slice(0, problemLimit).map((field) => `unknown field "${field}"`) };
  } catch (error) {
    if (error instanceof Mismatch) throw new Fault("invalid", mismatchText(type, value) ?? error.message);
    if (error instanceof RangeError) throw new Fault("invalid", "exceeded max depth");
    throw error;
  }
}

/** Reads JSON text into a type's form; see `decodeValue`. Finds fields that are given twice as well. */
export function decodeJson<T = Readonly<Record<string, unknown>>>(
  type: StructInfo,
  text: string,
  validation: FieldValidation = "Ignore",
): Decoded<T> {
  const value = parseJson(text);
  const decoded = decodeValue<T>(type, value, validation);
  if (validation === "Ignore") return decoded;
  const duplicates = duplicateFields(text, value, problemLimit);
  if (duplicates.length === 0) return decoded;
  const named = duplicates.map((field) => `duplicate field "${field}"`);
  return { object: decoded.object, problems: [...decoded.problems, ...named].slice(0, problemLimit) };
}

/** Writes an object as JSON text. */
export function encodeJson(object: unknown): string {
  return JSON.stringify(object);
}

import { htmlSafe } from "../lib/go-json.ts";
import { goQuote } from "../lib/go-text.ts";
import type { FieldError } from "./status-error.ts";

/**
 * A place in an object, as `spec.containers[0].env[PATH]`. Immutable; each step makes a longer one. Written out only where
 * there is a fault to report: most places are walked without finding one.
 */
export class FieldPath {
  readonly #before: FieldPath | undefined;
  readonly #step: string | number;
  readonly #inBrackets: boolean;

  constructor(step: string | number = "", before?: FieldPath, inBrackets = false) {
    this.#step = step;
    this.#before = before;
    this.#inBrackets = inBrackets;
  }

  /** Steps into members, one after the other. */
  child(name: string, ...more: readonly string[]): FieldPath {
    let place = new FieldPath(name, this);
    for (const next of more) place = new FieldPath(next, place);
    return place;
  }

  /** Steps into a list. */
  index(position: number): FieldPath {
    return new FieldPath(position, this, true);
  }

  /** Steps into a map, or a list that is keyed. */
  key(name: string): FieldPath {
    return new FieldPath(name, this, true);
  }

  toString(): string {
    const before = this.#before?.toString() ?? "";
    if (this.#inBrackets) return `${before}[${this.#step}]`;
    return before === "" ? `${this.#step}` : `${before}.${this.#step}`;
  }
}

/** The place that these members lead to: `path("spec", "template")`. */
export function path(...names: readonly string[]): FieldPath {
  let place = new FieldPath();
  for (const name of names) place = place.child(name);
  return place;
}

/** A place, as an object or as its text. */
export type Place = FieldPath | string;

const fault = (reason: FieldError["reason"], place: Place, kind: string, detail: string): FieldError => ({
  reason,
  field: String(place),
  message: detail === "" ? kind : `${kind}: ${detail}`,
});

/** The faults that validation reports, with the texts that Kubernetes gives them. */
export const field = {
  /** `Invalid value: "x": detail` */
  invalid: (place: Place, value: unknown, detail: string): FieldError =>
    fault("FieldValueInvalid", place, `Invalid value: ${valueText(value)}`, detail),
  /** As `invalid`, where the value's type is wrong. */
  typeInvalid: (place: Place, value: unknown, detail: string): FieldError =>
    fault("FieldValueTypeInvalid", place, `Invalid value: ${valueText(value)}`, detail),
  required: (place: Place, detail = ""): FieldError => fault("FieldValueRequired", place, "Required value", detail),
  duplicate: (place: Place, value: unknown): FieldError =>
    fault("FieldValueDuplicate", place, `Duplicate value: ${valueText(value)}`, ""),
  /** `Unsupported value: "x": supported values: "a", "b"`, in the order given. */
  notSupported: (place: Place, value: unknown, supported: readonly string[]): FieldError =>
    fault(
      "FieldValueNotSupported",
      place,
      `Unsupported value: ${valueText(value)}`,
      supported.length === 0 ? "" : `supported values: ${supported.map(goQuote).join(", ")}`,
    ),
  forbidden: (place: Place, detail: string): FieldError => fault("FieldValueForbidden", place, "Forbidden", detail),
  tooLong: (place: Place, limit: number): FieldError =>
    fault(
      "FieldValueTooLong",
      place,
      "Too long",
      limit < 0 ? "value is too long" : `may not be more than ${limit} bytes`,
    ),
  tooMany: (place: Place, actual: number, limit: number): FieldError =>
    fault(
      "FieldValueTooMany",
      place,
      actual < 0 ? "Too many" : `Too many: ${actual}`,
      limit < 0 ? "has too many items" : `must have at most ${limit} items`,
    ),
  notFound: (place: Place, value: unknown): FieldError =>
    fault("FieldValueNotFound", place, `Not found: ${valueText(value)}`, ""),
  internal: (place: Place, detail: string): FieldError => fault("InternalError", place, "Internal error", detail),
} as const;

/** One fault per message, all of the same value: how name rules are reported. */
export function invalidEach(place: Place, value: unknown, messages: readonly string[]): readonly FieldError[] {
  return messages.length === 0 ? noErrors : messages.map((message) => field.invalid(place, value, message));
}

/** No fault at all. */
export const noErrors: readonly FieldError[] = Object.freeze([]);

/** A value as messages show it: strings quoted, numbers bare, all else as JSON. */
export function valueText(value: unknown): string {
  if (value === undefined || value === null) return '"null"';
  if (typeof value === "string") return goQuote(value);
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  return goJson(value);
}

/** JSON as Go writes it, which escapes the characters that mean something in HTML. */
export function goJson(value: unknown): string {
  return htmlSafe(JSON.stringify(value) ?? "null");
}

import { RE2JS } from "re2js";
import { goQuote } from "../../lib/go-text.ts";
import { isEqual } from "../../machinery/equality.ts";
import { field } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import type { Errors } from "../checks.ts";
import { isMembers, type Members, type Schema } from "./schema.ts";
import { memberSchema } from "./schema-form.ts";
import { hasFormat } from "./value-formats.ts";

/** What was found in a value: its faults, and how many checks it took, by which the closest of several schemas is told. */
interface Findings {
  readonly errors: FieldError[];
  checks: number;
}

/** The state before an update, where it is known: what has not changed is not judged again. */
interface Before {
  readonly value: unknown;
}

/**
 * The faults of a value by its schema, each at its place below `at`. With `before`, parts that are as they were then are
 * not judged, however wrong they are (KEP-4008).
 */
export function validateValue(value: unknown, schema: Schema, at = "", before?: Before): Errors {
  return judge(value, schema, at, before).errors;
}

function judge(value: unknown, schema: Schema, at: string, before: Before | undefined): Findings {
  const found: Findings = { errors: [], checks: 0 };
  if (before && isEqual(value, before.value)) return found;
  checkType(value, schema, at, found);
  if (value !== null) {
    checkJunctors(value, schema, at, before, found);
    if (typeof value === "string") checkText(value, schema, at, found);
    if (typeof value === "number") checkNumber(value, schema, at, found);
    if (Array.isArray(value)) checkList(value, schema, at, before, found);
  }
  checkEnum(value, schema, at, found);
  if (isMembers(value)) checkMembers(value, schema, at, before, found);
  return found;
}

const place = (at: string) => at.replace(/^\./, "") || "<nil>";
const inBody = (at: string, text: string) => `${at} in body ${text}`;

function fault(found: Findings, at: string, value: unknown, text: string): void {
  found.errors.push(field.invalid(place(at), value, inBody(at, text)));
}

/** What JSON schemas call a value's type. */
export function jsonType(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function checkType(value: unknown, schema: Schema, at: string, found: Findings): void {
  const { type, format, nullable } = schema;
  const either = schema["x-kubernetes-int-or-string"];
  if (!type && !either && !format) return;
  const actual = jsonType(value);
  const wanted = either ? ["integer", "string"] : type ? [type] : [];
  const fits =
    actual === "null"
      ? wanted.length === 0 || (nullable ?? false)
      : wanted.includes(actual) ||
        (actual === "integer" && wanted.includes("number")) ||
        wanted.length === 0 ||
        // As upstream: a format that is given leaves a text or list to the check of the format.
        (format !== undefined && (actual === "string" || actual === "array") && !wanted.some(isNumeric));
  if (fits) {
    found.checks += 1;
    return;
  }
  found.errors.push(field.typeInvalid(place(at), actual, wrongType(at, wanted.join(","), actual)));
}

const isNumeric = (type: string) => type === "number" || type === "integer";
const wrongType = (at: string, wanted: string, given: string) =>
  inBody(at, `must be of type ${wanted}: ${goQuote(given)}`);

function checkText(value: string, schema: Schema, at: string, found: Findings): void {
  const { maxLength, minLength, pattern, format } = schema;
  const length = maxLength === undefined && minLength === undefined ? 0 : characters(value);
  if (maxLength !== undefined && length > maxLength) found.errors.push(field.tooLong(place(at), maxLength));
  else if (minLength !== undefined && length < minLength) {
    fault(found, at, value, `should be at least ${minLength} chars long`);
  } else if (pattern && !matchesPattern(pattern, value)) fault(found, at, value, `should match '${pattern}'`);
  else found.checks += 1;
  if (!format || hasFormat(value, format)) return;
  found.errors.push(field.typeInvalid(place(at), value, wrongType(at, format, value)));
}

function characters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

const patterns = new Map<string, RE2JS | undefined>();
const mostPatterns = 2000;

/** Compiles a pattern of a schema; undefined when it is none. Linear in time, whatever the pattern. */
export function compilePattern(pattern: string): RE2JS | undefined {
  if (patterns.has(pattern)) return patterns.get(pattern);
  if (patterns.size >= mostPatterns) patterns.clear();
  let compiled: RE2JS | undefined;
  try {
    compiled = RE2JS.compile(pattern);
  } catch {
    compiled = undefined;
  }
  patterns.set(pattern, compiled);
  return compiled;
}

function matchesPattern(pattern: string, text: string): boolean {
  return compilePattern(pattern)?.matcher(text).find() ?? false;
}

function checkNumber(value: number, schema: Schema, at: string, found: Findings): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  const before = found.errors.length;
  if (multipleOf !== undefined && !isMultiple(value, multipleOf)) {
    fault(found, at, value, `should be a multiple of ${multipleOf}`);
  }
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum)) {
    fault(found, at, value, `should be less than ${exclusiveMaximum ? "" : "or equal to "}${maximum}`);
  }
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum)) {
    fault(found, at, value, `should be greater than ${exclusiveMinimum ? "" : "or equal to "}${minimum}`);
  }
  if (found.errors.length === before) found.checks += 1;
}

function isMultiple(value: number, factor: number): boolean {
  const quotient = value / factor;
  return Math.abs(quotient - Math.round(quotient)) < 1e-9;
}

function checkList(
  value: readonly unknown[],
  schema: Schema,
  at: string,
  before: Before | undefined,
  found: Findings,
): void {
  const { items, minItems, maxItems } = schema;
  const previous = items ? elementsBefore(schema, before) : undefined;
  value.forEach((item, index) => {
    if (items) merge(found, judge(item, items, `${at}[${index}]`, previous?.(item)));
  });
  if (minItems !== undefined && value.length < minItems) {
    fault(found, at, value.length, `should have at least ${minItems} items`);
  }
  if (maxItems !== undefined && value.length > maxItems) {
    found.errors.push(field.tooMany(place(at), value.length, maxItems));
  }
  found.checks += 1;
}

// Only elements with keys can be told to be the same element as before.
function elementsBefore(
  schema: Schema,
  before: Before | undefined,
): ((item: unknown) => Before | undefined) | undefined {
  const keys = schema["x-kubernetes-list-map-keys"];
  if (!before || schema["x-kubernetes-list-type"] !== "map" || !keys || !Array.isArray(before.value)) return undefined;
  const known = new Map<string, unknown>();
  for (const item of before.value) known.set(keyText(item, keys), item);
  return (item) => {
    const key = keyText(item, keys);
    return known.has(key) ? { value: known.get(key) } : undefined;
  };
}

/** The values of an element's keys, as one text. */
export function keyText(item: unknown, keys: readonly string[]): string {
  return JSON.stringify(keys.map((key) => (isMembers(item) ? (item[key] ?? null) : null)));
}

function checkEnum(value: unknown, schema: Schema, at: string, found: Findings): void {
  const allowed = schema.enum;
  if (!allowed || allowed.length === 0) return;
  if (allowed.some((one) => isEqual(one, value))) {
    found.checks += 1;
    return;
  }
  const texts = allowed.map((one) => (typeof one === "string" ? one : JSON.stringify(one)));
  found.errors.push(field.notSupported(place(at), value, texts));
}

function checkMembers(value: Members, schema: Schema, at: string, before: Before | undefined, found: Findings): void {
  const { minProperties, maxProperties, required } = schema;
  const count = Object.keys(value).length;
  if (minProperties !== undefined && count < minProperties) {
    fault(found, at, count, `should have at least ${minProperties} properties`);
    return;
  }
  if (maxProperties !== undefined && count > maxProperties) {
    found.errors.push(field.tooMany(place(at), count, maxProperties));
    return;
  }
  const previous = before && isMembers(before.value) ? before.value : undefined;
  for (const [name, member] of Object.entries(value)) {
    const known = memberSchema(schema, name);
    if (known === undefined || known === true) continue;
    const then = previous && Object.hasOwn(previous, name) ? { value: previous[name] } : undefined;
    merge(found, judge(member, known, at === "" ? name : `${at}.${name}`, then));
  }
  for (const name of required ?? []) {
    if (!Object.hasOwn(value, name)) found.errors.push(field.required(place(`${at}.${name}`)));
  }
  found.checks += 1;
}

function checkJunctors(value: unknown, schema: Schema, at: string, before: Before | undefined, found: Findings): void {
  const { anyOf = [], oneOf = [], allOf = [], not } = schema;
  const composite = (text: string) =>
    found.errors.push(field.invalid("<nil>", "", `${goQuote(at.replace(/^\./, ""))} ${text}`));
  if (anyOf.length > 0) {
    const results = anyOf.map((one) => judge(value, one, at, before));
    if (!results.some(isFine)) {
      composite("must validate at least one schema (anyOf)");
      merge(found, closest(results));
    }
  }
  if (oneOf.length > 0) {
    const results = oneOf.map((one) => judge(value, one, at, before));
    const fine = results.filter(isFine).length;
    if (fine !== 1) {
      const how = fine === 0 ? "Found none valid" : `Found ${fine} valid alternatives`;
      composite(`must validate one and only one schema (oneOf). ${how}`);
      if (fine === 0) merge(found, closest(results));
    }
  }
  if (allOf.length > 0) {
    const results = allOf.map((one) => judge(value, one, at, before));
    for (const result of results) merge(found, result);
    const fine = results.filter(isFine).length;
    if (fine !== allOf.length)
      composite(`must validate all the schemas (allOf)${fine === 0 ? ". None validated" : ""}`);
  }
  if (not && isFine(judge(value, not, at, undefined))) composite("must not validate the schema (not)");
  found.checks += 1;
}

const isFine = ({ errors }: Findings) => errors.length === 0;

function closest(results: readonly Findings[]): Findings {
  return results.reduce((best, one) => (one.checks > best.checks ? one : best));
}

function merge(found: Findings, more: Findings): void {
  found.errors.push(...more.errors);
  found.checks += more.checks;
}

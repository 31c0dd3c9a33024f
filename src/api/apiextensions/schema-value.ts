import { type FieldPath, field, valueText } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import type { Errors } from "../checks.ts";
import type { Schema } from "./schema.ts";

/** The faults of a schema's default: it must be a value that the schema allows, with no fields that pruning would take. */
export function validateDefault(value: unknown, schema: Schema, place: FieldPath): Errors {
  if (hasUnknownFields(value, schema)) return [field.invalid(place, value, "must not have unknown fields")];
  return valueFaults(value, schema, "", place);
}

function hasUnknownFields(value: unknown, schema: Schema): boolean {
  if (schema["x-kubernetes-preserve-unknown-fields"]) return false;
  if (Array.isArray(value)) {
    const { items } = schema;
    return items !== undefined && value.some((item) => hasUnknownFields(item, items));
  }
  if (typeof value !== "object" || value === null) return false;
  const { additionalProperties: others } = schema;
  return Object.entries(value).some(([name, member]) => {
    const known = schema.properties?.[name] ?? (typeof others === "object" ? others : undefined);
    return known ? hasUnknownFields(member, known) : others !== true;
  });
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function isOfType(value: unknown, schema: Schema): boolean {
  const actual = typeOf(value);
  if (schema["x-kubernetes-int-or-string"]) return actual === "integer" || actual === "string";
  if (actual === "null") return schema.nullable ?? false;
  return !schema.type || schema.type === actual || (schema.type === "number" && actual === "integer");
}

function valueFaults(value: unknown, schema: Schema, at: string, place: FieldPath): Errors {
  const where = at === "" ? "" : at;
  if (!isOfType(value, schema)) {
    const wanted = schema["x-kubernetes-int-or-string"] ? "integer,string" : schema.type;
    const detail = `${where} in body must be of type ${wanted}: ${valueText(typeOf(value))}`;
    return [field.invalid(place, typeOf(value), detail)];
  }
  const errors: FieldError[] = [];
  const fault = (text: string) => errors.push(field.invalid(place, value, `${where} in body ${text}`));
  if (schema.enum && !schema.enum.some((one) => JSON.stringify(one) === JSON.stringify(value))) {
    fault(
      `should be one of [${schema.enum.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join(" ")}]`,
    );
  }
  if (typeof value === "string") {
    if (schema.pattern !== undefined && !matches(schema.pattern, value)) fault(`should match '${schema.pattern}'`);
    if (schema.minLength !== undefined && [...value].length < schema.minLength) {
      fault(`should be at least ${schema.minLength} chars long`);
    }
    if (schema.maxLength !== undefined && [...value].length > schema.maxLength) {
      fault(`should be at most ${schema.maxLength} chars long`);
    }
  }
  if (typeof value === "number") {
    const { minimum, maximum } = schema;
    if (minimum !== undefined && value < minimum) fault(`should be greater than or equal to ${minimum}`);
    if (maximum !== undefined && value > maximum) fault(`should be less than or equal to ${maximum}`);
  }
  if (Array.isArray(value)) {
    const { items, minItems, maxItems } = schema;
    if (minItems !== undefined && value.length < minItems) fault(`should have at least ${minItems} items`);
    if (maxItems !== undefined && value.length > maxItems) fault(`should have at most ${maxItems} items`);
    for (const [index, item] of value.entries()) {
      if (items) errors.push(...valueFaults(item, items, `${at}[${index}]`, place));
    }
  } else if (typeof value === "object" && value !== null) {
    for (const name of schema.required ?? []) {
      if (!(name in value)) errors.push(field.required(place.child(name)));
    }
    for (const [name, member] of Object.entries(value)) {
      const others = schema.additionalProperties;
      const known = schema.properties?.[name] ?? (typeof others === "object" ? others : undefined);
      if (known) errors.push(...valueFaults(member, known, at === "" ? name : `${at}.${name}`, place));
    }
  }
  return errors;
}

function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(pattern, "u").test(text);
  } catch {
    return true;
  }
}

import { type FieldPath, field } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import type { Errors } from "../checks.ts";
import type * as apiextensions from "../generated/apiextensions-v1.ts";
import { validateMerging } from "./list-schema.ts";
import type { Schema } from "./schema.ts";
import { validateDefault } from "./schema-value.ts";
import { compilePattern } from "./validate-value.ts";

type Level = "root" | "field" | "item";

const types = ["array", "boolean", "integer", "number", "object", "string"];

/** The faults of a schema: each value's type must be told by one place alone, so that it can be pruned and defaulted. */
export function validateSchema(given: apiextensions.JSONSchemaProps, place: FieldPath): Errors {
  const schema = given as Schema;
  const errors: FieldError[] = [...validateForbidden(schema, place)];
  if (!schema.type && !schema["x-kubernetes-int-or-string"]) {
    return [...errors, field.required(place.child("type"), "must not be empty at the root")];
  }
  if (schema.type && schema.type !== "object") {
    return [...errors, field.invalid(place.child("type"), schema.type, "must be object at the root")];
  }
  return [...errors, ...validateLevel(schema, place, "root")];
}

function validateLevel(schema: Schema, place: FieldPath, level: Level): Errors {
  const errors: FieldError[] = [];
  const free = schema["x-kubernetes-int-or-string"] || schema["x-kubernetes-preserve-unknown-fields"];
  if (!schema.type && !free) {
    const what = level === "item" ? "array items" : "object fields";
    errors.push(field.required(place.child("type"), `must not be empty for specified ${what}`));
  }
  if (schema.type && !types.includes(schema.type)) {
    errors.push(field.notSupported(place.child("type"), schema.type, types));
  }
  if (schema["x-kubernetes-preserve-unknown-fields"] === false) {
    const detail = "must be true or undefined";
    errors.push(field.invalid(place.child("x-kubernetes-preserve-unknown-fields"), false, detail));
  }
  if (schema["x-kubernetes-int-or-string"] && schema.type) {
    const detail = "must be empty if x-kubernetes-int-or-string is true";
    errors.push(field.invalid(place.child("type"), schema.type, detail));
  }
  if (schema["x-kubernetes-embedded-resource"] && schema.type !== "object") {
    errors.push(
      field.invalid(place.child("type"), schema.type ?? "", "must be object if x-kubernetes-embedded-resource is true"),
    );
  }
  if (schema.type === "array" && !schema.items) errors.push(field.required(place.child("items"), "must be specified"));
  const { properties, additionalProperties: others } = schema;
  if (properties && Object.keys(properties).length > 0 && others !== undefined && others !== false) {
    const detail = "additionalProperties and properties are mutual exclusive";
    errors.push(field.forbidden(place.child("additionalProperties"), detail));
  }
  errors.push(...validateMerging(schema, place));
  for (const [name, member] of Object.entries(properties ?? {})) {
    const here = place.child("properties").key(name);
    if (level === "root" && (name === "apiVersion" || name === "kind" || name === "metadata")) {
      errors.push(...validateReserved(name, member, here));
    } else errors.push(...validateForbidden(member, here), ...validateLevel(member, here, "field"));
  }
  if (schema.items) {
    const here = place.child("items");
    errors.push(...validateForbidden(schema.items, here), ...validateLevel(schema.items, here, "item"));
  }
  if (typeof others === "object") {
    const here = place.child("additionalProperties");
    errors.push(...validateForbidden(others, here), ...validateLevel(others, here, "field"));
  }
  errors.push(...validateJunctors(schema, place));
  if (schema.default !== undefined && errors.length === 0) {
    errors.push(...validateDefault(schema.default, schema, place.child("default")));
  }
  return errors;
}

function validateReserved(name: string, schema: Schema, place: FieldPath): Errors {
  const wanted = name === "metadata" ? "object" : "string";
  if (name === "metadata" && Object.keys(schema).some((member) => !ofMetadata.has(member) || !onlyNames(schema))) {
    const detail = "must not specify anything other than name and generateName, but metadata is implicitly specified";
    return [field.forbidden(place, detail)];
  }
  if (!schema.type || schema.type === wanted) return [];
  return [field.invalid(place.child("type"), schema.type, `must be ${wanted}`)];
}

/** What a definition may say of metadata: everything else is the same for all objects. */
const ofMetadata = new Set(["type", "properties", "description", "title"]);
const onlyNames = ({ properties = {} }: Schema) =>
  Object.keys(properties).every((name) => name === "name" || name === "generateName");

/** Members that no schema may have, wherever it stands. */
function validateForbidden(schema: Schema, place: FieldPath): Errors {
  const errors: FieldError[] = [];
  if (schema.uniqueItems) {
    const detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
    errors.push(field.forbidden(place.child("uniqueItems"), detail));
  }
  if (schema.$ref !== undefined) errors.push(field.forbidden(place.child("$ref"), "$ref is not supported"));
  for (const name of ["definitions", "dependencies", "patternProperties", "additionalItems"] as const) {
    const value = schema[name] as object | undefined;
    if (value === undefined || Object.keys(value).length === 0) continue;
    errors.push(field.forbidden(place.child(name), `${name} is not supported`));
  }
  if (schema.additionalProperties === false) {
    errors.push(field.forbidden(place.child("additionalProperties"), "additionalProperties cannot be set to false"));
  }
  if (schema.pattern && !compilePattern(schema.pattern)) {
    errors.push(field.invalid(place.child("pattern"), schema.pattern, "must be a valid regular expression"));
  }
  return errors;
}

const describing = ["title", "description", "type"] as const;

function validateJunctors(schema: Schema, place: FieldPath): Errors {
  const errors: FieldError[] = [];
  for (const name of ["allOf", "anyOf", "oneOf"] as const) {
    schema[name]?.forEach((part, index) => {
      errors.push(...validateNested(part, schema, place.child(name).index(index)));
    });
  }
  if (schema.not) errors.push(...validateNested(schema.not, schema, place.child("not")));
  return errors.length > 0 ? errors : validateCompleteness(schema, schema, place, place);
}

/** What a junctor narrows must be said outside of it too, or nothing would tell its type. */
function validateCompleteness(narrowing: Schema, outer: Schema, at: FieldPath, outerAt: FieldPath): Errors {
  const errors: FieldError[] = [];
  if (narrowing !== outer) {
    for (const [name, member] of Object.entries(narrowing.properties ?? {})) {
      const here = at.child("properties").key(name);
      const there = outerAt.child("properties").key(name);
      const known = outer.properties?.[name];
      if (known) errors.push(...validateCompleteness(member, known, here, there));
      else if (typeof outer.additionalProperties !== "object" && !outer["x-kubernetes-preserve-unknown-fields"]) {
        errors.push(field.required(there, `because it is defined in ${here}`));
      }
    }
    if (narrowing.items && outer.items) {
      errors.push(...validateCompleteness(narrowing.items, outer.items, at.child("items"), outerAt.child("items")));
    } else if (narrowing.items) {
      errors.push(field.required(outerAt.child("items"), `because it is defined in ${at.child("items")}`));
    }
  }
  for (const name of ["allOf", "anyOf", "oneOf"] as const) {
    narrowing[name]?.forEach((part, index) => {
      errors.push(...validateCompleteness(part, outer, at.child(name).index(index), outerAt));
    });
  }
  if (narrowing.not) errors.push(...validateCompleteness(narrowing.not, outer, at.child("not"), outerAt));
  return errors;
}

/** Below a junctor, a schema may narrow values but not say what they are. */
function validateNested(schema: Schema, outer: Schema, place: FieldPath): Errors {
  const errors: FieldError[] = [];
  const allowed = outer["x-kubernetes-int-or-string"];
  for (const name of describing) {
    if (!schema[name] || (name === "type" && allowed)) continue;
    errors.push(field.forbidden(place.child(name), "must be empty to be structural"));
  }
  if (schema.default !== undefined) {
    errors.push(field.forbidden(place.child("default"), "must be undefined to be structural"));
  }
  if (schema.nullable) errors.push(field.forbidden(place.child("nullable"), "must be false to be structural"));
  if (schema.additionalProperties !== undefined) {
    errors.push(field.forbidden(place.child("additionalProperties"), "must be undefined to be structural"));
  }
  for (const name of ["x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"] as const) {
    if (schema[name]) errors.push(field.forbidden(place.child(name), "must be false to be structural"));
  }
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    const known = outer.properties?.[name];
    const here = place.child("properties").key(name);
    errors.push(...validateNested(member, known ?? {}, here));
  }
  if (schema.items) errors.push(...validateNested(schema.items, outer.items ?? {}, place.child("items")));
  return [...errors, ...validateNestedJunctors(schema, outer, place)];
}

function validateNestedJunctors(schema: Schema, outer: Schema, place: FieldPath): Errors {
  const parts = (["allOf", "anyOf", "oneOf"] as const).flatMap((name) =>
    (schema[name] ?? []).flatMap((part, index) => validateNested(part, outer, place.child(name).index(index))),
  );
  return schema.not ? [...parts, ...validateNested(schema.not, outer, place.child("not"))] : parts;
}

import { type FieldPath, field } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import type { Errors } from "../checks.ts";
import type { Schema } from "./schema.ts";

const scalars = new Set(["boolean", "integer", "number", "string"]);

/** The faults of what a schema says of lists and maps: how they are merged, and by which keys. */
export function validateMerging(schema: Schema, place: FieldPath): Errors {
  const errors: FieldError[] = [...validateMapType(schema, place)];
  const kind = schema["x-kubernetes-list-type"];
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  if (kind !== undefined && !["atomic", "map", "set"].includes(kind)) {
    errors.push(field.notSupported(place.child("x-kubernetes-list-type"), kind, ["atomic", "map", "set"]));
  }
  if (kind !== undefined && schema.type !== "array") {
    const detail = "must be array if x-kubernetes-list-type is specified";
    errors.push(field.invalid(place.child("type"), schema.type ?? "", detail));
  }
  const keysPlace = place.child("x-kubernetes-list-map-keys");
  if (kind === "map" && keys.length === 0) {
    errors.push(field.required(keysPlace, "must not be empty if x-kubernetes-list-type is map"));
  }
  if (kind !== "map" && keys.length > 0) {
    const detail = "must be map if x-kubernetes-list-map-keys is non-empty";
    errors.push(field.invalid(place.child("x-kubernetes-list-type"), kind ?? "", detail));
  }
  if (kind === "map") errors.push(...validateKeys(schema, keys, place));
  return kind === "set" && schema.items ? [...errors, ...validateSetItems(schema.items, place.child("items"))] : errors;
}

function validateMapType(schema: Schema, place: FieldPath): Errors {
  const map = schema["x-kubernetes-map-type"];
  if (map === undefined) return [];
  if (map !== "atomic" && map !== "granular") {
    return [field.notSupported(place.child("x-kubernetes-map-type"), map, ["atomic", "granular"])];
  }
  if (schema.type === "object") return [];
  return [
    field.invalid(place.child("type"), schema.type ?? "", "must be object if x-kubernetes-map-type is specified"),
  ];
}

function validateKeys({ items }: Schema, keys: readonly string[], place: FieldPath): Errors {
  const errors: FieldError[] = [];
  const keysPlace = place.child("x-kubernetes-list-map-keys");
  const itemsPlace = place.child("items");
  if (items && items.type !== "object") {
    const detail = "must be object if parent array's x-kubernetes-list-type is map";
    errors.push(field.invalid(itemsPlace.child("type"), items.type ?? "", detail));
  }
  const seen = new Set<string>();
  for (const [index, key] of keys.entries()) {
    const property = items?.properties?.[key];
    const at = itemsPlace.child("properties").key(key);
    if (seen.has(key)) errors.push(field.duplicate(keysPlace.index(index), key));
    seen.add(key);
    if (!property) {
      errors.push(field.invalid(keysPlace.index(index), key, "entries must all be names of item properties"));
      continue;
    }
    if (!scalars.has(property.type ?? "")) {
      const detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
      errors.push(field.invalid(at.child("type"), property.type ?? "", detail));
    }
    if (property.nullable) {
      const detail = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
      errors.push(field.forbidden(at.child("nullable"), detail));
    }
    if (!items?.required?.includes(key) && property.default === undefined) {
      const detail =
        "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
      errors.push(field.required(at.child("default"), detail));
    }
  }
  return errors;
}

// Elements of a set are equal or not as a whole.
function validateSetItems(items: Schema, place: FieldPath): Errors {
  if (items.nullable) {
    const detail = "cannot be true when x-kubernetes-list-type is set";
    return [field.forbidden(place.child("nullable"), detail)];
  }
  const member = items.type === "object" ? "x-kubernetes-map-type" : "x-kubernetes-list-type";
  const said = items[member];
  const whole =
    items.type === "object" ? said === "atomic" : items.type !== "array" || said === undefined || said === "atomic";
  if (whole) return [];
  const detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
  return [field.invalid(place.child(member), said ?? "", detail)];
}

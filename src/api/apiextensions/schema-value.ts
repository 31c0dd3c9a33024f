import { type FieldPath, field } from "../../machinery/fields.ts";
import type { Errors } from "../checks.ts";
import type { Schema } from "./schema.ts";
import { hasUnknownMembers } from "./schema-form.ts";
import { validateLists } from "./validate-lists.ts";
import { validateValue } from "./validate-value.ts";

/** The faults of a schema's default: it must be a value that the schema allows, with no fields that pruning would take. */
export function validateDefault(value: unknown, schema: Schema, place: FieldPath): Errors {
  if (hasUnknownMembers(value, schema)) return [field.invalid(place, value, "must not have unknown fields")];
  return [...validateValue(value, schema), ...validateLists(value, schema)].map((error) => ({
    ...error,
    field: error.field === "<nil>" || error.field === "" ? String(place) : `${place}.${error.field}`,
  }));
}

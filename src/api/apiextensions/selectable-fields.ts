import { type FieldPath, field } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import type { Errors } from "../checks.ts";
import type * as apiextensions from "../generated/apiextensions-v1.ts";
import type { Schema } from "./schema.ts";

const most = 8;
const selectable = new Set(["string", "boolean", "integer"]);

/** The faults of the fields that objects of a version may be selected by. */
export function validateSelectableFields(
  { selectableFields = [], schema }: apiextensions.CustomResourceDefinitionVersion,
  place: FieldPath,
): Errors {
  const errors: FieldError[] = [];
  const list = selectableFields ?? [];
  if (list.length > most) errors.push(field.tooMany(place, list.length, most));
  const seen = new Set<string>();
  for (const [index, { jsonPath }] of list.entries()) {
    const here = place.index(index).child("jsonPath");
    if (!jsonPath) {
      errors.push(field.required(here));
      continue;
    }
    if (seen.has(jsonPath)) errors.push(field.duplicate(here, jsonPath));
    seen.add(jsonPath);
    const why = faultOf(jsonPath, schema?.openAPIV3Schema as Schema | undefined);
    if (why) errors.push(field.invalid(here, jsonPath, why));
  }
  return errors;
}

function faultOf(jsonPath: string, schema: Schema | undefined): string | undefined {
  if (!/^(\.[^.[\]]+)+$/.test(jsonPath)) return "is an invalid path: must be a simple json path starting with .";
  const steps = jsonPath.slice(1).split(".");
  if (steps[0] === "metadata") return "must not point to fields in metadata";
  let here = schema;
  for (const step of steps) {
    here = here?.properties?.[step];
    if (!here) return "is an invalid path: does not refer to a valid field";
  }
  if (here && selectable.has(here.type ?? "")) return undefined;
  return "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
}

import { isEqual } from "../../machinery/equality.ts";
import { field, path } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import type { Errors } from "../checks.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";
import { validateDataKey } from "./validate-volumes.ts";

export type ConfigMap = core.ConfigMap;

/** The most bytes that a ConfigMap or a Secret may hold. */
export const dataLimit = 1024 * 1024;

/** Configuration that pods read as arguments, environment or files. */
export const ConfigMap = defineKind<core.ConfigMap>({
  type: "core/v1.ConfigMap",
  plural: "configmaps",
  shortNames: ["cm"],
  scope: "Namespaced",
  validate: validateData,
  validateUpdate: (next, previous) => validateImmutability(next, previous, ["data", "binaryData"]),
  columns: [
    nameColumn,
    text("Data", ({ data = {}, binaryData = {} }) => Object.keys(data).length + Object.keys(binaryData).length),
    ageColumn,
  ],
});

function validateData({ data = {}, binaryData = {} }: core.ConfigMap): Errors {
  const errors: FieldError[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(data)) {
    const place = path("data").key(key);
    errors.push(...validateDataKey(key, place));
    if (Object.hasOwn(binaryData, key))
      errors.push(field.invalid(place, key, "duplicate of key present in binaryData"));
    size += Buffer.byteLength(value);
  }
  for (const [key, value] of Object.entries(binaryData)) {
    errors.push(...validateDataKey(key, path("binaryData").key(key)));
    size += base64Length(value);
  }
  if (size > dataLimit) errors.push(field.tooLong("[]", dataLimit));
  return errors;
}

/** How many bytes a base64 text stands for. */
export function base64Length(encoded: string): number {
  return Buffer.byteLength(encoded, "base64");
}

interface Sealable {
  readonly immutable?: boolean;
}

/** The faults of a change to what was declared immutable. */
export function validateImmutability<T extends Sealable>(
  next: T,
  previous: T,
  members: readonly (keyof T & string)[],
): Errors {
  if (!previous.immutable) return [];
  const detail = "field is immutable when `immutable` is set";
  const errors: FieldError[] = [];
  if (!next.immutable) errors.push(field.forbidden("immutable", detail));
  for (const member of members) {
    if (!isEqual(next[member], previous[member])) errors.push(field.forbidden(member, detail));
  }
  return errors;
}

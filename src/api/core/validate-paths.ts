import { type FieldPath, field } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, within } from "../checks.ts";
import type * as core from "../generated/core-v1.ts";

/** The fault of a path that climbs by `..`. */
export function withoutBacksteps(place: FieldPath, path: string): Errors {
  return path.split("/").includes("..") ? [field.invalid(place, path, "must not contain '..'")] : [];
}

/** The faults of a path that must stay below where it begins. */
export function descendingPath(place: FieldPath, path: string): Errors {
  const absolute = path.startsWith("/") ? [field.invalid(place, path, "must be a relative path")] : [];
  return [...absolute, ...withoutBacksteps(place, path)];
}

/** As `descendingPath`, for volumes whose entries beginning with `..` are the system's own. */
export function unreservedPath(place: FieldPath, path: string): Errors {
  const errors: FieldError[] = [...descendingPath(place, path)];
  // A path that is nothing but a back-step has been reported already.
  if (path.startsWith("..") && !path.startsWith("../") && path !== "..") {
    errors.push(field.invalid(place, path, "must not start with '..'"));
  }
  return errors;
}

const modeText = "must be a number between 0 and 0777 (octal), both inclusive";

/** The fault of a file mode beyond the nine permission bits. */
export function fileMode(place: FieldPath, mode: number | undefined): Errors {
  return within(place, mode, 0, 0o777).length === 0 ? [] : [field.invalid(place, mode, modeText)];
}

/** The faults of a key that is written to a file. */
export function validateKeyToPath({ key, path, mode }: core.KeyToPath, place: FieldPath): Errors {
  return [
    ...(key ? [] : [field.required(place.child("key"))]),
    ...(path ? unreservedPath(place.child("path"), path) : [field.required(place.child("path"))]),
    ...fileMode(place.child("mode"), mode),
  ];
}

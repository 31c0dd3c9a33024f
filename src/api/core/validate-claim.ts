import { type FieldPath, field } from "../../machinery/fields.ts";
import { dnsSubdomain } from "../../machinery/names.ts";
import { quantitySign } from "../../machinery/quantity.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, named, oneOf } from "../checks.ts";
import type * as core from "../generated/core-v1.ts";
import { validateSelector } from "../selectors.ts";

/** The ways in which a volume may be mounted. */
export const accessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

/** The faults of access modes: known ones, and the one that excludes others stands alone. */
export function validateAccessModes(modes: readonly string[] | undefined, place: FieldPath): Errors {
  const errors = (modes ?? []).flatMap((mode) => oneOf(place, mode, accessModes));
  if (modes?.includes("ReadWriteOncePod") && modes.some((mode) => mode !== "ReadWriteOncePod")) {
    const detail = "may not use ReadWriteOncePod with other access modes";
    return [...errors, field.forbidden(place, detail)];
  }
  return errors;
}

/** The faults of what a claim asks for. */
export function validateClaimSpec(spec: core.PersistentVolumeClaimSpec, place: FieldPath): Errors {
  const errors: FieldError[] = [];
  if ((spec.accessModes ?? []).length === 0) {
    errors.push(field.required(place.child("accessModes"), "at least 1 access mode is required"));
  }
  errors.push(...validateSelector(spec.selector, place.child("selector")));
  errors.push(...validateAccessModes(spec.accessModes, place.child("accessModes")));
  const storage = spec.resources?.requests?.storage;
  const storagePlace = place.child("resources").key("storage");
  if (storage === undefined) errors.push(field.required(storagePlace));
  else if (quantitySign(storage) <= 0) errors.push(field.invalid(storagePlace, storage, "must be greater than zero"));
  if (spec.storageClassName) {
    errors.push(...named(place.child("storageClassName"), spec.storageClassName, dnsSubdomain));
  }
  errors.push(...oneOf(place.child("volumeMode"), spec.volumeMode, ["Block", "Filesystem"]));
  errors.push(...validateDataSource(spec, place));
  if (spec.volumeAttributesClassName) {
    errors.push(...named(place.child("volumeAttributesClassName"), spec.volumeAttributesClassName, dnsSubdomain));
  }
  return errors;
}

function validateDataSource(spec: core.PersistentVolumeClaimSpec, place: FieldPath): Errors {
  const errors: FieldError[] = [];
  for (const member of ["dataSource", "dataSourceRef"] as const) {
    const source = spec[member];
    if (!source) continue;
    const here = place.child(member);
    if (!source.name) errors.push(field.required(here.child("name")));
    if (!source.kind) errors.push(field.required(here.child("kind")));
    if (!source.apiGroup && source.kind && source.kind !== "PersistentVolumeClaim") {
      const detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
      errors.push(field.invalid(here, source.kind, detail));
    }
    if (source.apiGroup) errors.push(...named(here.child("apiGroup"), source.apiGroup, dnsSubdomain));
  }
  return errors;
}

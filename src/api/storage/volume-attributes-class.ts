import { isEqual } from "../../machinery/equality.ts";
import { field, path } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import type { Errors } from "../checks.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import { validateDriverName } from "../core/validate-remote-volumes.ts";
import type * as storage from "../generated/storage-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";

export type VolumeAttributesClass = storage.VolumeAttributesClass;

/** Volume parameters that may change while the volume lives. */
export const VolumeAttributesClass = defineKind<storage.VolumeAttributesClass>({
  type: "storage/v1.VolumeAttributesClass",
  plural: "volumeattributesclasses",
  shortNames: ["vac"],
  scope: "Cluster",
  finalizers: ["kubernetes.io/vac-protection"],
  validate: ({ driverName, parameters = {} }): Errors => {
    const errors: FieldError[] = [...validateDriverName(driverName, path("driverName"))];
    if (Object.keys(parameters).length === 0) {
      errors.push(field.required("parameters", "must contain at least one key/value pair"));
    }
    return errors;
  },
  validateUpdate: (next, previous) =>
    (["driverName", "parameters"] as const).flatMap((name) =>
      isEqual(next[name], previous[name]) ? [] : [field.forbidden(name, `updates to ${name} are forbidden.`)],
    ),
  columns: [nameColumn, text("DriverName", ({ driverName }) => driverName), ageColumn],
  versions: sameInVersions("storage.k8s.io/v1", {
    "storage.k8s.io/v1beta1": "storage/v1beta1.VolumeAttributesClass",
    "storage.k8s.io/v1alpha1": "storage/v1alpha1.VolumeAttributesClass",
  }),
});

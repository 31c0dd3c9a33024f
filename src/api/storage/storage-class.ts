import { isEqual } from "../../machinery/equality.ts";
import { field, path } from "../../machinery/fields.ts";
import { validateImmutable } from "../../machinery/metadata-validation.ts";
import { qualifiedName } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, named, oneOf, requiredOneOf } from "../checks.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import { fill } from "../fill.ts";
import type * as storage from "../generated/storage-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";

export type StorageClass = storage.StorageClass;

/** Marks the class that claims get which name none. */
export const defaultClassAnnotation = "storageclass.kubernetes.io/is-default-class";
const olderAnnotation = "storageclass.beta.kubernetes.io/is-default-class";

/** How volumes of a kind are made on demand. */
export const StorageClass = defineKind<storage.StorageClass>({
  type: "storage/v1.StorageClass",
  plural: "storageclasses",
  shortNames: ["sc"],
  scope: "Cluster",
  defaults: (storageClass) => fill(storageClass, { reclaimPolicy: "Delete", volumeBindingMode: "Immediate" }),
  validate: validateClass,
  validateUpdate: (next, previous) => [
    ...(["parameters", "provisioner", "reclaimPolicy"] as const).flatMap((name) =>
      isEqual(next[name], previous[name]) ? [] : [field.forbidden(name, `updates to ${name} are forbidden.`)],
    ),
    ...validateImmutable(path("volumeBindingMode"), next.volumeBindingMode, previous.volumeBindingMode),
  ],
  columns: [
    {
      ...nameColumn,
      of: (storageClass) => `${storageClass.metadata.name}${isDefaultClass(storageClass) ? " (default)" : ""}`,
    },
    text("Provisioner", ({ provisioner }) => provisioner),
    text("ReclaimPolicy", ({ reclaimPolicy }) => reclaimPolicy ?? "Delete"),
    text("VolumeBindingMode", ({ volumeBindingMode }) => volumeBindingMode ?? "<unset>"),
    text("AllowVolumeExpansion", ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false),
    ageColumn,
  ],
  versions: sameInVersions("storage.k8s.io/v1", { "storage.k8s.io/v1beta1": "storage/v1beta1.StorageClass" }),
});

/** True for a class that claims get which name none. */
export function isDefaultClass({ metadata: { annotations } }: storage.StorageClass): boolean {
  return annotations?.[defaultClassAnnotation] === "true" || annotations?.[olderAnnotation] === "true";
}

const longestParameters = 256 * 1024;

function validateClass(storageClass: storage.StorageClass): Errors {
  const { provisioner, parameters = {}, reclaimPolicy, allowedTopologies, volumeBindingMode } = storageClass;
  const errors: FieldError[] = [];
  if (!provisioner) errors.push(field.required("provisioner", ""));
  else errors.push(...named(path("provisioner"), provisioner.toLowerCase(), qualifiedName));
  if (Object.keys(parameters).length > 512) {
    errors.push(field.tooLong("parameters", 512));
  }
  if (Object.entries(parameters).some(([key]) => key === "")) {
    errors.push(field.invalid("parameters", "", "field can not be empty."));
  }
  const size = Object.entries(parameters).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  if (size > longestParameters) errors.push(field.tooLong("parameters", longestParameters));
  errors.push(...oneOf(path("reclaimPolicy"), reclaimPolicy, ["Delete", "Retain"]));
  errors.push(...requiredOneOf(path("volumeBindingMode"), volumeBindingMode, ["Immediate", "WaitForFirstConsumer"]));
  return [
    ...errors,
    ...eachAt(allowedTopologies, path("allowedTopologies"), ({ matchLabelExpressions }, here) =>
      eachAt(matchLabelExpressions, here.child("matchLabelExpressions"), ({ key, values: given }, at) => {
        const values = given ?? [];
        return [
          ...(values.length === 0 ? [field.required(at.child("values"))] : []),
          ...eachAt(values, at.child("values"), (value, valueAt, index) =>
            values.indexOf(value) < index ? [field.duplicate(valueAt, value)] : [],
          ),
          ...named(at.child("key"), key, qualifiedName),
        ];
      }),
    ),
  ];
}

import { isEqual } from "../../machinery/equality.ts";
import { field, path } from "../../machinery/fields.ts";
import { compareQuantities } from "../../machinery/quantity.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import type { Errors } from "../checks.ts";
import { ageColumn, nameColumn, text, wide } from "../columns.ts";
import { change, fill, fillEmpty } from "../fill.ts";
import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";
import { accessModesText } from "./storage-text.ts";
import { validateClaimSpec } from "./validate-claim.ts";
import { differences } from "./validate-pod-update.ts";
import { claimSpecDefaults } from "./volume-defaults.ts";

export type PersistentVolumeClaim = core.PersistentVolumeClaim;

const spec = path("spec");

/** A namespace's request for a PersistentVolume. */
export const PersistentVolumeClaim = defineKind<core.PersistentVolumeClaim>({
  type: "core/v1.PersistentVolumeClaim",
  plural: "persistentvolumeclaims",
  shortNames: ["pvc"],
  scope: "Namespaced",
  subresources: ["status"],
  finalizers: ["kubernetes.io/pvc-protection"],
  generationOf: () => undefined,
  defaults: (claim) =>
    change(fill(claim, { spec: {} }), {
      spec: claimSpecDefaults,
      status: (status) => fillEmpty(status, { phase: "Pending" }),
    }),
  prepareCreate: (claim) => ({ ...claim, spec: sameSources(claim.spec), status: { phase: "Pending" } }),
  validate: (claim) => validateClaimSpec(claim.spec, spec),
  validateUpdate: validateChange,
  columns: [
    nameColumn,
    text("Status", ({ metadata, status }) => (metadata.deletionTimestamp ? "Terminating" : (status?.phase ?? ""))),
    text("Volume", (claim) => claim.spec.volumeName ?? ""),
    text("Capacity", (claim) => (claim.spec.volumeName ? (claim.status?.capacity?.storage ?? "0") : "")),
    text("Access Modes", (claim) => (claim.spec.volumeName ? accessModesText(claim.status?.accessModes) : "")),
    text("StorageClass", (claim) => claim.spec.storageClassName ?? ""),
    text("VolumeAttributesClass", (claim) => claim.spec.volumeAttributesClassName ?? "<unset>"),
    ageColumn,
    wide(text("VolumeMode", (claim) => claim.spec.volumeMode ?? "<unset>")),
  ],
  fields: { name: (claim) => claim.metadata.name },
});

/** The two ways to name where a claim's data comes from are kept alike, as far as the older one can say it. */
function sameSources(given: core.PersistentVolumeClaimSpec): core.PersistentVolumeClaimSpec {
  const { dataSource, dataSourceRef } = given;
  if (dataSource && !dataSourceRef) return { ...given, dataSourceRef: dataSource };
  if (dataSource || !dataSourceRef || dataSourceRef.namespace) return given;
  const { apiGroup, kind, name } = dataSourceRef;
  return { ...given, dataSource: apiGroup === undefined ? { kind, name } : { apiGroup, kind, name } };
}

const immutableText =
  "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";

function validateChange(next: core.PersistentVolumeClaim, previous: core.PersistentVolumeClaim): Errors {
  const [after, before] = [next.spec, previous.spec];
  const bound = previous.status?.phase === "Bound";
  let undone: core.PersistentVolumeClaimSpec = {
    ...after,
    dataSourceRef: after.dataSourceRef ?? before.dataSourceRef,
    volumeAttributesClassName: before.volumeAttributesClassName,
  };
  if (!before.volumeName) undone = { ...undone, volumeName: before.volumeName };
  // A claim that was made before there was a default class may still get it.
  if (before.storageClassName === undefined && !before.volumeName) {
    undone = { ...undone, storageClassName: before.storageClassName };
  }
  if (bound && after.resources?.requests?.storage !== undefined) {
    const storage = before.resources?.requests?.storage;
    const requests = { ...after.resources.requests, ...(storage === undefined ? {} : { storage }) };
    undone = { ...undone, resources: { ...after.resources, requests } };
  }
  const errors: FieldError[] = [];
  if (!isEqual(undone, before)) {
    errors.push(field.forbidden(spec, `${immutableText}\n${differences(undone, before)}`));
  } else errors.push(...validateSize(next, previous));
  if (before.volumeAttributesClassName && !after.volumeAttributesClassName) {
    const detail = "update from non-nil value to nil is forbidden";
    errors.push(field.forbidden(spec.child("volumeAttributesClassName"), detail));
  }
  return errors;
}

/** A claim may grow, and shrink back to what it has, but never below. */
function validateSize(next: core.PersistentVolumeClaim, previous: core.PersistentVolumeClaim): Errors {
  const after = next.spec.resources?.requests?.storage;
  const before = previous.spec.resources?.requests?.storage;
  if (after === undefined || before === undefined || compareQuantities(after, before) >= 0) return [];
  const place = spec.child("resources", "requests", "storage");
  const has = previous.status?.capacity?.storage;
  if (has === undefined) return [field.forbidden(place, "field can not be less than previous value")];
  if (compareQuantities(after, has) > 0) return [];
  return [field.forbidden(place, "field can not be less than status.capacity")];
}

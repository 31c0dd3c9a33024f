import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type PersistentVolumeClaim = core.PersistentVolumeClaim;

/** A namespace's request for a PersistentVolume. */
export const PersistentVolumeClaim = defineKind<core.PersistentVolumeClaim>({
  type: "core/v1.PersistentVolumeClaim",
  plural: "persistentvolumeclaims",
  shortNames: ["pvc"],
  scope: "Namespaced",
  subresources: ["status"],
  finalizers: ["kubernetes.io/pvc-protection"],
  fields: { name: (o) => o.metadata.name },
});

import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type PersistentVolume = core.PersistentVolume;

/** A piece of storage that outlives pods. */
export const PersistentVolume = defineKind<core.PersistentVolume>({
  type: "core/v1.PersistentVolume",
  plural: "persistentvolumes",
  shortNames: ["pv"],
  scope: "Cluster",
  subresources: ["status"],
  finalizers: ["kubernetes.io/pv-protection"],
  fields: { name: (o) => o.metadata.name },
});

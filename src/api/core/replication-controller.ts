import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type ReplicationController = core.ReplicationController;

/** Keeps a fixed number of identical Pods running; the ancestor of ReplicaSet. */
export const ReplicationController = defineKind<core.ReplicationController>({
  type: "core/v1.ReplicationController",
  plural: "replicationcontrollers",
  shortNames: ["rc"],
  categories: ["all"],
  scope: "Namespaced",
  subresources: ["status", "scale"],
  scale: { specReplicas: "spec.replicas", statusReplicas: "status.replicas", selector: "spec.selector" },
  fields: { "status.replicas": ({ status }) => String(status?.replicas ?? 0) },
  defaultPropagation: "Orphan",
});

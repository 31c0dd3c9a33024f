import type * as apps from "../generated/apps-v1.ts";
import { defineKind } from "../kind.ts";

export type ReplicaSet = apps.ReplicaSet;

/** Keeps a fixed number of identical Pods running. */
export const ReplicaSet = defineKind<apps.ReplicaSet>({
  type: "apps/v1.ReplicaSet",
  plural: "replicasets",
  shortNames: ["rs"],
  categories: ["all"],
  scope: "Namespaced",
  subresources: ["status", "scale"],
  scale: { specReplicas: "spec.replicas", statusReplicas: "status.replicas", selector: "spec.selector" },
  fields: { "status.replicas": ({ status }) => String(status?.replicas ?? 0) },
});

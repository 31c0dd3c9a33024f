import type * as apps from "../generated/apps-v1.ts";
import { defineKind } from "../kind.ts";

export type Deployment = apps.Deployment;

/** Rolls out and keeps a set of identical Pods by way of ReplicaSets. */
export const Deployment = defineKind<apps.Deployment>({
  type: "apps/v1.Deployment",
  plural: "deployments",
  shortNames: ["deploy"],
  categories: ["all"],
  scope: "Namespaced",
  subresources: ["status", "scale"],
  scale: { specReplicas: "spec.replicas", statusReplicas: "status.replicas", selector: "spec.selector" },
});

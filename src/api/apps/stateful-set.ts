import type * as apps from "../generated/apps-v1.ts";
import { defineKind } from "../kind.ts";

export type StatefulSet = apps.StatefulSet;

/** Keeps Pods with stable names, hosts and disks, in order. */
export const StatefulSet = defineKind<apps.StatefulSet>({
  type: "apps/v1.StatefulSet",
  plural: "statefulsets",
  shortNames: ["sts"],
  categories: ["all"],
  scope: "Namespaced",
  subresources: ["status", "scale"],
  scale: { specReplicas: "spec.replicas", statusReplicas: "status.replicas", selector: "spec.selector" },
});

import type * as apps from "../generated/apps-v1.ts";
import { defineKind } from "../kind.ts";

export type DaemonSet = apps.DaemonSet;

/** Keeps one Pod on each node that it selects. */
export const DaemonSet = defineKind<apps.DaemonSet>({
  type: "apps/v1.DaemonSet",
  plural: "daemonsets",
  shortNames: ["ds"],
  categories: ["all"],
  scope: "Namespaced",
  subresources: ["status"],
});

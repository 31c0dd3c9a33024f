import type * as flowcontrol from "../generated/flowcontrol-v1.ts";
import { defineKind } from "../kind.ts";

export type PriorityLevelConfiguration = flowcontrol.PriorityLevelConfiguration;

/** How much of the server's concurrency a class of requests gets. */
export const PriorityLevelConfiguration = defineKind<flowcontrol.PriorityLevelConfiguration>({
  type: "flowcontrol/v1.PriorityLevelConfiguration",
  plural: "prioritylevelconfigurations",
  scope: "Cluster",
  subresources: ["status"],
});

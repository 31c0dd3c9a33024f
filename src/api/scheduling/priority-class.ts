import type * as scheduling from "../generated/scheduling-v1.ts";
import { defineKind } from "../kind.ts";

export type PriorityClass = scheduling.PriorityClass;

/** Names how much a pod matters. */
export const PriorityClass = defineKind<scheduling.PriorityClass>({
  type: "scheduling/v1.PriorityClass",
  plural: "priorityclasses",
  shortNames: ["pc"],
  scope: "Cluster",
});

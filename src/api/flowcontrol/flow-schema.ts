import type * as flowcontrol from "../generated/flowcontrol-v1.ts";
import { defineKind } from "../kind.ts";

export type FlowSchema = flowcontrol.FlowSchema;

/** Sorts requests into flows of a priority level. */
export const FlowSchema = defineKind<flowcontrol.FlowSchema>({
  type: "flowcontrol/v1.FlowSchema",
  plural: "flowschemas",
  scope: "Cluster",
  subresources: ["status"],
});

import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type Node = core.Node;

/** A machine that runs pods. */
export const Node = defineKind<core.Node>({
  type: "core/v1.Node",
  plural: "nodes",
  shortNames: ["no"],
  scope: "Cluster",
  subresources: ["status", "proxy"],
  fields: { "spec.unschedulable": (o) => String(o.spec.unschedulable ?? false) },
});

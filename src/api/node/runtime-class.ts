import type * as node from "../generated/node-v1.ts";
import { defineKind } from "../kind.ts";

export type RuntimeClass = node.RuntimeClass;

/** Names a container runtime handler, with its overhead and where it is. */
export const RuntimeClass = defineKind<node.RuntimeClass>({
  type: "node/v1.RuntimeClass",
  plural: "runtimeclasses",
  scope: "Cluster",
  unconditionalUpdate: false,
});

import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type ComponentStatus = core.ComponentStatus;

/** The health of a control plane component (deprecated upstream, computed when asked). */
export const ComponentStatus = defineKind<core.ComponentStatus>({
  type: "core/v1.ComponentStatus",
  plural: "componentstatuses",
  shortNames: ["cs"],
  scope: "Cluster",
  verbs: ["get", "list"],
});

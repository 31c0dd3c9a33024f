import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type ResourceQuota = core.ResourceQuota;

/** An upper bound on what a namespace uses in total. */
export const ResourceQuota = defineKind<core.ResourceQuota>({
  type: "core/v1.ResourceQuota",
  plural: "resourcequotas",
  shortNames: ["quota"],
  scope: "Namespaced",
  subresources: ["status"],
});

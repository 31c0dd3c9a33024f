import type * as resource from "../generated/resource-v1.ts";
import { defineKind } from "../kind.ts";

export type ResourceClaim = resource.ResourceClaim;

/** A request for devices, and what was allocated. */
export const ResourceClaim = defineKind<resource.ResourceClaim>({
  type: "resource/v1.ResourceClaim",
  plural: "resourceclaims",
  scope: "Namespaced",
  subresources: ["status"],
});

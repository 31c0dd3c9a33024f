import { ageColumn, nameColumn } from "../columns.ts";
import type * as resource from "../generated/resource-v1.ts";
import { defineKind } from "../kind.ts";
import { deviceMappings } from "./device-versions.ts";

export type ResourceClaimTemplate = resource.ResourceClaimTemplate;

/** Makes ResourceClaims for pods. */
export const ResourceClaimTemplate = defineKind<resource.ResourceClaimTemplate>({
  type: "resource/v1.ResourceClaimTemplate",
  plural: "resourceclaimtemplates",
  scope: "Namespaced",
  columns: [nameColumn, ageColumn],
  versions: deviceMappings("ResourceClaimTemplate"),
});

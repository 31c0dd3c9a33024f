import { ageColumn, nameColumn } from "../columns.ts";
import type * as resource from "../generated/resource-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";

export type ResourceClaimTemplate = resource.ResourceClaimTemplate;

/** Makes ResourceClaims for pods. */
export const ResourceClaimTemplate = defineKind<resource.ResourceClaimTemplate>({
  type: "resource/v1.ResourceClaimTemplate",
  plural: "resourceclaimtemplates",
  scope: "Namespaced",
  columns: [nameColumn, ageColumn],
  versions: sameInVersions("resource.k8s.io/v1", {
    "resource.k8s.io/v1beta2": "resource/v1beta2.ResourceClaimTemplate",
  }),
});

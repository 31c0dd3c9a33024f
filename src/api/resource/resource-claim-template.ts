import { path } from "../../machinery/fields.ts";
import { validateImmutable } from "../../machinery/metadata-validation.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { change } from "../fill.ts";
import type * as resource from "../generated/resource-v1.ts";
import { defineKind } from "../kind.ts";
import { deviceMappings } from "./device-versions.ts";
import { claimDefaults, validateClaimSpec } from "./validate-devices.ts";

export type ResourceClaimTemplate = resource.ResourceClaimTemplate;

/** Makes ResourceClaims for pods. */
export const ResourceClaimTemplate = defineKind<resource.ResourceClaimTemplate>({
  type: "resource/v1.ResourceClaimTemplate",
  plural: "resourceclaimtemplates",
  scope: "Namespaced",
  defaults: (template) => change(template, { spec: (made) => change(made, { spec: claimDefaults }) }),
  validate: ({ spec }) => validateClaimSpec(spec.spec, path("spec", "spec")),
  validateUpdate: (next, previous) => validateImmutable(path("spec"), next.spec, previous.spec),
  columns: [nameColumn, ageColumn],
  versions: deviceMappings("ResourceClaimTemplate"),
});

import { path } from "../../machinery/fields.ts";
import { validateImmutable } from "../../machinery/metadata-validation.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import { change } from "../fill.ts";
import type * as resource from "../generated/resource-v1.ts";
import { defineKind } from "../kind.ts";
import { deviceMappings } from "./device-versions.ts";
import { validateClaimStatus } from "./validate-claim-status.ts";
import { claimDefaults, validateClaimSpec } from "./validate-devices.ts";

export type ResourceClaim = resource.ResourceClaim;

/** A request for devices, and what was allocated. */
export const ResourceClaim = defineKind<resource.ResourceClaim>({
  type: "resource/v1.ResourceClaim",
  plural: "resourceclaims",
  scope: "Namespaced",
  subresources: ["status"],
  generationOf: () => undefined,
  defaults: (claim) => change(claim, { spec: claimDefaults }),
  validate: ({ spec }) => validateClaimSpec(spec, path("spec")),
  validateUpdate: (next, previous) => validateImmutable(path("spec"), next.spec, previous.spec),
  validateStatus: validateClaimStatus,
  columns: [nameColumn, text("State", stateText), ageColumn],
  versions: deviceMappings("ResourceClaim"),
});

function stateText({ metadata, status }: resource.ResourceClaim): string {
  const states: string[] = [];
  if (metadata.deletionTimestamp) states.push("deleted");
  if (!status?.allocation) states.push("pending");
  else states.push("allocated");
  if ((status?.reservedFor ?? []).length > 0) states.push("reserved");
  return states.join(",");
}

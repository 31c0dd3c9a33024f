import type * as policy from "../generated/policy-v1.ts";
import { defineKind } from "../kind.ts";

export type PodDisruptionBudget = policy.PodDisruptionBudget;

/** How many pods of a set may be taken away on purpose at one time. */
export const PodDisruptionBudget = defineKind<policy.PodDisruptionBudget>({
  type: "policy/v1.PodDisruptionBudget",
  plural: "poddisruptionbudgets",
  shortNames: ["pdb"],
  scope: "Namespaced",
  subresources: ["status"],
  unconditionalUpdate: false,
});

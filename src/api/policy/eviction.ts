import type * as policy from "../generated/policy-v1.ts";
import { defineKind } from "../kind.ts";

export type Eviction = policy.Eviction;

/** The body of a pod's `eviction` subresource: asks to delete it if its budget allows. */
export const Eviction = defineKind<policy.Eviction>({
  type: "policy/v1.Eviction",
  plural: "pods",
  scope: "Namespaced",
  verbs: ["create"],
});

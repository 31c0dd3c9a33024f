import type * as networking from "../generated/networking-v1.ts";
import { defineKind } from "../kind.ts";

export type NetworkPolicy = networking.NetworkPolicy;

/** Which traffic the selected pods may receive and send. */
export const NetworkPolicy = defineKind<networking.NetworkPolicy>({
  type: "networking/v1.NetworkPolicy",
  plural: "networkpolicies",
  shortNames: ["netpol"],
  scope: "Namespaced",
});

import type * as networking from "../generated/networking-v1.ts";
import { defineKind } from "../kind.ts";

export type Ingress = networking.Ingress;

/** Routes HTTP from outside to Services by host and path. */
export const Ingress = defineKind<networking.Ingress>({
  type: "networking/v1.Ingress",
  plural: "ingresses",
  shortNames: ["ing"],
  scope: "Namespaced",
  subresources: ["status"],
});

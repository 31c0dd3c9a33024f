import type * as networking from "../generated/networking-v1.ts";
import { defineKind } from "../kind.ts";

export type IngressClass = networking.IngressClass;

/** Names the controller that serves an Ingress. */
export const IngressClass = defineKind<networking.IngressClass>({
  type: "networking/v1.IngressClass",
  plural: "ingressclasses",
  scope: "Cluster",
});

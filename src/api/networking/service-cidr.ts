import type * as networking from "../generated/networking-v1.ts";
import { defineKind } from "../kind.ts";

export type ServiceCIDR = networking.ServiceCIDR;

/** Address ranges that Services get their cluster addresses from. */
export const ServiceCIDR = defineKind<networking.ServiceCIDR>({
  type: "networking/v1.ServiceCIDR",
  plural: "servicecidrs",
  scope: "Cluster",
  subresources: ["status"],
});

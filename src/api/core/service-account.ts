import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type ServiceAccount = core.ServiceAccount;

/** The identity that a pod's processes have towards the API. */
export const ServiceAccount = defineKind<core.ServiceAccount>({
  type: "core/v1.ServiceAccount",
  plural: "serviceaccounts",
  shortNames: ["sa"],
  scope: "Namespaced",
  subresources: ["token"],
});

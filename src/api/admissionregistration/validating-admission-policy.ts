import type * as admissionregistration from "../generated/admissionregistration-v1.ts";
import { defineKind } from "../kind.ts";

export type ValidatingAdmissionPolicy = admissionregistration.ValidatingAdmissionPolicy;

/** Refuses objects by CEL expressions. */
export const ValidatingAdmissionPolicy = defineKind<admissionregistration.ValidatingAdmissionPolicy>({
  type: "admissionregistration/v1.ValidatingAdmissionPolicy",
  plural: "validatingadmissionpolicies",
  categories: ["api-extensions"],
  scope: "Cluster",
  subresources: ["status"],
  unconditionalUpdate: false,
});

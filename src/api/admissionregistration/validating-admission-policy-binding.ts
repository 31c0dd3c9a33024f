import type * as admissionregistration from "../generated/admissionregistration-v1.ts";
import { defineKind } from "../kind.ts";

export type ValidatingAdmissionPolicyBinding = admissionregistration.ValidatingAdmissionPolicyBinding;

/** Says where, and with which parameters, a ValidatingAdmissionPolicy holds. */
export const ValidatingAdmissionPolicyBinding = defineKind<admissionregistration.ValidatingAdmissionPolicyBinding>({
  type: "admissionregistration/v1.ValidatingAdmissionPolicyBinding",
  plural: "validatingadmissionpolicybindings",
  categories: ["api-extensions"],
  scope: "Cluster",
  unconditionalUpdate: false,
});

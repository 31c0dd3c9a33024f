import { path } from "../../machinery/fields.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import type * as registration from "../generated/admissionregistration-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";
import { bindingColumns, bindingDefaults, validateBinding } from "./policies.ts";
import { validateMutatingOperations } from "./rules.ts";

export type MutatingAdmissionPolicyBinding = registration.MutatingAdmissionPolicyBinding;

/** Says where, and with which parameters, a MutatingAdmissionPolicy holds. Served where `--runtime-config` asks for it. */
export const MutatingAdmissionPolicyBinding = defineKind<registration.MutatingAdmissionPolicyBinding>({
  type: "admissionregistration/v1beta1.MutatingAdmissionPolicyBinding",
  plural: "mutatingadmissionpolicybindings",
  categories: ["api-extensions"],
  scope: "Cluster",
  unconditionalUpdate: false,
  generationOf: (binding) => binding.spec,
  defaults: bindingDefaults,
  validate: ({ spec }) => [
    ...validateBinding(spec),
    ...validateMutatingOperations(spec.matchResources, path("spec", "matchResources")),
  ],
  columns: [nameColumn, ...bindingColumns, ageColumn],
  versions: sameInVersions("admissionregistration.k8s.io/v1beta1", {
    "admissionregistration.k8s.io/v1alpha1": "admissionregistration/v1alpha1.MutatingAdmissionPolicyBinding",
  }),
});

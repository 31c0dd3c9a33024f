import { field, path } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, oneOf } from "../checks.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import type * as registration from "../generated/admissionregistration-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";
import { bindingColumns, bindingDefaults, validateBinding } from "./policies.ts";

export type ValidatingAdmissionPolicyBinding = registration.ValidatingAdmissionPolicyBinding;

const spec = path("spec");

/** Says where, and with which parameters, a ValidatingAdmissionPolicy holds. */
export const ValidatingAdmissionPolicyBinding = defineKind<registration.ValidatingAdmissionPolicyBinding>({
  type: "admissionregistration/v1.ValidatingAdmissionPolicyBinding",
  plural: "validatingadmissionpolicybindings",
  categories: ["api-extensions"],
  scope: "Cluster",
  unconditionalUpdate: false,
  generationOf: (binding) => binding.spec,
  defaults: bindingDefaults,
  validate: (binding) => [...validateBinding(binding.spec), ...validateActions(binding.spec)],
  columns: [nameColumn, ...bindingColumns, ageColumn],
  versions: sameInVersions("admissionregistration.k8s.io/v1", {
    "admissionregistration.k8s.io/v1beta1": "admissionregistration/v1beta1.ValidatingAdmissionPolicyBinding",
  }),
});

function validateActions({ validationActions = [] }: registration.ValidatingAdmissionPolicyBindingSpec): Errors {
  const place = spec.child("validationActions");
  if (validationActions.length === 0) return [field.required(place, "at least one validation action is required")];
  const errors: FieldError[] = [
    ...eachAt(validationActions, place, (action, here, index) => [
      ...oneOf(here, action, ["Audit", "Deny", "Warn"]),
      ...(validationActions.indexOf(action) < index ? [field.duplicate(here, action)] : []),
    ]),
  ];
  if (validationActions.includes("Deny") && validationActions.includes("Warn")) {
    const detail =
      "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
    errors.push(field.invalid(place, validationActions, detail));
  }
  return errors;
}

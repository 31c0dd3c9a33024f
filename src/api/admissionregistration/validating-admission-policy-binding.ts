import { field, path } from "../../machinery/fields.ts";
import { dnsSubdomain } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, oneOf, requiredNamed } from "../checks.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import { change, fill } from "../fill.ts";
import type * as registration from "../generated/admissionregistration-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";
import { matchDefaults, validateMatch } from "./rules.ts";

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
  defaults: (binding) =>
    change(fill(binding, { spec: {} }), { spec: (given) => change(given, { matchResources: matchDefaults }) }),
  validate: (binding) => validateBinding(binding.spec),
  columns: [
    nameColumn,
    text("PolicyName", (binding) => binding.spec.policyName ?? ""),
    text("ParamRef", ({ spec: { paramRef } }) => {
      if (!paramRef) return "<unset>";
      const name = paramRef.name ?? "*";
      return paramRef.namespace ? `${paramRef.namespace}/${name}` : name;
    }),
    ageColumn,
  ],
  versions: sameInVersions("admissionregistration.k8s.io/v1", {
    "admissionregistration.k8s.io/v1beta1": "admissionregistration/v1beta1.ValidatingAdmissionPolicyBinding",
  }),
});

function validateBinding(given: registration.ValidatingAdmissionPolicyBindingSpec): Errors {
  const { policyName, paramRef, matchResources, validationActions = [] } = given;
  const errors: FieldError[] = [...requiredNamed(spec.child("policyName"), policyName, dnsSubdomain)];
  if (paramRef) {
    const place = spec.child("paramRef");
    if (!paramRef.name && !paramRef.selector)
      errors.push(field.required(place, "one of name or selector must be specified"));
    if (paramRef.name && paramRef.selector) {
      errors.push(field.forbidden(place.child("name"), "name and selector are mutually exclusive"));
    }
    const action = paramRef.parameterNotFoundAction;
    if (action === undefined) errors.push(field.required(place.child("parameterNotFoundAction")));
    else errors.push(...oneOf(place.child("parameterNotFoundAction"), action, ["Deny", "Allow"]));
  }
  errors.push(...validateMatch(matchResources, spec.child("matchResources")));
  const place = spec.child("validationActions");
  if (validationActions.length === 0)
    return [...errors, field.required(place, "at least one validation action is required")];
  errors.push(
    ...eachAt(validationActions, place, (action, here, index) => [
      ...oneOf(here, action, ["Audit", "Deny", "Warn"]),
      ...(validationActions.indexOf(action) < index ? [field.duplicate(here, action)] : []),
    ]),
  );
  if (validationActions.includes("Deny") && validationActions.includes("Warn")) {
    const detail =
      "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
    errors.push(field.invalid(place, validationActions, detail));
  }
  return errors;
}

import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { qualifiedName } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, named, oneOf } from "../checks.ts";
import { ageColumn, integer, nameColumn } from "../columns.ts";
import type * as registration from "../generated/admissionregistration-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";
import { paramKindColumn, policyDefaults, validatePolicy } from "./policies.ts";

export type ValidatingAdmissionPolicy = registration.ValidatingAdmissionPolicy;

const spec = path("spec");

/** Refuses objects by CEL expressions. */
export const ValidatingAdmissionPolicy = defineKind<registration.ValidatingAdmissionPolicy>({
  type: "admissionregistration/v1.ValidatingAdmissionPolicy",
  plural: "validatingadmissionpolicies",
  categories: ["api-extensions"],
  scope: "Cluster",
  subresources: ["status"],
  unconditionalUpdate: false,
  defaults: policyDefaults,
  validate: (policy) => validateValidatingPolicy(policy.spec),
  columns: [
    nameColumn,
    integer("Validations", (policy) => policy.spec.validations?.length ?? 0),
    paramKindColumn,
    ageColumn,
  ],
  versions: sameInVersions("admissionregistration.k8s.io/v1", {
    "admissionregistration.k8s.io/v1beta1": "admissionregistration/v1beta1.ValidatingAdmissionPolicy",
  }),
});

function validateValidatingPolicy(given: registration.ValidatingAdmissionPolicySpec): Errors {
  const { validations = [], auditAnnotations = [] } = given;
  const errors: FieldError[] = [...validatePolicy(given)];
  if (validations.length === 0 && auditAnnotations.length === 0) {
    const detail = "validations or auditAnnotations must contain at least one item";
    errors.push(
      field.required(spec.child("validations"), detail),
      field.required(spec.child("auditAnnotations"), detail),
    );
    return errors;
  }
  errors.push(...eachAt(validations, spec.child("validations"), validateValidation));
  return [
    ...errors,
    ...eachAt(auditAnnotations, spec.child("auditAnnotations"), ({ key, valueExpression }, here) => [
      ...(key
        ? named(here.child("key"), key, qualifiedName)
        : [field.required(here.child("key"), "key is not specified")]),
      ...(valueExpression?.trim()
        ? []
        : [field.required(here.child("valueExpression"), "valueExpression is not specified")]),
    ]),
  ];
}

const reasons = ["Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"];

function validateValidation({ expression, message, reason }: registration.Validation, place: FieldPath): Errors {
  const errors: FieldError[] = [];
  if (!expression?.trim()) errors.push(field.required(place.child("expression"), "expression is not specified"));
  if (message?.includes("\n")) {
    errors.push(field.invalid(place.child("message"), message, "message must not contain line breaks"));
  } else if (expression?.includes("\n") && !message) {
    const detail = "message must be specified if expression contains line breaks";
    errors.push(field.required(place.child("message"), detail));
  }
  return [...errors, ...oneOf(place.child("reason"), reason, reasons)];
}

import { type FieldPath, field, path } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt } from "../checks.ts";
import { ageColumn, integer, nameColumn } from "../columns.ts";
import type * as registration from "../generated/admissionregistration-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";
import { paramKindColumn, policyDefaults, validatePolicy } from "./policies.ts";
import { validateMutatingOperations } from "./rules.ts";

export type MutatingAdmissionPolicy = registration.MutatingAdmissionPolicy;

const spec = path("spec");

/** Changes objects by CEL expressions. Served where `--runtime-config` asks for it. */
export const MutatingAdmissionPolicy = defineKind<registration.MutatingAdmissionPolicy>({
  type: "admissionregistration/v1beta1.MutatingAdmissionPolicy",
  plural: "mutatingadmissionpolicies",
  categories: ["api-extensions"],
  scope: "Cluster",
  unconditionalUpdate: false,
  generationOf: (policy) => policy.spec,
  defaults: policyDefaults,
  validate: (policy) => validateMutatingPolicy(policy.spec),
  columns: [
    nameColumn,
    integer("Mutations", (policy) => policy.spec.mutations?.length ?? 0),
    paramKindColumn,
    ageColumn,
  ],
  versions: sameInVersions("admissionregistration.k8s.io/v1beta1", {
    "admissionregistration.k8s.io/v1alpha1": "admissionregistration/v1alpha1.MutatingAdmissionPolicy",
  }),
});

function validateMutatingPolicy(given: registration.MutatingAdmissionPolicySpec): Errors {
  const { matchConstraints, mutations = [], reinvocationPolicy } = given;
  const errors: FieldError[] = [
    ...validatePolicy(given),
    ...validateMutatingOperations(matchConstraints, spec.child("matchConstraints")),
  ];
  if (mutations.length === 0) {
    errors.push(field.required(spec.child("mutations"), "mutations must contain at least one item"));
  }
  errors.push(...eachAt(mutations, spec.child("mutations"), validateMutation));
  const place = spec.child("reinvocationPolicy");
  const policies = ["IfNeeded", "Never"];
  if (!reinvocationPolicy) errors.push(field.required(place));
  else if (!policies.includes(reinvocationPolicy)) errors.push(field.notSupported(place, reinvocationPolicy, policies));
  return errors;
}

const members = { ApplyConfiguration: "applyConfiguration", JSONPatch: "jsonPatch" } as const;

function validateMutation(mutation: registration.Mutation, place: FieldPath): Errors {
  const { patchType } = mutation;
  if (!patchType) return [field.required(place.child("patchType"))];
  const known = Object.keys(members);
  if (!known.includes(patchType)) return [field.notSupported(place.child("patchType"), patchType, known)];
  const wanted = members[patchType];
  const errors: FieldError[] = [];
  const given = mutation[wanted];
  if (!given) errors.push(field.required(place.child(wanted), `must be specified when patchType is ${patchType}`));
  else if (!given.expression?.trim()) errors.push(field.required(place.child(wanted, "expression")));
  const other = wanted === "jsonPatch" ? "applyConfiguration" : "jsonPatch";
  if (mutation[other]) {
    const detail = `must not be specified when patchType is ${patchType}`;
    errors.push(field.invalid(place.child(other), `{${other}}`, detail));
  }
  return errors;
}

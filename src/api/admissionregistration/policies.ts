import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { dnsSubdomain } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, oneOf, requiredNamed } from "../checks.ts";
import { text } from "../columns.ts";
import { change, fill } from "../fill.ts";
import type * as registration from "../generated/admissionregistration-v1.ts";
import { matchDefaults, validateConditions, validateMatch } from "./rules.ts";

const spec = path("spec");

/** What policies of both sorts have in common. */
type PolicySpec = Pick<
  registration.ValidatingAdmissionPolicySpec,
  "paramKind" | "matchConstraints" | "matchConditions" | "variables" | "failurePolicy"
>;
/** What bindings of both sorts have in common. */
type BindingSpec = Pick<
  registration.ValidatingAdmissionPolicyBindingSpec,
  "policyName" | "paramRef" | "matchResources"
>;

/** Fills in what every policy has. */
export function policyDefaults<Spec extends PolicySpec, T extends { readonly spec: Spec }>(policy: T): T {
  return change(fill(policy as { readonly spec: PolicySpec }, { spec: {} }), {
    spec: (given) => change(fill(given, { failurePolicy: "Fail" }), { matchConstraints: matchDefaults }),
  }) as T;
}

/** Fills in what every binding has. */
export function bindingDefaults<Spec extends BindingSpec, T extends { readonly spec: Spec }>(binding: T): T {
  return change(fill(binding as { readonly spec: BindingSpec }, { spec: {} }), {
    spec: (given) => change(given, { matchResources: matchDefaults }),
  }) as T;
}

/** The faults of what a policy says beside what it does. */
export function validatePolicy(given: PolicySpec): Errors {
  const { paramKind, matchConstraints } = given;
  const errors: FieldError[] = [];
  if (given.failurePolicy === undefined) errors.push(field.required(spec.child("failurePolicy")));
  else errors.push(...oneOf(spec.child("failurePolicy"), given.failurePolicy, ["Fail", "Ignore"]));
  if (paramKind) {
    const place = spec.child("paramKind");
    if (!paramKind.apiVersion) errors.push(field.required(place.child("apiVersion")));
    if (!paramKind.kind) errors.push(field.required(place.child("kind")));
  }
  if (!matchConstraints) errors.push(field.required(spec.child("matchConstraints")));
  else {
    errors.push(...validateMatch(matchConstraints, spec.child("matchConstraints")));
    if ((matchConstraints.resourceRules ?? []).length === 0) {
      errors.push(field.required(spec.child("matchConstraints", "resourceRules")));
    }
  }
  errors.push(...validateConditions(given.matchConditions, spec.child("matchConditions")));
  errors.push(
    ...eachAt(given.variables, spec.child("variables"), ({ name, expression }, here) => [
      ...(name ? [] : [field.required(here.child("name"), "name is not specified")]),
      ...(expression?.trim() ? [] : [field.required(here.child("expression"), "expression is not specified")]),
    ]),
  );
  return errors;
}

/** The faults of what a binding says beside what is to be done. */
export function validateBinding({ policyName, paramRef, matchResources }: BindingSpec): Errors {
  return [
    ...requiredNamed(spec.child("policyName"), policyName, dnsSubdomain),
    ...(paramRef ? validateParams(paramRef, spec.child("paramRef")) : []),
    ...validateMatch(matchResources, spec.child("matchResources")),
  ];
}

function validateParams(reference: registration.ParamRef, place: FieldPath): Errors {
  const errors: FieldError[] = [];
  if (!reference.name && !reference.selector)
    errors.push(field.required(place, "one of name or selector must be specified"));
  if (reference.name && reference.selector) {
    errors.push(field.forbidden(place.child("name"), "name and selector are mutually exclusive"));
  }
  const action = reference.parameterNotFoundAction;
  if (action === undefined) errors.push(field.required(place.child("parameterNotFoundAction")));
  else errors.push(...oneOf(place.child("parameterNotFoundAction"), action, ["Deny", "Allow"]));
  return errors;
}

/** Tells which kind of parameters a policy takes. */
export const paramKindColumn = text<{ readonly spec: PolicySpec }>("ParamKind", ({ spec: { paramKind } }) =>
  paramKind ? `${paramKind.apiVersion}/${paramKind.kind}` : "<unset>",
);

/** Tells which policy a binding is of, and which parameters it gives. */
export const bindingColumns = [
  text<{ readonly spec: BindingSpec }>("PolicyName", (binding) => binding.spec.policyName ?? ""),
  text<{ readonly spec: BindingSpec }>("ParamRef", ({ spec: { paramRef } }) => {
    if (!paramRef) return "<unset>";
    const name = paramRef.name ?? "*";
    return paramRef.namespace ? `${paramRef.namespace}/${name}` : name;
  }),
];

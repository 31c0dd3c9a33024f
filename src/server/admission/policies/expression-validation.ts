import { harmlessEffects } from "../../../api/admissionregistration/webhooks.ts";
import type {
  MatchCondition,
  MutatingAdmissionPolicySpec,
  MutatingWebhook,
  ValidatingAdmissionPolicySpec,
} from "../../../api/generated/admissionregistration-v1.ts";
import { type FieldPath, field, path } from "../../../machinery/fields.ts";
import { type FieldError, invalid } from "../../../machinery/status-error.ts";
import type { AnyObject } from "../../../registry/resource.ts";
import type { AdmissionPlugin } from "../admission.ts";
import { admissionEnvironment } from "../cel/admission-environment.ts";
import { compileExpression } from "../cel/expression.ts";
import { compileMutations } from "./compiled-mutations.ts";
import { compilePolicy } from "./compiled-policy.ts";
import type { PolicyFault } from "./policy-compiler.ts";

const webhookKinds = new Set(["mutatingwebhookconfigurations", "validatingwebhookconfigurations"]);

/** Refuses policies and webhooks whose expressions do not compile; what was stored before is not asked again. */
export const expressionValidation: AdmissionPlugin = {
  name: "AdmissionExpressions",
  handles: ({ operation, served, subresource }) => {
    const { group, plural } = served.resource;
    return (
      (operation === "CREATE" || operation === "UPDATE") &&
      group === "admissionregistration.k8s.io" &&
      subresource === "" &&
      (policyKinds.has(plural) || webhookKinds.has(plural))
    );
  },
  validate(object, previous, { served, version }) {
    if (!object) return;
    const faults =
      policyKinds.get(served.resource.plural) ??
      (version === "v1" ? (one: AnyObject) => [...effectFaults(one), ...conditionFaults(one)] : conditionFaults);
    const before = previous ? new Set(faults(previous).map(textOf)) : undefined;
    const errors = faults(object).filter((error) => !before?.has(textOf(error)));
    if (errors.length > 0) throw invalid(served.resource.kind, object.metadata.name, errors);
  },
};

const textOf = ({ message }: FieldError) => message;

type Report = (fault: PolicyFault) => void;

const policyKinds: ReadonlyMap<string, (object: AnyObject) => readonly FieldError[]> = new Map([
  [
    "validatingadmissionpolicies",
    faultsBy((spec, report) => compilePolicy(spec as ValidatingAdmissionPolicySpec, {}, report)),
  ],
  [
    "mutatingadmissionpolicies",
    faultsBy((spec, report) => compileMutations(spec as MutatingAdmissionPolicySpec, report)),
  ],
]);

function faultsBy(compile: (spec: unknown, report: Report) => void): (object: AnyObject) => readonly FieldError[] {
  return ({ spec }) => {
    const errors: FieldError[] = [];
    compile(spec, ({ place, source, fault }) => errors.push(field.invalid(at(path("spec"), place), source, fault)));
    return errors;
  };
}

const environment = admissionEnvironment({ authorizer: true });

const webhooksOf = (object: AnyObject) =>
  (object as AnyObject & { readonly webhooks?: readonly MutatingWebhook[] }).webhooks ?? [];

// The kind itself takes what older versions allowed.
function effectFaults(object: AnyObject): readonly FieldError[] {
  return webhooksOf(object).flatMap(({ sideEffects = "" }, index) =>
    harmlessEffects.includes(sideEffects)
      ? []
      : [field.notSupported(at(path("webhooks"), [index, "sideEffects"]), sideEffects, harmlessEffects)],
  );
}

function conditionFaults(object: AnyObject): readonly FieldError[] {
  return webhooksOf(object).flatMap(({ matchConditions = [] }, index) =>
    matchConditions.flatMap(({ expression }: MatchCondition, position) => {
      const { fault } = compileExpression(expression, environment, ["bool"]);
      if (fault === undefined) return [];
      const place = at(path("webhooks"), [index, "matchConditions", position, "expression"]);
      return [field.invalid(place, expression, fault)];
    }),
  );
}

function at(start: FieldPath, steps: readonly (string | number)[]): FieldPath {
  return steps.reduce<FieldPath>(
    (place, step) => (typeof step === "number" ? place.index(step) : place.child(step)),
    start,
  );
}

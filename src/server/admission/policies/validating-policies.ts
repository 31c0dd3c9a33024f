import { ValidatingAdmissionPolicy } from "../../../api/admissionregistration/validating-admission-policy.ts";
import { ValidatingAdmissionPolicyBinding } from "../../../api/admissionregistration/validating-admission-policy-binding.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { Metrics } from "../../../lib/metrics.ts";
import { forbidden, StatusError, type StatusReasonCode, statusCodes } from "../../../machinery/status-error.ts";
import type { Registry } from "../../../registry/registry.ts";
import type { AnyObject } from "../../../registry/resource.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../admission.ts";
import type { ExpressionVariables } from "../cel/variables.ts";
import { isAdmissionConfiguration, type Matched, type RequestMatcher } from "../dynamic/request-matcher.ts";
import { type CompiledPolicy, compilePolicy } from "./compiled-policy.ts";
import { type ConfiguredBinding, ConfiguredPolicies, type ConfiguredPolicy } from "./configured-policies.ts";
import { evaluatePolicy, type PolicyDecision, type PolicyOutcome } from "./evaluate-policy.ts";
import { validationMeter } from "./policy-metrics.ts";
import { bindingParams, unknownParamKind } from "./policy-params.ts";

export interface PolicyPluginOptions {
  readonly registry: Registry;
  readonly matcher: RequestMatcher;
  readonly variables: ExpressionVariables;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

type Configured = ConfiguredPolicy<ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, CompiledPolicy>;

/** A reason to refuse a request, in the words of a policy. */
interface Denial {
  readonly message: string;
  readonly reason: string;
}

interface Objects {
  readonly object: AnyObject | undefined;
  readonly previous: AnyObject | undefined;
}

/** Lets ValidatingAdmissionPolicies judge writes as their bindings say. */
export function validatingPolicies(options: PolicyPluginOptions): AdmissionPlugin {
  const { registry, matcher, variables, clock } = options;
  const count = validationMeter(options.metrics);
  const policies = new ConfiguredPolicies(registry, {
    policies: ValidatingAdmissionPolicy,
    bindings: ValidatingAdmissionPolicyBinding,
    compile: (spec) => compilePolicy(spec),
  });

  /** Everything that one policy has against a request. */
  const judge = async (configured: Configured, request: AdmissionRequest, objects: Objects) => {
    const denials: Denial[] = [];
    const { policy, name, filter, bindings } = configured;
    const open = policy.spec.failurePolicy === "Ignore";
    const misconfigured = (why: string, binding?: string) => {
      if (open) return;
      const what = binding === undefined ? "policy" : "binding";
      denials.push({ reason: "Invalid", message: deniedBy(name, binding, `failed to configure ${what}: ${why}`) });
    };
    const matched = await matcher.match(filter, request, objects.object, objects.previous);
    if (!matched) return denials;
    const unknown = unknownParamKind(registry, policy.spec.paramKind);
    if (unknown) {
      misconfigured(unknown);
      return denials;
    }
    const annotations = new Map<string, Set<string>>();
    for (const binding of bindings) {
      if (!(await matcher.match(binding.filter, request, objects.object, objects.previous))) continue;
      const { paramRef } = binding.binding.spec;
      const params = await bindingParams(registry, policy.spec.paramKind, paramRef, request.namespace);
      if ("fault" in params) {
        misconfigured(params.fault, binding.name);
        continue;
      }
      for (const param of params.values) {
        const began = clock.monotonic();
        const outcome = await evaluate(configured, request, matched, objects, param);
        const seconds = (clock.monotonic() - began) / 1000;
        denials.push(...act(configured, binding, request, outcome));
        for (const { error } of open ? outcome.faults : []) {
          count({ policy: name, binding: binding.name, error, seconds }, "allow");
        }
        for (const { error } of open ? outcome.denials : [...outcome.faults, ...outcome.denials]) {
          for (const action of binding.binding.spec.validationActions ?? []) {
            count({ policy: name, binding: binding.name, error, seconds }, actionLabels[action] ?? "deny");
          }
        }
        for (const { key, value } of outcome.annotations) {
          annotations.set(key, (annotations.get(key) ?? new Set()).add(value));
        }
      }
    }
    for (const [key, values] of annotations) request.annotate(`${name}/${key}`, [...values].join(", "));
    return denials;
  };

  const evaluate = async (
    { compiled, policy }: Configured,
    request: AdmissionRequest,
    matched: Matched,
    objects: Objects,
    params: AnyObject | undefined,
  ): Promise<PolicyOutcome> => {
    const namespace = await matcher.namespaceOf(request);
    return variables.evaluate(request, matched, objects, (values) => evaluatePolicy(compiled, values), {
      ...(namespace ? { namespace } : {}),
      ...(policy.spec.paramKind ? { params } : {}),
    });
  };

  return {
    name: "ValidatingAdmissionPolicy",
    handles: (request) => !isAdmissionConfiguration(request),
    idle: () => policies.all.length === 0,
    async validate(object, previous, request) {
      const denials: Denial[] = [];
      for (const configured of policies.all) denials.push(...(await judge(configured, request, { object, previous })));
      const [first] = denials;
      if (first) throw refusal(request, object ?? previous, first);
    },
    start: () => policies.start(),
    [Symbol.dispose]: () => policies[Symbol.dispose](),
  };
}

const actionLabels: Readonly<Record<string, "deny" | "audit" | "warn">> = {
  Deny: "deny",
  Audit: "audit",
  Warn: "warn",
};

/** Does what a binding asks for where a policy is violated; gives back what it denies for. */
function act(
  { policy, name }: Configured,
  { binding, name: bindingName }: ConfiguredBinding<ValidatingAdmissionPolicyBinding>,
  request: AdmissionRequest,
  { denials, faults, annotationFaults }: PolicyOutcome,
): readonly Denial[] {
  const open = policy.spec.failurePolicy === "Ignore";
  const decisions: readonly PolicyDecision[] = [...(open ? [] : faults), ...denials].sort((a, b) => a.index - b.index);
  const denied: Denial[] = [];
  for (const { index, message, reason } of decisions) {
    for (const action of binding.spec.validationActions ?? []) {
      if (action === "Deny") denied.push({ reason, message: deniedBy(name, bindingName, message) });
      if (action === "Warn") {
        const text = `Validation failed for ValidatingAdmissionPolicy '${name}' with binding '${bindingName}': ${message}`;
        request.warn(text);
      }
      if (action === "Audit") {
        const { validationActions } = binding.spec;
        const failure = { message, policy: name, binding: bindingName, expressionIndex: index, validationActions };
        request.annotate("validation.policy.admission.k8s.io/validation_failure", JSON.stringify([failure]));
      }
    }
  }
  if (!open) {
    for (const message of annotationFaults) {
      denied.push({ reason: "Invalid", message: deniedBy(name, bindingName, message) });
    }
  }
  return denied;
}

function deniedBy(policy: string, binding: string | undefined, message: string): string {
  const by = binding === undefined ? "" : ` with binding '${binding}'`;
  return `ValidatingAdmissionPolicy '${policy}'${by} denied request: ${message}`;
}

function refusal(request: AdmissionRequest, object: AnyObject | undefined, { message, reason }: Denial): StatusError {
  const { group, resource: plural } = request;
  const { message: text, details } = forbidden(
    { group, plural },
    request.name || object?.metadata?.name || "",
    message,
  );
  const known = reason in statusCodes ? (reason as StatusReasonCode) : "Invalid";
  return new StatusError(known, text, {
    details: { ...details, causes: [{ message }] } as NonNullable<StatusError["details"]>,
  });
}

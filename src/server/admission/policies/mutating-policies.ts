import { MutatingAdmissionPolicy } from "../../../api/admissionregistration/mutating-admission-policy.ts";
import { MutatingAdmissionPolicyBinding } from "../../../api/admissionregistration/mutating-admission-policy-binding.ts";
import { typeOfKind } from "../../../api/type-info.ts";
import { errorMessage } from "../../../lib/fault.ts";
import { isEqual } from "../../../machinery/equality.ts";
import { forbidden, StatusError } from "../../../machinery/status-error.ts";
import type { StructInfo } from "../../../machinery/type-info.ts";
import type { AnyObject } from "../../../registry/resource.ts";
import type { AdmissionPlugin, AdmissionRequest, MutatingPass } from "../admission.ts";
import { Budget, failureText, overBudgetText, policyBudget } from "../cel/expression.ts";
import { conditionsHold } from "../cel/match-conditions.ts";
import { Reinvocation } from "../dynamic/reinvocation.ts";
import { isAdmissionConfiguration, type Matched } from "../dynamic/request-matcher.ts";
import { fromVersion, inVersion } from "../dynamic/versions.ts";
import { internalError } from "../dynamic/webhook-asker.ts";
import { type CompiledMutation, type CompiledMutations, compileMutations } from "./compiled-mutations.ts";
import { ConfiguredPolicies, type ConfiguredPolicy } from "./configured-policies.ts";
import { type Mutated, mutateByConfiguration, mutateByPatch } from "./mutation.ts";
import { mutationMeter, type PolicyError } from "./policy-metrics.ts";
import { bindingParams, unknownParamKind } from "./policy-params.ts";
import { PolicyRun } from "./policy-run.ts";
import type { PolicyPluginOptions } from "./validating-policies.ts";

type Configured = ConfiguredPolicy<MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, CompiledMutations>;

/** One policy under one binding with one parameter. */
interface Invocation {
  readonly id: string;
  readonly configured: Configured;
  readonly binding: string;
  readonly matched: Matched;
  readonly params: AnyObject | undefined;
}

/** What could not be done, for the failure policy to judge. */
interface PolicyProblem {
  readonly configured: Configured;
  readonly binding?: string;
  readonly reason: "Invalid" | "Forbidden";
  readonly why: string;
}

/** Lets MutatingAdmissionPolicies change writes as their bindings say; without `enabled` nothing is asked. */
export function mutatingPolicies(
  { registry, matcher, variables, clock, metrics }: PolicyPluginOptions,
  { enabled }: { readonly enabled: boolean },
): AdmissionPlugin {
  const count = enabled ? mutationMeter(metrics) : undefined;
  const policies = enabled
    ? new ConfiguredPolicies(registry, {
        policies: MutatingAdmissionPolicy,
        bindings: MutatingAdmissionPolicyBinding,
        compile: (spec) => compileMutations(spec),
      })
    : undefined;

  /** Which policies are to be asked: by the object as it came, whatever the first ones make of it. */
  const invocationsFor = async (
    request: AdmissionRequest,
    object: AnyObject,
    previous: AnyObject | undefined,
    problems: PolicyProblem[],
  ): Promise<readonly Invocation[]> => {
    const found: Invocation[] = [];
    for (const configured of policies?.all ?? []) {
      const { policy, name, filter, bindings } = configured;
      const { paramKind } = policy.spec;
      const matched = await matcher.match(filter, request, object, previous);
      if (!matched) continue;
      const unknown = unknownParamKind(registry, paramKind);
      if (unknown) {
        problems.push({ configured, reason: "Forbidden", why: `failed to configure policy: ${unknown}` });
        continue;
      }
      for (const { binding, name: bindingName, filter: narrower } of bindings) {
        if (!(await matcher.match(narrower, request, object, previous))) continue;
        const given = await bindingParams(registry, paramKind, binding.spec.paramRef, request.namespace);
        if ("fault" in given) {
          const why = `failed to configure binding: ${given.fault}`;
          problems.push({ configured, binding: bindingName, reason: "Forbidden", why });
          continue;
        }
        for (const params of given.values) {
          const { namespace = "", name: param = "" } = params?.metadata ?? {};
          const id = [name, bindingName, namespace, param].join("/");
          found.push({ id, configured, binding: bindingName, matched, params });
        }
      }
    }
    return found;
  };

  const mutate = async (
    given: AnyObject,
    previous: AnyObject | undefined,
    request: AdmissionRequest,
    pass: MutatingPass,
  ): Promise<AnyObject> => {
    const memory = Reinvocation.begin(plugin, pass, given);
    const problems: PolicyProblem[] = [];
    let object = given;
    for (const invocation of await invocationsFor(request, given, previous, problems)) {
      const { id, configured, binding, matched } = invocation;
      const problem = (why: string) => problems.push({ configured, binding, reason: "Invalid", why });
      const matches = await evaluate(request, invocation, object, previous, (values) =>
        conditionsHold(configured.compiled.conditions, values),
      );
      if (matches.matches === undefined) problem(matches.error);
      if (!matches.matches || !memory.isDue(id)) continue;
      const before = object;
      for (const mutation of configured.compiled.mutations) {
        const current = inVersion(object, matched.served, request) as AnyObject;
        const began = clock.monotonic();
        const type = request.body ? typeOfKind(request.body) : matched.served.type;
        const mutated = await evaluate(request, invocation, object, previous, (values) =>
          carryOut(configured.compiled, mutation, values, { object: current, type }),
        );
        const seconds = (clock.monotonic() - began) / 1000;
        count?.({ policy: configured.name, binding, error: errorOf(mutation, mutated), seconds });
        if ("fault" in mutated) problem(mutated.fault);
        else object = decoded(mutated.object, matched, request);
      }
      const again = configured.policy.spec.reinvocationPolicy === "IfNeeded";
      memory.asked(id, { changed: !isEqual(before, object), again });
    }
    refuse(request, object, problems);
    return memory.end(object);
  };

  const evaluate = async <T>(
    request: AdmissionRequest,
    { configured, matched, params }: Invocation,
    object: AnyObject,
    previous: AnyObject | undefined,
    run: (values: Readonly<Record<string, unknown>>) => T,
  ): Promise<T> => {
    const namespace = await matcher.namespaceOf(request);
    return variables.evaluate(request, matched, { object, previous }, run, {
      ...(namespace ? { namespace } : {}),
      ...(configured.policy.spec.paramKind ? { params } : {}),
    });
  };

  const plugin: AdmissionPlugin = {
    name: "MutatingAdmissionPolicy",
    handles: (request) =>
      policies !== undefined && request.operation !== "DELETE" && !isAdmissionConfiguration(request),
    idle: () => policies?.all.length === 0,
    mutate,
    async start() {
      await policies?.start();
    },
    [Symbol.dispose]: () => policies?.[Symbol.dispose](),
  };
  return plugin;
}

/** Works out one mutation, within the budget that each has for itself, and does it to the object. */
function carryOut(
  compiled: CompiledMutations,
  { patchType, expression }: CompiledMutation,
  values: Readonly<Record<string, unknown>>,
  { object, type }: { readonly object: AnyObject; readonly type: StructInfo | undefined },
): Mutated {
  if (expression.fault !== undefined) return { fault: expression.fault };
  const result = new PolicyRun(compiled, values).evaluate(expression, new Budget(policyBudget));
  if (!result) return { fault: overBudgetText };
  if (!result.ok) return { fault: failureText(expression.source, result.error) };
  return patchType === "JSONPatch"
    ? mutateByPatch(object, result.value)
    : mutateByConfiguration(object, result.value, type);
}

function errorOf({ expression }: CompiledMutation, mutated: Mutated): PolicyError {
  if (!("fault" in mutated)) return "no_error";
  if (!expression.program) return "compile_error";
  return mutated.fault === overBudgetText ? "out_of_budget" : "invalid_error";
}

function decoded(value: unknown, { served }: Matched, request: AdmissionRequest): AnyObject {
  try {
    return fromVersion(value, served, request);
  } catch (error) {
    throw internalError(errorMessage(error));
  }
}

/** Refuses for what went wrong under policies that must not fail. The words are the first one's, all are told as causes. */
function refuse(request: AdmissionRequest, object: AnyObject, problems: readonly PolicyProblem[]): void {
  const counted = problems.filter(({ configured }) => configured.policy.spec.failurePolicy !== "Ignore");
  const [first] = counted;
  if (!first) return;
  const messages = counted.map(({ configured: { name }, binding, why }) =>
    binding === undefined
      ? `policy ${JSON.stringify(name)} denied request: ${why}`
      : `policy '${name}' with binding '${binding}' denied request: ${why}`,
  );
  const { group, resource: plural } = request;
  const { details } = forbidden({ group, plural }, request.name || object.metadata?.name || "", "");
  throw new StatusError(first.reason, messages[0] ?? "", {
    code: 403,
    details: { ...details, causes: messages.map((message) => ({ message })) } as NonNullable<StatusError["details"]>,
  });
}

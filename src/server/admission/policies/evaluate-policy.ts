import { Budget, failureText, overBudgetText, policyBudget } from "../cel/expression.ts";
import { conditionsHold } from "../cel/match-conditions.ts";
import type { CompiledPolicy } from "./compiled-policy.ts";
import type { PolicyError } from "./policy-metrics.ts";
import { PolicyRun } from "./policy-run.ts";

/** What one expression of a policy says of a request. */
export interface PolicyDecision {
  /** Its place among the policy's validations. */
  readonly index: number;
  readonly message: string;
  readonly reason: string;
  readonly error: PolicyError;
}

export interface PolicyOutcome {
  /** Why the request should not be, in the order of the validations; empty when nothing speaks against it. */
  readonly denials: readonly PolicyDecision[];
  readonly annotations: readonly { readonly key: string; readonly value: string }[];
  /** What could not be evaluated, so that the failure policy decides; counts for every action of a binding. */
  readonly faults: readonly PolicyDecision[];
  /** Annotations that could not be evaluated: these deny whatever the binding's actions are. */
  readonly annotationFaults: readonly string[];
}

type Values = Readonly<Record<string, unknown>>;

const nothing: PolicyOutcome = { denials: [], annotations: [], faults: [], annotationFaults: [] };
const longestMessage = 5 * 1024;
const longestAnnotation = 10 * 1024;

/** Evaluates a policy for one request and one parameter. */
export function evaluatePolicy(policy: CompiledPolicy, values: Values): PolicyOutcome {
  const condition = conditionsHold(policy.conditions, values);
  if (condition.matches === undefined) return { ...nothing, faults: [fault(0, condition.error)] };
  if (!condition.matches) return nothing;

  const run = new PolicyRun(policy, values);
  const budget = new Budget(policyBudget);
  const denials: PolicyDecision[] = [];
  const faults: PolicyDecision[] = [];
  for (const [index, { validation, check, message }] of policy.validations.entries()) {
    const result = run.evaluate(check, budget);
    if (!result) return { ...nothing, faults: [fault(index, overBudgetText, "out_of_budget")] };
    if (!result.ok) {
      const error = check.program ? "invalid_error" : "compile_error";
      faults.push(fault(index, failureText(validation.expression, result.error), error));
      continue;
    }
    if (result.value === true) continue;
    const told = message && run.evaluate(message, budget);
    if (message && !told) {
      faults.push(fault(index, `failed messageExpression: ${overBudgetText}`, "out_of_budget"));
      continue;
    }
    denials.push({
      index,
      error: "no_error",
      reason: validation.reason || "Invalid",
      message:
        (told?.ok && typeof told.value === "string" && usableMessage(told.value)) ||
        validation.message?.trim() ||
        `failed expression: ${validation.expression.trim()}`,
    });
  }

  const annotations: { key: string; value: string }[] = [];
  const annotationFaults: string[] = [];
  const annotationBudget = new Budget(policyBudget);
  for (const { key, value } of policy.auditAnnotations) {
    const result = run.evaluate(value, annotationBudget);
    if (!result) return { ...nothing, faults: [fault(0, overBudgetText, "out_of_budget")] };
    if (!result.ok) annotationFaults.push(failureText(value.source, result.error));
    else if (typeof result.value === "string" && result.value.trim() !== "") {
      annotations.push({ key, value: result.value.trim().slice(0, longestAnnotation) });
    }
  }
  return { denials, annotations, faults, annotationFaults };
}

function fault(index: number, message: string, error: PolicyError = "invalid_error"): PolicyDecision {
  return { index, message, reason: "Invalid", error };
}

function usableMessage(text: string): string {
  const message = text.trim();
  return message.length > longestMessage || message.includes("\n") ? "" : message;
}

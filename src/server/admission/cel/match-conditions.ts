import type { MatchCondition } from "../../../api/generated/admissionregistration-v1.ts";
import type { CelEnvironment } from "../../../expr/cel/cel.ts";
import {
  Budget,
  compileExpression,
  conditionBudget,
  type Expression,
  failureText,
  overBudgetText,
} from "./expression.ts";

export interface CompiledCondition {
  readonly name: string;
  readonly expression: Expression;
}

/** Compiles match conditions; what does not compile fails when it is asked. */
export function compileConditions(
  conditions: readonly MatchCondition[] | undefined,
  environment: CelEnvironment,
): readonly CompiledCondition[] {
  return (conditions ?? []).map(({ name, expression }) => ({
    name,
    expression: compileExpression(expression, environment, ["bool"]),
  }));
}

export type ConditionResult =
  | { readonly matches: boolean }
  /** No condition said no, but one or more could not be told. */
  | { readonly matches: undefined; readonly error: string };

/** Whether all conditions hold: one that says no decides, whatever happens to the others. */
export function conditionsHold(
  conditions: readonly CompiledCondition[],
  variables: Readonly<Record<string, unknown>>,
): ConditionResult {
  const budget = new Budget(conditionBudget);
  const errors: string[] = [];
  for (const { expression } of conditions) {
    const result = budget.evaluate(expression, variables);
    if (!result) return { matches: undefined, error: overBudgetText };
    if (!result.ok) errors.push(failureText(expression.source, result.error));
    else if (result.value === false) return { matches: false };
  }
  if (errors.length === 0) return { matches: true };
  return { matches: undefined, error: errors.length === 1 ? (errors[0] ?? "") : `[${errors.join(", ")}]` };
}

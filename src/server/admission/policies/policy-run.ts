import { CelError, lazyFields } from "../../../expr/cel/cel.ts";
import { Budget, type Expression, overBudgetText } from "../cel/expression.ts";
import type { CompiledBase } from "./policy-compiler.ts";

type Result = ReturnType<Budget["evaluate"]>;
type Values = Readonly<Record<string, unknown>>;

/** The variables of a policy during one evaluation: each is evaluated once, and only if somebody asks for it. */
export class PolicyRun {
  readonly #values: Values;
  #budget = new Budget(0);

  constructor({ variables, variablesType }: CompiledBase, values: Values) {
    const fields = Object.fromEntries(
      Array.from(variables, ([name, expression]) => [name, () => this.#variable(name, expression)]),
    );
    this.#values = { ...values, variables: lazyFields(variablesType, fields) };
  }

  /** Undefined when the budget is used up. */
  evaluate(expression: Expression, budget: Budget): Result {
    this.#budget = budget;
    return budget.evaluate(expression, this.#values);
  }

  #variable(name: string, expression: Expression): unknown {
    const result = this.#budget.evaluate(expression, this.#values);
    if (result?.ok) return result.value;
    const why = result ? result.error : overBudgetText;
    return new CelError(`composited variable ${JSON.stringify(name)} fails to evaluate: ${why}`);
  }
}

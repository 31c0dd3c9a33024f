import {
  type CelEnvironment,
  type CelProgram,
  type CelResult,
  type CelType,
  celTypes,
  compileCel,
} from "../../../expr/cel/cel.ts";

/** The most that one expression may cost. */
export const callBudget = 1_000_000;
/** The most that all expressions of a policy may cost for one request. */
export const policyBudget = 10_000_000;
/** The most that the match conditions of a webhook or a policy may cost for one request. */
export const conditionBudget = 2_500_000;

/** An expression of admission's configuration: a program, or the reason why there is none. */
export type Expression =
  | { readonly source: string; readonly program: CelProgram; readonly fault?: undefined }
  | { readonly source: string; readonly program?: undefined; readonly fault: string };

/** Compiles an expression that must give one of some types, by their names in CEL; none: any. */
export function compileExpression(source: string, environment: CelEnvironment, wanted: readonly string[]): Expression {
  const compiled = compileCel(source, environment);
  if (!compiled.ok) {
    return { source, fault: `compilation failed: ${compiled.errors.map(({ display }) => display).join("\n")}` };
  }
  const { program } = compiled;
  const given = nameOf(program.outputType);
  if (wanted.length > 0 && !wanted.includes(given)) {
    const list = wanted.length === 1 ? wanted[0] : `one of [${wanted.join(" ")}]`;
    return { source, fault: `must evaluate to ${list} but got ${given}` };
  }
  return { source, program };
}

const nameOf = (type: CelType) => (type.kind === "null" ? "null_type" : celTypes.typeName(type));

/** A policy's cost is used up: nothing more is evaluated for this request. */
export const overBudgetText =
  "validation failed due to running out of cost budget, no further validation rules will be run";

/** The cost that the expressions evaluated for one request may have together. */
export class Budget {
  #left: number;
  #spent = false;

  constructor(limit: number) {
    this.#left = limit;
  }

  /** Undefined when the budget is used up before or by this evaluation, or by one that it asked for. */
  evaluate(expression: Expression, variables: Readonly<Record<string, unknown>>): CelResult | undefined {
    if (this.#spent) return undefined;
    if (!expression.program) return { ok: false, error: expression.fault, cost: 0, overBudget: false };
    const result = expression.program.evaluate(variables, { costLimit: Math.min(callBudget, this.#left) });
    this.#left -= result.cost;
    if (this.#left <= 0) this.#spent = true;
    return this.#spent ? undefined : result;
  }
}

/** What is said of an expression that failed. */
export function failureText(source: string, error: string): string {
  return `expression '${source}' resulted in error: ${error}`;
}

import { Environment } from "@marcbachmann/cel-js";
import type { CelType } from "./cel-type.ts";
import { dyn } from "./cel-type.ts";

export type { CelField, CelListType, CelObjectType, CelSchema, CelType } from "./cel-type.ts";
export * as celTypes from "./cel-type.ts";

/** What an expression may name, and which function libraries it may use. */
export interface CelEnvironment {
  /** The declared variables and their types. */
  readonly variables: Readonly<Record<string, CelType>>;
  /** The libraries switched on; without it those that Kubernetes v1.35 has everywhere. */
  readonly libraries?: readonly CelLibraryName[];
  /** Object types that expressions may build, by name, beside those the variables mention. */
  readonly objectTypes?: readonly CelType[];
}

/** The function libraries that can be switched on and off. */
export type CelLibraryName =
  | "standard"
  | "optionals"
  | "strings"
  | "lists"
  | "extendedLists"
  | "sets"
  | "math"
  | "bindings"
  | "twoVariableComprehensions"
  | "regex"
  | "urls"
  | "quantity"
  | "ip"
  | "format"
  | "semver"
  | "authorizer"
  | "jsonPatch";

/** One reason why an expression does not compile; line from 1, column from 0 as cel-go counts them. */
export interface CelIssue {
  readonly message: string;
  readonly line: number;
  readonly column: number;
  /** As cel-go prints it: `ERROR: <input>:1:5: message`, the line of source and a caret. */
  readonly display: string;
}

/** Lowest and highest cost that an expression can have, given the sizes its types declare. */
export interface CelCost {
  readonly min: number;
  readonly max: number;
}

/** The outcome of one evaluation; `cost` is what it consumed, also when it failed. */
export type CelResult =
  | { readonly ok: true; readonly value: unknown; readonly cost: number }
  | { readonly ok: false; readonly error: string; readonly cost: number; readonly overBudget: boolean };

/** A compiled expression: immutable, used as often as wanted. */
export interface CelProgram {
  readonly outputType: CelType;
  /** The static estimate that limits what may be installed. */
  readonly estimatedCost: CelCost;
  /**
   * Evaluates with JSON (read by the declared types) or CEL values for the variables; one that is left out answers
   * "no such attribute". Stops with `overBudget` as soon as the cost passes `costLimit`.
   */
  evaluate(variables: Readonly<Record<string, unknown>>, options: { readonly costLimit: number }): CelResult;
}

/** What compiling answers: a program, or every reason why there is none. */
export type CelCompilation =
  | { readonly ok: true; readonly program: CelProgram }
  | { readonly ok: false; readonly errors: readonly CelIssue[] };

/** Parses and type-checks an expression in an environment. */
export function compileCel(source: string, environment: CelEnvironment): CelCompilation {
  const js = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false });
  for (const name of Object.keys(environment.variables)) js.registerVariable(name, "dyn");
  const issue = (error: unknown): CelCompilation => {
    const message = (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
    const display = `ERROR: <input>:1:1: ${message}\n | ${source}\n | ^`;
    return { ok: false, errors: [{ message, line: 1, column: 0, display }] };
  };
  try {
    const parsed = js.parse(source);
    const checked = parsed.check();
    if (!checked.valid) return issue(checked.error);
    const outputType: CelType = checked.type === "bool" || checked.type === "string" ? { kind: checked.type } : dyn;
    return {
      ok: true,
      program: {
        outputType,
        estimatedCost: { min: 1, max: source.length },
        evaluate(variables) {
          try {
            return { ok: true, value: parsed({ ...variables }), cost: 1 };
          } catch (error) {
            const text = (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
            return { ok: false, error: text, cost: 1, overBudget: false };
          }
        },
      },
    };
  } catch (error) {
    return issue(error);
  }
}

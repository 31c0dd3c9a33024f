import type { MatchCondition, ParamKind, Variable } from "../../../api/generated/admissionregistration-v1.ts";
import { type CelObjectType, type CelType, celTypes } from "../../../expr/cel/cel.ts";
import { admissionEnvironment, type EnvironmentOptions, variablesType } from "../cel/admission-environment.ts";
import { compileExpression, type Expression } from "../cel/expression.ts";
import { type CompiledCondition, compileConditions } from "../cel/match-conditions.ts";

/** Where the expression that does not compile stands, from `spec` on, and why. */
export interface PolicyFault {
  readonly place: readonly (string | number)[];
  readonly source: string;
  readonly fault: string;
}

/** What is known of the types that a policy is about. */
export type PolicyTypes = Pick<EnvironmentOptions, "object" | "params">;

/** What policies of both sorts have compiled. */
export interface CompiledBase {
  readonly conditions: readonly CompiledCondition[];
  readonly variables: ReadonlyMap<string, Expression>;
  readonly variablesType: CelObjectType;
}

interface PolicySource {
  readonly paramKind?: ParamKind;
  readonly matchConditions?: readonly MatchCondition[];
  readonly variables?: readonly Variable[];
}

type CompileOptions = Partial<Pick<EnvironmentOptions, "authorizer" | "patches">>;

const dyn: CelType = celTypes.dyn;

/** Compiles the expressions of one policy. What does not compile fails when it is evaluated, and is told to `report`. */
export class PolicyCompiler {
  readonly #base: Pick<EnvironmentOptions, "object" | "params">;
  readonly #report: (fault: PolicyFault) => void;
  readonly #known: Record<string, CelType> = {};
  readonly #conditions: readonly CompiledCondition[];
  readonly #variables = new Map<string, Expression>();

  constructor(
    { paramKind, matchConditions, variables = [] }: PolicySource,
    { object, params = dyn }: PolicyTypes,
    report: (fault: PolicyFault) => void,
  ) {
    this.#base = { ...(paramKind ? { params } : {}), ...(object ? { object } : {}) };
    this.#report = report;
    // Conditions are evaluated before everything else and know no variables.
    this.#conditions = compileConditions(matchConditions, admissionEnvironment({ ...this.#base, authorizer: true }));
    for (const [index, { expression }] of this.#conditions.entries()) {
      if (expression.fault === undefined) continue;
      report({ place: ["matchConditions", index, "expression"], source: expression.source, fault: expression.fault });
    }
    for (const [index, { name, expression }] of variables.entries()) {
      const variable = this.compile(expression, [], ["variables", index, "expression"]);
      this.#variables.set(name, variable);
      this.#known[name] = variable.program?.outputType ?? dyn;
    }
  }

  get base(): CompiledBase {
    return { conditions: this.#conditions, variables: this.#variables, variablesType: variablesType(this.#known) };
  }

  /** An expression that must give one of some types, by their names; none: any. */
  compile(
    source: string,
    wanted: readonly string[],
    place: readonly (string | number)[],
    { authorizer = true, patches = false }: CompileOptions = {},
  ): Expression {
    const variables = { ...this.#known };
    const environment = admissionEnvironment({ ...this.#base, authorizer, patches, variables });
    const expression = compileExpression(source, environment, wanted);
    if (expression.fault !== undefined) this.#report({ place, source, fault: expression.fault });
    return expression;
  }
}

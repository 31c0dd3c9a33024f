import type * as registration from "../../../api/generated/admissionregistration-v1.ts";
import { type CelObjectType, type CelType, celTypes } from "../../../expr/cel/cel.ts";
import { admissionEnvironment, type EnvironmentOptions, variablesType } from "../cel/admission-environment.ts";
import { compileExpression, type Expression } from "../cel/expression.ts";
import { type CompiledCondition, compileConditions } from "../cel/match-conditions.ts";

export interface CompiledValidation {
  readonly validation: registration.Validation;
  readonly check: Expression;
  readonly message: Expression | undefined;
}

/** A ValidatingAdmissionPolicy whose expressions are ready to be evaluated. */
export interface CompiledPolicy {
  readonly conditions: readonly CompiledCondition[];
  readonly variables: ReadonlyMap<string, Expression>;
  readonly variablesType: CelObjectType;
  readonly validations: readonly CompiledValidation[];
  readonly auditAnnotations: readonly { readonly key: string; readonly value: Expression }[];
}

/** Where the expression that does not compile stands, from `spec` on, and why. */
export interface PolicyFault {
  readonly place: readonly (string | number)[];
  readonly source: string;
  readonly fault: string;
}

/** What is known of the types that a policy is about. */
export type PolicyTypes = Pick<EnvironmentOptions, "object" | "params">;

const dyn: CelType = celTypes.dyn;

/** Compiles a policy. What does not compile fails when it is evaluated, and is told to `report`. */
export function compilePolicy(
  {
    paramKind,
    matchConditions,
    variables = [],
    validations = [],
    auditAnnotations = [],
  }: registration.ValidatingAdmissionPolicySpec,
  types: PolicyTypes = {},
  report: (fault: PolicyFault) => void = () => {},
): CompiledPolicy {
  const { object, params = dyn } = types;
  const base = { ...(paramKind ? { params } : {}), ...(object ? { object } : {}) };
  const known: Record<string, CelType> = {};
  const compiled = new Map<string, Expression>();

  const compile = (
    source: string,
    wanted: readonly string[],
    place: readonly (string | number)[],
    authorizer = true,
  ): Expression => {
    const environment = admissionEnvironment({ ...base, authorizer, variables: { ...known } });
    const expression = compileExpression(source, environment, wanted);
    if (expression.fault !== undefined) report({ place, source, fault: expression.fault });
    return expression;
  };

  // Conditions are evaluated before everything else and know no variables.
  const plain = admissionEnvironment({ ...base, authorizer: true });
  const conditions = compileConditions(matchConditions, plain);
  for (const [index, { expression }] of conditions.entries()) {
    if (expression.fault === undefined) continue;
    report({ place: ["matchConditions", index, "expression"], source: expression.source, fault: expression.fault });
  }
  for (const [index, { name, expression }] of variables.entries()) {
    const variable = compile(expression, [], ["variables", index, "expression"]);
    compiled.set(name, variable);
    known[name] = variable.program?.outputType ?? dyn;
  }
  return {
    conditions,
    variables: compiled,
    variablesType: variablesType(known),
    validations: validations.map((validation, index) => ({
      validation,
      check: compile(validation.expression, ["bool"], ["validations", index, "expression"]),
      message: validation.messageExpression
        ? compile(validation.messageExpression, ["string"], ["validations", index, "messageExpression"], false)
        : undefined,
    })),
    auditAnnotations: auditAnnotations.map(({ key, valueExpression }, index) => ({
      key,
      value: compile(valueExpression, ["string", "null_type"], ["auditAnnotations", index, "valueExpression"]),
    })),
  };
}

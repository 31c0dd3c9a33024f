import type * as registration from "../../../api/generated/admissionregistration-v1.ts";
import { type CelType, celTypes } from "../../../expr/cel/cel.ts";
import { admissionEnvironment, type EnvironmentOptions } from "../cel/admission-environment.ts";
import { compileExpression, type Expression } from "../cel/expression.ts";
import { type CompiledCondition, compileConditions } from "../cel/match-conditions.ts";

/** An expression that may name variables of its policy. */
export interface PolicyExpression {
  readonly expression: Expression;
  /** The variables that it needs, each after those that it needs itself. */
  readonly needs: readonly string[];
}

export interface CompiledValidation {
  readonly validation: registration.Validation;
  readonly check: PolicyExpression;
  readonly message: PolicyExpression | undefined;
}

/** A ValidatingAdmissionPolicy whose expressions are ready to be evaluated. */
export interface CompiledPolicy {
  readonly conditions: readonly CompiledCondition[];
  readonly variables: ReadonlyMap<string, PolicyExpression>;
  readonly validations: readonly CompiledValidation[];
  readonly auditAnnotations: readonly { readonly key: string; readonly value: PolicyExpression }[];
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
  const compiled = new Map<string, PolicyExpression>();

  const compile = (
    source: string,
    wanted: readonly string[],
    place: readonly (string | number)[],
    authorizer = true,
  ): PolicyExpression => {
    const environment = admissionEnvironment({ ...base, authorizer, variables: { ...known } });
    const expression = compileExpression(source, environment, wanted);
    if (expression.fault !== undefined) report({ place, source, fault: expression.fault });
    return { expression, needs: needsOf(source, compiled) };
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
    known[name] = variable.expression.program?.outputType ?? dyn;
  }
  return {
    conditions,
    variables: compiled,
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

const variableName = /\bvariables\s*\.\s*([A-Za-z_]\w*)/g;

function needsOf(source: string, known: ReadonlyMap<string, PolicyExpression>): readonly string[] {
  const needs = new Set<string>();
  for (const [, name = ""] of source.matchAll(variableName)) {
    const variable = known.get(name);
    if (!variable) continue;
    for (const other of variable.needs) needs.add(other);
    needs.add(name);
  }
  return [...needs];
}

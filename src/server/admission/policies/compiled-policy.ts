import type * as registration from "../../../api/generated/admissionregistration-v1.ts";
import type { Expression } from "../cel/expression.ts";
import { type CompiledBase, PolicyCompiler, type PolicyFault, type PolicyTypes } from "./policy-compiler.ts";

export interface CompiledValidation {
  readonly validation: registration.Validation;
  readonly check: Expression;
  readonly message: Expression | undefined;
}

/** A ValidatingAdmissionPolicy whose expressions are ready to be evaluated. */
export interface CompiledPolicy extends CompiledBase {
  readonly validations: readonly CompiledValidation[];
  readonly auditAnnotations: readonly { readonly key: string; readonly value: Expression }[];
}

/** Compiles a policy. What does not compile fails when it is evaluated, and is told to `report`. */
export function compilePolicy(
  spec: registration.ValidatingAdmissionPolicySpec,
  types: PolicyTypes = {},
  report: (fault: PolicyFault) => void = () => {},
): CompiledPolicy {
  const { validations = [], auditAnnotations = [] } = spec;
  const compiler = new PolicyCompiler(spec, types, report);
  return {
    ...compiler.base,
    validations: validations.map((validation, index) => ({
      validation,
      check: compiler.compile(validation.expression, ["bool"], ["validations", index, "expression"]),
      message: validation.messageExpression
        ? compiler.compile(validation.messageExpression, ["string"], ["validations", index, "messageExpression"], {
            authorizer: false,
          })
        : undefined,
    })),
    auditAnnotations: auditAnnotations.map(({ key, valueExpression }, index) => ({
      key,
      value: compiler.compile(valueExpression, ["string", "null_type"], ["auditAnnotations", index, "valueExpression"]),
    })),
  };
}

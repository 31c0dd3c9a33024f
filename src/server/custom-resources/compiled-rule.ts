import type { Schema } from "../../api/apiextensions/schema.ts";
import type { ValidationRule } from "../../api/generated/apiextensions-v1.ts";
import { type CelCompilation, type CelIssue, type CelProgram, compileCel } from "../../expr/cel/cel.ts";
import { type CelSchema, type CelType, optionalOf } from "../../expr/cel/cel-type.ts";
import { schemaType } from "../../expr/cel/schema-type.ts";

/** One rule of a schema, ready to judge values. */
export interface CompiledRule {
  readonly rule: ValidationRule;
  readonly type: CelType;
  readonly program: CelProgram;
  /** It compares with the state before, and says nothing where there is none. */
  readonly transition: boolean;
  readonly message?: CelProgram;
}

export type RuleCompilation =
  | { readonly ok: true; readonly rule: CompiledRule }
  | { readonly ok: false; readonly part: "rule" | "messageExpression"; readonly text: string };

/** The type that rules at a schema see; undefined where there is nothing that they may see. */
export function ruleType(schema: Schema, root: boolean): CelType | undefined {
  return schemaType(schema as CelSchema, { root });
}

/** Compiles one rule over values of a type. */
export function compileRule(rule: ValidationRule, type: CelType): RuleCompilation {
  const oldSelf = rule.optionalOldSelf ? optionalOf(type) : type;
  const environment = { variables: { self: type, oldSelf } };
  const compiled = compileCel(rule.rule, environment);
  if (!compiled.ok) return { ok: false, part: "rule", text: faultText(compiled.errors) };
  const { kind } = compiled.program.outputType;
  if (kind !== "bool") return { ok: false, part: "rule", text: "cel expression must evaluate to a bool" };
  const transition = compiled.program.variables.includes("oldSelf");
  const { messageExpression } = rule;
  const plain = { rule, type, program: compiled.program, transition };
  if (!messageExpression) return { ok: true, rule: plain };
  const message: CelCompilation = compileCel(messageExpression, environment);
  if (!message.ok) {
    return { ok: false, part: "messageExpression", text: `messageExpression ${faultText(message.errors)}` };
  }
  if (message.program.outputType.kind !== "string") {
    return { ok: false, part: "messageExpression", text: "messageExpression must evaluate to a string" };
  }
  return { ok: true, rule: { ...plain, message: message.program } };
}

function faultText(issues: readonly CelIssue[]): string {
  return `compilation failed: ${issues.map(({ display }) => display).join("\n")}`;
}

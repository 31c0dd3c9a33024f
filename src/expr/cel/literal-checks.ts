import type { CallExpr, Expr } from "./ast.ts";
import { type CelIssue, issueAt } from "./issue.ts";
import { compilePattern } from "./patterns.ts";
import { parseDuration, parseTimestamp } from "./time.ts";
import { CelError, type CelOutcome } from "./value.ts";

/** What literal text must be, by the function it is given to and its place among the arguments. */
const checked: Readonly<Record<string, { readonly what: string; readonly read: (text: string) => unknown }>> = {
  duration: { what: "duration", read: parseDuration },
  timestamp: { what: "timestamp", read: parseTimestamp },
  matches: { what: "matches", read: compilePattern },
};

/** Literals that can only fail: durations, timestamps and patterns that do not parse. */
export function literalIssues(source: string, expr: Expr): readonly CelIssue[] {
  const issues: CelIssue[] = [];
  visit(expr, (call) => {
    const check = Object.hasOwn(checked, call.name) ? checked[call.name] : undefined;
    const literal = check && call.args.length > 0 ? call.args.at(-1) : undefined;
    if (!check || literal?.kind !== "literal" || typeof literal.value !== "string") return;
    const read = check.read(literal.value) as CelOutcome;
    if (read instanceof CelError) issues.push(issueAt(source, literal.at, `invalid ${check.what} argument`));
  });
  return issues;
}

function visit(expr: Expr, found: (call: CallExpr) => void): void {
  for (const part of parts(expr)) visit(part, found);
  if (expr.kind === "call") found(expr);
}

function parts(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case "select":
      return [expr.operand];
    case "call":
      return expr.target ? [expr.target, ...expr.args] : expr.args;
    case "list":
      return expr.elements.map(({ value }) => value);
    case "map":
      return expr.entries.flatMap(({ key, value }) => [key, value]);
    case "struct":
      return expr.fields.map(({ value }) => value);
    case "fold":
      return [expr.range, expr.init, expr.condition, expr.step, expr.result];
    default:
      return [];
  }
}

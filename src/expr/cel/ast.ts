import type { CelValue } from "./value.ts";

/** An expression; `at` is its offset in the source, where messages point. */
export type Expr = LiteralExpr | IdentExpr | SelectExpr | CallExpr | ListExpr | MapExpr | StructExpr | FoldExpr;

export interface LiteralExpr {
  readonly kind: "literal";
  readonly at: number;
  readonly value: CelValue;
}

export interface IdentExpr {
  readonly kind: "ident";
  readonly at: number;
  readonly name: string;
}

/** `operand.field`; with `test` it asks whether the field is there. */
export interface SelectExpr {
  readonly kind: "select";
  readonly at: number;
  readonly operand: Expr;
  readonly field: string;
  readonly test: boolean;
}

/** A function or operator; a method has a target. */
export interface CallExpr {
  readonly kind: "call";
  readonly at: number;
  readonly name: string;
  readonly target?: Expr;
  readonly args: readonly Expr[];
}

export interface ListExpr {
  readonly kind: "list";
  readonly at: number;
  readonly elements: readonly { readonly value: Expr; readonly optional: boolean }[];
}

export interface MapExpr {
  readonly kind: "map";
  readonly at: number;
  readonly entries: readonly { readonly key: Expr; readonly value: Expr; readonly optional: boolean }[];
}

export interface StructExpr {
  readonly kind: "struct";
  readonly at: number;
  readonly name: string;
  readonly fields: readonly {
    readonly at: number;
    readonly name: string;
    readonly value: Expr;
    readonly optional: boolean;
  }[];
}

/** What every comprehension macro becomes: a fold over a range, as long as `condition` holds. */
export interface FoldExpr {
  readonly kind: "fold";
  readonly at: number;
  readonly range: Expr;
  readonly variable: string;
  /** With a second variable the first is the index or key, the second the element or value. */
  readonly second?: string;
  readonly accumulator: string;
  readonly init: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}

/** The hidden name of a comprehension's accumulator; no source can write it. */
export const accumulatorName = "@result";

export function literal(at: number, value: CelValue): LiteralExpr {
  return { kind: "literal", at, value };
}

export function ident(at: number, name: string): IdentExpr {
  return { kind: "ident", at, name };
}

export function call(at: number, name: string, args: readonly Expr[]): CallExpr {
  return { kind: "call", at, name, args };
}

export function method(at: number, target: Expr, name: string, args: readonly Expr[] = []): CallExpr {
  return { kind: "call", at, name, target, args };
}

/** `a.b.c` as a dotted name, or undefined if the expression is anything else. */
export function qualifiedName(expr: Expr): string | undefined {
  if (expr.kind === "ident") return expr.name;
  if (expr.kind !== "select" || expr.test) return undefined;
  const operand = qualifiedName(expr.operand);
  return operand === undefined ? undefined : `${operand}.${expr.field}`;
}

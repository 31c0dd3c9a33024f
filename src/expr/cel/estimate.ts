import type { CallExpr, Expr, FoldExpr } from "./ast.ts";
import type { CelType } from "./cel-type.ts";
import type { Checked } from "./check.ts";
import { type ArgumentSize, add, exactly, multiply, type Range, union, unknownSize } from "./cost-rule.ts";
import { costSize } from "./value.ts";

/** A static cost, and what is known of the value's size and origin. */
interface Estimate {
  readonly cost: Range;
  readonly size?: Range;
  /** The declared type it was read from, whose sizes bound it; absent for computed values. */
  readonly declared?: CelType;
  /** The sizes of a computed list's or map's elements. */
  readonly element?: Range;
}

const nothing: Range = exactly(0);
const one: Range = exactly(1);

/** The range of costs an expression can have, by the sizes that the types of its variables declare. */
export function estimateCost(checked: Checked, variables: ReadonlyMap<string, CelType>): Range {
  return new Estimator(checked, variables).of(checked.expr).cost;
}

class Estimator {
  readonly #checked: Checked;
  readonly #variables: ReadonlyMap<string, CelType>;
  readonly #locals: (readonly [string, Estimate])[] = [];

  constructor(checked: Checked, variables: ReadonlyMap<string, CelType>) {
    this.#checked = checked;
    this.#variables = variables;
  }

  of(expr: Expr): Estimate {
    switch (expr.kind) {
      case "literal":
        return { cost: nothing, size: exactly(costSize(expr.value)) };
      case "ident":
        return this.#reference(expr) ?? { cost: one };
      case "select":
        return this.#reference(expr) ?? this.#select(expr.operand, expr.field, expr.test);
      case "call":
        return this.#call(expr);
      case "list":
        return this.#elements(
          expr.elements.map(({ value }) => this.of(value)),
          10,
        );
      case "map": {
        const keys = expr.entries.map(({ key }) => this.of(key).cost);
        const values = this.#elements(
          expr.entries.map(({ value }) => this.of(value)),
          30,
        );
        return { ...values, cost: keys.reduce(add, values.cost) };
      }
      case "struct":
        return { cost: expr.fields.map(({ value }) => this.of(value).cost).reduce(add, exactly(40)) };
      case "fold":
        return this.#fold(expr);
    }
  }

  #elements(estimates: readonly Estimate[], base: number): Estimate {
    const sizes = estimates.map((estimate) => sizeOf(estimate));
    return {
      cost: estimates.map(({ cost }) => cost).reduce(add, exactly(base)),
      size: exactly(estimates.length),
      element: sizes.length > 0 ? sizes.reduce(union) : nothing,
    };
  }

  #reference(expr: Expr): Estimate | undefined {
    const name = this.#checked.reference(expr);
    if (name === undefined) return undefined;
    if (!name.startsWith(".")) {
      const local = this.#locals.findLast(([known]) => known === name)?.[1];
      return { ...local, cost: one };
    }
    const declared = this.#variables.get(name.slice(1));
    return { cost: one, declared };
  }

  #select(operand: Expr, field: string, test: boolean): Estimate {
    const from = this.of(operand);
    if (test) return { cost: from.cost };
    const priced = ["map", "object"].includes(this.#checked.typeOf(operand).kind);
    const cost = priced ? add(from.cost, one) : from.cost;
    return { cost, declared: fieldType(from.declared, field) };
  }

  #call(expr: CallExpr): Estimate {
    const whole = expr.target && !this.#checked.reference(expr) ? [expr.target, ...expr.args] : expr.args;
    const args = whole.map((arg) => this.of(arg));
    const [a, b, c] = args as [Estimate, Estimate, Estimate];
    switch (expr.name) {
      case "_&&_":
      case "_||_":
        return { cost: { min: a.cost.min, max: a.cost.max + b.cost.max } };
      case "_?_:_":
        return { ...either(b, c), cost: add(a.cost, union(b.cost, c.cost)) };
      case "_[_]":
      case "_[?_]":
        return { cost: add(add(a.cost, b.cost), one), declared: elementType(a.declared), size: a.element };
      case "_?._": {
        const field = whole[1];
        const name = field?.kind === "literal" && typeof field.value === "string" ? field.value : "";
        return { cost: add(a.cost, one), declared: fieldType(a.declared, name) };
      }
      case "dyn":
        return { ...a, cost: add(a.cost, one) };
    }
    return this.#function(expr, whole, args);
  }

  #function(expr: CallExpr, whole: readonly Expr[], args: readonly Estimate[]): Estimate {
    const sizes = whole.map((arg, index) => this.#argument(arg, args[index] as Estimate));
    const calls = this.#checked
      .overloads(expr)
      .map(({ cost }) => cost?.estimate(sizes) ?? { cost: one, size: undefined });
    const call = calls.length > 0 ? calls.map(({ cost }) => cost).reduce(union) : one;
    const known = calls.flatMap(({ size }) => (size ? [size] : []));
    const element =
      expr.name === "_+_" && args[0]?.element && args[1]?.element ? union(args[0].element, args[1].element) : undefined;
    return {
      cost: args.map(({ cost }) => cost).reduce(add, call),
      size: known.length > 0 ? known.reduce(union) : undefined,
      element,
    };
  }

  #argument(expr: Expr, estimate: Estimate): ArgumentSize {
    const type = this.#checked.typeOf(expr);
    const size = estimate.size ?? declaredSize(estimate.declared) ?? scalarSize(type) ?? unknownSize;
    if (type.kind !== "list") return { size, isList: false };
    const texts = ["string", "bytes"].includes(type.element.kind);
    const declared = declaredSize(elementType(estimate.declared));
    return { size, isList: true, elementSize: texts ? (estimate.element ?? declared ?? unknownSize) : undefined };
  }

  #fold(expr: FoldExpr): Estimate {
    const range = this.of(expr.range);
    const init = this.of(expr.init);
    const depth = this.#locals.length;
    const binds = expr.range.kind === "list" && expr.range.elements.length === 0 && expr.accumulator !== "@result";
    this.#locals.push([expr.accumulator, binds ? init : { cost: nothing }]);
    if (binds) {
      const result = this.of(expr.result);
      this.#locals.length = depth;
      return { ...result, cost: add(add(range.cost, init.cost), result.cost) };
    }
    this.#pushLoop(expr, range);
    const condition = this.of(expr.condition);
    const step = this.of(expr.step);
    this.#locals.length = depth + 1;
    const result = this.of(expr.result);
    this.#locals.length = depth;
    const count = sizeOf(range);
    const loop = multiply(count, add(condition.cost, step.cost));
    const cost = [range.cost, init.cost, result.cost, loop].reduce(add);
    return expr.init.kind === "list" || expr.init.kind === "map"
      ? { cost, size: count, element: step.element }
      : { cost, size: one };
  }

  #pushLoop(expr: FoldExpr, range: Estimate): void {
    const type = this.#checked.typeOf(expr.range);
    const keys: Estimate = { cost: one, declared: type.kind === "map" ? mapKeyType(range.declared) : undefined };
    const values: Estimate = { cost: one, declared: elementType(range.declared), size: range.element };
    if (expr.second !== undefined) {
      this.#locals.push([expr.variable, type.kind === "list" ? { cost: one, size: one } : keys], [expr.second, values]);
    } else this.#locals.push([expr.variable, type.kind === "map" ? keys : values]);
  }
}

function either(a: Estimate, b: Estimate): Estimate {
  return {
    cost: nothing,
    size: union(sizeOf(a), sizeOf(b)),
    element: a.element && b.element ? union(a.element, b.element) : undefined,
  };
}

function sizeOf(estimate: Estimate): Range {
  return estimate.size ?? declaredSize(estimate.declared) ?? unknownSize;
}

function declaredSize(type: CelType | undefined): Range | undefined {
  if (!type) return undefined;
  const max = "maxSize" in type ? type.maxSize : undefined;
  return max === undefined ? scalarSize(type) : { min: 0, max };
}

/** The size of types whose values are all alike. */
function scalarSize(type: CelType): Range | undefined {
  return ["bool", "int", "uint", "double", "null", "timestamp", "duration", "opaque", "type"].includes(type.kind)
    ? one
    : undefined;
}

function elementType(type: CelType | undefined): CelType | undefined {
  if (type?.kind === "list") return type.element;
  if (type?.kind === "optional") return elementType(type.element);
  return type?.kind === "map" ? type.value : undefined;
}

function mapKeyType(type: CelType | undefined): CelType | undefined {
  return type?.kind === "map" ? type.key : undefined;
}

function fieldType(type: CelType | undefined, field: string): CelType | undefined {
  if (type?.kind === "object") return type.field(field)?.type;
  if (type?.kind === "optional") return fieldType(type.element, field);
  return type?.kind === "map" ? type.value : undefined;
}

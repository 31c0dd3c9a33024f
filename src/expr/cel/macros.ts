import type { Expr, FoldExpr } from "./ast.ts";
import { accumulatorName, call, ident, literal, method, qualifiedName } from "./ast.ts";
import { SyntaxFault } from "./issue.ts";

/** Groups of macros that an environment has or has not. */
export type MacroName = "standard" | "optionals" | "bindings" | "two-variables" | "sorting" | "math";

type Expansion = (at: number, target: Expr, args: readonly Expr[]) => Expr | undefined;

const accumulator = (at: number) => ident(at, accumulatorName);

/** The expression a call stands for if it is a macro, or undefined for an ordinary call. */
export function expandMacro(
  macros: ReadonlySet<MacroName>,
  at: number,
  name: string,
  target: Expr | undefined,
  args: readonly Expr[],
): Expr | undefined {
  if (name === "has" && !target && args.length === 1) return presenceTest(at, args[0] as Expr);
  if (!target) return undefined;
  if (name === "bind" && macros.has("bindings") && args.length === 3 && qualifiedName(target) === "cel") {
    return bind(at, variableName(args[0]), args[1] as Expr, args[2] as Expr);
  }
  for (const [group, expansions] of Object.entries(methods) as [MacroName, Record<string, Expansion>][]) {
    const expansion = macros.has(group) && Object.hasOwn(expansions, name) ? expansions[name] : undefined;
    const expanded = expansion?.(at, target, args);
    if (expanded) return expanded;
  }
  return undefined;
}

function presenceTest(at: number, operand: Expr): Expr {
  if (operand.kind !== "select") throw new SyntaxFault("invalid argument to has() macro", at);
  return { ...operand, at, test: true };
}

function variableName(expr: Expr | undefined): string {
  if (expr?.kind === "ident") {
    if (expr.name === "__result__" || expr.name === accumulatorName)
      throw new SyntaxFault("iteration variable overwrites accumulator variable", expr.at);
    return expr.name;
  }
  throw new SyntaxFault("argument must be a simple name", expr?.at ?? 0);
}

function bind(at: number, variable: string, init: Expr, result: Expr): FoldExpr {
  return {
    kind: "fold",
    at,
    range: { kind: "list", at, elements: [] },
    variable: "#unused",
    accumulator: variable,
    init,
    condition: literal(at, false),
    step: ident(at, variable),
    result,
  };
}

/** The names a comprehension gives its variables: one, or two that differ. */
interface Loop {
  readonly at: number;
  readonly range: Expr;
  readonly variable: string;
  readonly second?: string;
}

function fold(loop: Loop, init: Expr, condition: Expr, step: Expr, result?: Expr): FoldExpr {
  return {
    kind: "fold",
    ...loop,
    accumulator: accumulatorName,
    init,
    condition,
    step,
    result: result ?? accumulator(loop.at),
  };
}

const oneVariable = (at: number, range: Expr, args: readonly Expr[]): Loop => ({
  at,
  range,
  variable: variableName(args[0]),
});

function twoVariables(at: number, range: Expr, args: readonly Expr[]): Loop {
  const variable = variableName(args[0]);
  const second = variableName(args[1]);
  if (variable === second) throw new SyntaxFault(`duplicate variable name: ${second}`, args[1]?.at ?? at);
  return { at, range, variable, second };
}

function all(loop: Loop, predicate: Expr): FoldExpr {
  const { at } = loop;
  const condition = call(at, "@not_strictly_false", [accumulator(at)]);
  return fold(loop, literal(at, true), condition, call(at, "_&&_", [accumulator(at), predicate]));
}

function exists(loop: Loop, predicate: Expr): FoldExpr {
  const { at } = loop;
  const condition = call(at, "@not_strictly_false", [call(at, "!_", [accumulator(at)])]);
  return fold(loop, literal(at, false), condition, call(at, "_||_", [accumulator(at), predicate]));
}

function existsOne(loop: Loop, predicate: Expr): FoldExpr {
  const { at } = loop;
  const more = call(at, "_+_", [accumulator(at), literal(at, 1n)]);
  const step = call(at, "_?_:_", [predicate, more, accumulator(at)]);
  return fold(loop, literal(at, 0n), literal(at, true), step, call(at, "_==_", [accumulator(at), literal(at, 1n)]));
}

function when(at: number, predicate: Expr | undefined, step: Expr): Expr {
  return predicate ? call(at, "_?_:_", [predicate, step, accumulator(at)]) : step;
}

function collect(loop: Loop, predicate: Expr | undefined, element: Expr): FoldExpr {
  const { at } = loop;
  const one: Expr = { kind: "list", at, elements: [{ value: element, optional: false }] };
  const step = when(at, predicate, call(at, "_+_", [accumulator(at), one]));
  return fold(loop, { kind: "list", at, elements: [] }, literal(at, true), step);
}

function collectMap(loop: Loop, predicate: Expr | undefined, inserted: readonly Expr[]): FoldExpr {
  const { at } = loop;
  const step = when(at, predicate, call(at, "cel.@mapInsert", [accumulator(at), ...inserted]));
  return fold(loop, { kind: "map", at, entries: [] }, literal(at, true), step);
}

/** The predicate (if there is one more argument than needed) and the last argument. */
function filtered(args: readonly Expr[], variables: number): [Expr | undefined, Expr] | undefined {
  const last = args.at(-1) as Expr;
  if (args.length === variables + 1) return [undefined, last];
  return args.length === variables + 2 ? [args[variables], last] : undefined;
}

function optionalMap(at: number, target: Expr, args: readonly Expr[], wrap: (value: Expr) => Expr): Expr | undefined {
  if (args.length !== 2) return undefined;
  const result = bind(at, variableName(args[0]), method(at, target, "value"), args[1] as Expr);
  return call(at, "_?_:_", [method(at, target, "hasValue"), wrap(result), call(at, "optional.none", [])]);
}

/** The greatest of more than two numbers is that of a list of them, whatever their types. */
function manyNumbers(name: string): Expansion {
  return (at, target, args) => {
    if (args.length < 3 || qualifiedName(target) !== "math") return undefined;
    const elements = args.map((arg) => ({ value: call(arg.at, "dyn", [arg]), optional: false }));
    return method(at, target, name, [{ kind: "list", at, elements }]);
  };
}

const methods: Readonly<Record<Exclude<MacroName, "bindings">, Readonly<Record<string, Expansion>>>> = {
  standard: {
    all: (at, range, args) => (args.length === 2 ? all(oneVariable(at, range, args), args[1] as Expr) : undefined),
    exists: (at, range, args) =>
      args.length === 2 ? exists(oneVariable(at, range, args), args[1] as Expr) : undefined,
    exists_one: (at, range, args) =>
      args.length === 2 ? existsOne(oneVariable(at, range, args), args[1] as Expr) : undefined,
    existsOne: (at, range, args) =>
      args.length === 2 ? existsOne(oneVariable(at, range, args), args[1] as Expr) : undefined,
    map: (at, range, args) => {
      const parts = args.length > 1 ? filtered(args, 1) : undefined;
      return parts && collect(oneVariable(at, range, args), ...parts);
    },
    filter: (at, range, args) => {
      if (args.length !== 2) return undefined;
      const loop = oneVariable(at, range, args);
      return collect(loop, args[1], ident(args[0]?.at ?? at, loop.variable));
    },
  },
  optionals: {
    optMap: (at, target, args) => optionalMap(at, target, args, (value) => call(at, "optional.of", [value])),
    optFlatMap: (at, target, args) => optionalMap(at, target, args, (value) => value),
  },
  "two-variables": {
    all: (at, range, args) => (args.length === 3 ? all(twoVariables(at, range, args), args[2] as Expr) : undefined),
    exists: (at, range, args) =>
      args.length === 3 ? exists(twoVariables(at, range, args), args[2] as Expr) : undefined,
    exists_one: (at, range, args) =>
      args.length === 3 ? existsOne(twoVariables(at, range, args), args[2] as Expr) : undefined,
    existsOne: (at, range, args) =>
      args.length === 3 ? existsOne(twoVariables(at, range, args), args[2] as Expr) : undefined,
    transformList: (at, range, args) => {
      const parts = args.length > 2 ? filtered(args, 2) : undefined;
      return parts && collect(twoVariables(at, range, args), ...parts);
    },
    transformMap: (at, range, args) => {
      const parts = args.length > 2 ? filtered(args, 2) : undefined;
      if (!parts) return undefined;
      const loop = twoVariables(at, range, args);
      return collectMap(loop, parts[0], [ident(at, loop.variable), parts[1]]);
    },
    transformMapEntry: (at, range, args) => {
      const parts = args.length > 2 ? filtered(args, 2) : undefined;
      return parts && collectMap(twoVariables(at, range, args), parts[0], [parts[1]]);
    },
  },
  math: { greatest: manyNumbers("greatest"), least: manyNumbers("least") },
  sorting: {
    sortBy: (at, target, args) => {
      if (args.length !== 2) return undefined;
      const input = () => ident(at, "@__sortBy_input__");
      const keys = collect(oneVariable(at, input(), args), undefined, args[1] as Expr);
      return bind(at, "@__sortBy_input__", target, method(at, input(), "@sortByAssociatedKeys", [keys]));
    },
  },
};

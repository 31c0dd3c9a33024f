import type { Expr } from "./ast.ts";
import type { CelObjectType, CelType } from "./cel-type.ts";
import {
  bool,
  bytes,
  double,
  duration,
  dyn,
  int,
  listOf,
  mapOf,
  nullType,
  opaque,
  string,
  timestamp,
  uint,
} from "./cel-type.ts";
import { type Checked, checkTypes } from "./check.ts";
import { type Compiled, compileSteps, type Frame } from "./compile.ts";
import type { Range } from "./cost-rule.ts";
import { estimateCost } from "./estimate.ts";
import { type CelIssue, issueAt, SyntaxFault } from "./issue.ts";
import { fromJson } from "./json-value.ts";
import { type CelLibraryName, kubernetesLibraries, type LibrarySet, librarySet } from "./library.ts";
import { literalIssues } from "./literal-checks.ts";
import { Meter, OverBudget } from "./meter.ts";
import { parseCel } from "./parser.ts";
import { CelError, type CelOutcome, CelTypeValue, type CelValue } from "./value.ts";

export type { CelField, CelListType, CelObjectType, CelSchema, CelType } from "./cel-type.ts";
export * as celTypes from "./cel-type.ts";
export type { CelIssue } from "./issue.ts";
export { lazyFields, toJson } from "./json-value.ts";
export {
  type AuthorizerAnswer,
  type AuthorizerQuestion,
  authorizerValue,
  type DecideAuthorization,
  requestResourceValue,
} from "./libraries/authorizer.ts";
export { jsonPatchType, misplacedType, mutationStructs } from "./libraries/mutation.ts";
export { allLibraries, type CelLibraryName, kubernetesLibraries } from "./library.ts";
export { schemaType } from "./schema-type.ts";
export { CelError, type CelValue } from "./value.ts";

/** What an expression may name, and which function libraries it may use. */
export interface CelEnvironment {
  /** The declared variables and their types. */
  readonly variables: Readonly<Record<string, CelType>>;
  /** The libraries switched on; without it those that Kubernetes v1.35 has everywhere. */
  readonly libraries?: readonly CelLibraryName[];
  /** The object types that expressions may build (`Name{field: value}`), by name. */
  readonly structs?: (name: string) => CelObjectType | undefined;
  /** Lists and maps written out may mix types, which Kubernetes nowhere allows. */
  readonly mixedLiterals?: boolean;
}

/** Lowest and highest cost that an expression can have, given the sizes its types declare. */
export type CelCost = Range;

/**
 * The outcome of one evaluation; `cost` is what it consumed, also when it failed. `overBudget` tells an expression
 * that was stopped from one that went wrong.
 */
export type CelResult =
  | { readonly ok: true; readonly value: CelValue; readonly cost: number }
  | { readonly ok: false; readonly error: string; readonly cost: number; readonly overBudget: boolean };

/** A compiled expression: immutable, used as often as wanted. */
export interface CelProgram {
  readonly outputType: CelType;
  /** The names of the declared variables it reads. */
  readonly variables: readonly string[];
  /** The static estimate, by which what may be installed is limited. */
  readonly estimatedCost: CelCost;
  /**
   * Evaluates with JSON (read by the declared types) or CEL values for the variables; using one that is left out is an
   * error. It stops as soon as the cost passes `costLimit`.
   */
  evaluate(variables: Readonly<Record<string, unknown>>, options: { readonly costLimit: number }): CelResult;
}

/** What compiling answers: a program, or every reason why there is none. */
export type CelCompilation =
  | { readonly ok: true; readonly program: CelProgram }
  | { readonly ok: false; readonly errors: readonly CelIssue[] };

const noStructs = () => undefined;

/** Parses and type-checks an expression in an environment. */
export function compileCel(source: string, environment: CelEnvironment): CelCompilation {
  const library = librarySet(environment.libraries ?? kubernetesLibraries);
  const parsed = parse(source, library);
  if ("errors" in parsed) return parsed;
  const variables = new Map([...typeConstants(library), ...Object.entries(environment.variables)]);
  const structs = environment.structs ?? noStructs;
  const checked = checkTypes(source, parsed.expr, {
    variables,
    functions: library.functions,
    structs,
    mixedLiterals: environment.mixedLiterals === true,
  });
  if (!("expr" in checked)) return { ok: false, errors: checked };
  const errors = literalIssues(source, parsed.expr);
  if (errors.length > 0) return { ok: false, errors };
  return { ok: true, program: program(checked, variables, environment) };
}

function parse(source: string, library: LibrarySet): { readonly expr: Expr } | Extract<CelCompilation, { ok: false }> {
  try {
    return { expr: parseCel(source, library.macros, library.macros.has("optionals")) };
  } catch (error) {
    if (error instanceof SyntaxFault) return { ok: false, errors: [issueAt(source, error.at, error.message)] };
    throw error;
  }
}

const namedTypes: ReadonlyMap<string, CelType> = new Map<string, CelType>([
  ["bool", bool],
  ["int", int],
  ["uint", uint],
  ["double", double],
  ["string", string],
  ["bytes", bytes],
  ["list", listOf(dyn)],
  ["map", mapOf(dyn, dyn)],
  ["null_type", nullType],
  ["type", { kind: "type" }],
  ["google.protobuf.Timestamp", timestamp],
  ["google.protobuf.Duration", duration],
  ["optional_type", { kind: "optional", element: dyn }],
]);

function typeConstants(library: LibrarySet): [string, CelType][] {
  const named = [...namedTypes, ...Array.from(library.typeNames, (name) => [name, opaque(name)] as const)];
  return named.map(([name, of]) => [name, { kind: "type", of }]);
}

function program(checked: Checked, variables: ReadonlyMap<string, CelType>, environment: CelEnvironment): CelProgram {
  const declared = (name: string) => Object.hasOwn(environment.variables, name);
  const compiled = compileSteps(checked, (name) => (declared(name) ? undefined : new CelTypeValue(name)));
  const inputs = Array.from(compiled.variables, ([name, slot]) => ({ name, slot, type: variables.get(name) ?? dyn }));
  let estimated: CelCost | undefined;
  return {
    outputType: checked.type,
    variables: inputs.map(({ name }) => name),
    get estimatedCost() {
      estimated ??= estimateCost(checked, variables);
      return estimated;
    },
    evaluate(values, { costLimit }) {
      const slots: CelOutcome[] = [];
      for (const { name, slot, type } of inputs) {
        slots[slot] = Object.hasOwn(values, name)
          ? fromJson(values[name], type)
          : new CelError(`no such attribute(s): ${name}`);
      }
      return run(compiled, { slots, meter: new Meter(costLimit) });
    },
  };
}

function run({ step }: Compiled, frame: Frame): CelResult {
  const { meter } = frame;
  try {
    const value = step(frame);
    if (!(value instanceof CelError)) return { ok: true, value, cost: meter.spent };
    return { ok: false, error: value.message, cost: meter.spent, overBudget: false };
  } catch (error) {
    if (!(error instanceof OverBudget)) throw error;
    return { ok: false, error: error.message, cost: meter.spent, overBudget: true };
  }
}

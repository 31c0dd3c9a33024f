import {
  type CallExpr,
  type Expr,
  type FoldExpr,
  type ListExpr,
  qualifiedName,
  type SelectExpr,
  type StructExpr,
} from "./ast.ts";
import type { CelObjectType, CelType } from "./cel-type.ts";
import {
  bool,
  bytes,
  double,
  dyn,
  int,
  listOf,
  mapOf,
  nullType,
  optionalOf,
  string,
  typeName,
  uint,
} from "./cel-type.ts";
import { type CelIssue, issueAt } from "./issue.ts";
import type { Overload } from "./overload.ts";
import { Unifier } from "./unify.ts";
import { CelUint, type CelValue } from "./value.ts";

/** What an expression may name. */
export interface Declarations {
  readonly variables: ReadonlyMap<string, CelType>;
  readonly functions: ReadonlyMap<string, readonly Overload[]>;
  /** The object types that can be built, by name. */
  readonly structs: (name: string) => CelObjectType | undefined;
  /** Literals of lists and maps may mix types; their elements are dyn then. */
  readonly mixedLiterals: boolean;
}

/** An expression with everything the checker found out about it. */
export interface Checked {
  readonly expr: Expr;
  readonly type: CelType;
  typeOf(expr: Expr): CelType;
  /** The overloads a call may mean: one unless types are known only at run time. */
  overloads(expr: CallExpr): readonly Overload[];
  /** The declared variable (or type) that an identifier or a dotted name means. */
  reference(expr: Expr): string | undefined;
  /** The object type that a struct expression builds. */
  struct(expr: StructExpr): CelObjectType | undefined;
}

/** Finds the type of an expression and the meaning of every name in it, or every reason why it has none. */
export function checkTypes(source: string, expr: Expr, declarations: Declarations): Checked | readonly CelIssue[] {
  const checker = new Checker(source, declarations);
  const type = checker.check(expr);
  return checker.issues.length > 0 ? checker.issues : checker.finish(expr, type);
}

class Checker {
  readonly issues: CelIssue[] = [];
  readonly #source: string;
  readonly #declarations: Declarations;
  readonly #types = new Map<Expr, CelType>();
  readonly #overloads = new Map<Expr, readonly Overload[]>();
  readonly #references = new Map<Expr, string>();
  readonly #structs = new Map<Expr, CelObjectType>();
  readonly #scopes: Map<string, CelType>[] = [];
  readonly #unifier = new Unifier();

  constructor(source: string, declarations: Declarations) {
    this.#source = source;
    this.#declarations = declarations;
  }

  finish(expr: Expr, type: CelType): Checked {
    const final = new Map<Expr, CelType>();
    for (const [node, found] of this.#types) final.set(node, this.#unifier.resolve(found, true));
    return {
      expr,
      type: this.#unifier.resolve(type, true),
      typeOf: (node) => final.get(node) ?? dyn,
      overloads: (node) => this.#overloads.get(node) ?? [],
      reference: (node) => this.#references.get(node),
      struct: (node) => this.#structs.get(node),
    };
  }

  check(expr: Expr): CelType {
    const type = this.#typeOf(expr);
    this.#types.set(expr, type);
    return type;
  }

  #fail(at: number, message: string): CelType {
    this.issues.push(issueAt(this.#source, at, message));
    return dyn;
  }

  #undeclared(at: number, name: string): CelType {
    return this.#fail(at, `undeclared reference to '${name}' (in container '')`);
  }

  #show(type: CelType): string {
    return typeName(this.#unifier.resolve(type, true));
  }

  #typeOf(expr: Expr): CelType {
    switch (expr.kind) {
      case "literal":
        return literalType(expr.value);
      case "ident":
        return this.#variable(expr, expr.name) ?? this.#undeclared(expr.at, expr.name);
      case "select":
        return this.#select(expr);
      case "call":
        return this.#call(expr);
      case "list":
        return this.#list(expr.elements);
      case "map":
        return this.#map(expr.entries);
      case "struct":
        return this.#struct(expr);
      case "fold":
        return this.#fold(expr);
    }
  }

  #local(name: string): CelType | undefined {
    return this.#scopes.findLast((scope) => scope.has(name))?.get(name);
  }

  #variable(expr: Expr, written: string): CelType | undefined {
    const name = written.replace(/^\./, "");
    const local = written === name ? this.#local(name) : undefined;
    const type = local ?? this.#declarations.variables.get(name);
    if (type) this.#references.set(expr, local ? name : `.${name}`);
    return type;
  }

  #select(expr: SelectExpr): CelType {
    const dotted = qualifiedName(expr);
    const first = dotted?.split(".").find((part) => part !== "");
    if (dotted !== undefined && (dotted.startsWith(".") || !this.#local(first ?? ""))) {
      const variable = this.#variable(expr, dotted);
      if (variable) return variable;
    }
    const type = this.#field(this.check(expr.operand), expr.field, expr.at);
    return expr.test ? bool : type;
  }

  #field(operand: CelType, name: string, at: number): CelType {
    const type = this.#unifier.resolve(operand);
    switch (type.kind) {
      case "dyn":
        return dyn;
      case "param":
        this.#unifier.assignable([type], [dyn]);
        return dyn;
      case "map":
        return type.value;
      case "optional":
        return optionalOf(this.#field(type.element, name, at));
      case "object":
        return type.field(name)?.type ?? this.#fail(at, `undefined field '${name}'`);
      default:
        return this.#fail(at, `type '${this.#show(type)}' does not support field selection`);
    }
  }

  #call(expr: CallExpr): CelType {
    if (expr.name === "_?._") return this.#optionalField(expr);
    const namespaced = expr.target && this.#namespaced(expr.target, expr.name);
    if (namespaced) {
      this.#references.set(expr, namespaced);
      return this.#resolve(expr, namespaced, undefined, expr.args);
    }
    const name = expr.name.replace(/^\./, "");
    return this.#resolve(expr, name, expr.target, expr.args);
  }

  /** `optional.of(x)` is a function with a dotted name, unless `optional` is a variable. */
  #namespaced(target: Expr, name: string): string | undefined {
    const prefix = qualifiedName(target);
    if (prefix === undefined || this.#local(prefix.split(".")[0] ?? "")) return undefined;
    const full = `${prefix.replace(/^\./, "")}.${name}`;
    return this.#declarations.functions.has(full) ? full : undefined;
  }

  #optionalField(expr: CallExpr): CelType {
    const [operand, field] = expr.args;
    const name = field?.kind === "literal" && typeof field.value === "string" ? field.value : "";
    if (field) this.check(field);
    const type = this.#field(operand ? this.check(operand) : dyn, name, expr.at);
    return type.kind === "optional" ? type : optionalOf(type);
  }

  #resolve(expr: CallExpr, name: string, target: Expr | undefined, args: readonly Expr[]): CelType {
    const all = target ? [target, ...args] : args;
    const types = all.map((arg) => (name === "format" && arg.kind === "list" ? this.#mixed(arg) : this.check(arg)));
    const declared = this.#declarations.functions.get(name);
    if (!declared) return this.#undeclared(expr.at, name);
    const fitting: Overload[] = [];
    let result: CelType | undefined;
    for (const candidate of declared) {
      if (candidate.method !== (target !== undefined) || candidate.params.length !== types.length) continue;
      const [answer, ...params] = this.#unifier.instantiate([candidate.result, ...candidate.params]);
      if (!answer || !this.#unifier.assignable(types, params)) continue;
      fitting.push(candidate);
      const answered = this.#unifier.resolve(answer);
      if (result === undefined) result = answered;
      else if (typeName(result) !== typeName(answered)) result = dyn;
    }
    if (!result) {
      const shown = types.map((type) => this.#show(type));
      const signature = target ? `${shown[0]}.(${shown.slice(1).join(", ")})` : `(${shown.join(", ")})`;
      return this.#fail(expr.at, `found no matching overload for '${name}' applied to '${signature}'`);
    }
    this.#overloads.set(expr, fitting);
    return result;
  }

  /** The one type of a literal's elements. */
  #common(values: readonly { readonly value: Expr; readonly optional: boolean }[]): CelType {
    let common: CelType | undefined;
    for (const { value, optional } of values) {
      const type = optional ? this.#unwrapped(value) : this.check(value);
      common = common ? this.#join(common, type, value.at) : type;
    }
    return common ?? this.#unifier.variable();
  }

  /** The values that a text is formatted with: of any types. */
  #mixed(expr: ListExpr): CelType {
    for (const { value } of expr.elements) this.check(value);
    this.#types.set(expr, listOf(dyn));
    return listOf(dyn);
  }

  #join(known: CelType, type: CelType, at: number): CelType {
    if (this.#unifier.resolve(known).kind === "dyn") return known;
    if (this.#unifier.assignable([type], [known])) return this.#unifier.resolve(type).kind === "dyn" ? type : known;
    if (this.#declarations.mixedLiterals) return dyn;
    return this.#fail(at, `expected type '${this.#show(known)}' but found '${this.#show(type)}'`);
  }

  #unwrapped(value: Expr): CelType {
    const type = this.#unifier.resolve(this.check(value));
    if (type.kind === "optional") return type.element;
    return type.kind === "dyn"
      ? dyn
      : this.#fail(value.at, `expected type 'optional_type(${this.#show(type)})' but found '${this.#show(type)}'`);
  }

  #list(elements: readonly { readonly value: Expr; readonly optional: boolean }[]): CelType {
    return listOf(this.#common(elements));
  }

  #map(entries: readonly { readonly key: Expr; readonly value: Expr; readonly optional: boolean }[]): CelType {
    const key = this.#common(entries.map((entry) => ({ value: entry.key, optional: false })));
    return mapOf(key, this.#common(entries));
  }

  #struct(expr: StructExpr): CelType {
    const type = this.#declarations.structs(expr.name);
    if (!type) return this.#undeclared(expr.at, expr.name);
    this.#structs.set(expr, type);
    for (const field of expr.fields) {
      const given = field.optional ? this.#unwrapped(field.value) : this.check(field.value);
      const wanted = type.field(field.name)?.type;
      if (!wanted) this.#fail(field.at, `undefined field '${field.name}'`);
      else if (!this.#unifier.assignable([given], [wanted])) {
        const message = `expected type of field '${field.name}' is '${this.#show(wanted)}' but provided type is '${this.#show(given)}'`;
        this.#fail(field.at, message);
      }
    }
    return type;
  }

  #fold(expr: FoldExpr): CelType {
    const init = this.check(expr.init);
    const range = this.check(expr.range);
    const scope = new Map([[expr.accumulator, init]]);
    this.#scopes.push(scope);
    const [first, second] = this.#loopTypes(expr, range);
    scope.set(expr.variable, first);
    if (expr.second !== undefined) scope.set(expr.second, second);
    this.#expect(expr.condition, bool);
    this.#expect(expr.step, init);
    scope.delete(expr.variable);
    if (expr.second !== undefined) scope.delete(expr.second);
    const result = this.check(expr.result);
    this.#scopes.pop();
    return result;
  }

  #expect(expr: Expr, wanted: CelType): void {
    const type = this.check(expr);
    if (this.#unifier.assignable([type], [wanted])) return;
    this.#fail(expr.at, `expected type '${this.#show(wanted)}' but found '${this.#show(type)}'`);
  }

  #loopTypes(expr: FoldExpr, given: CelType): readonly [CelType, CelType] {
    const range = this.#unifier.resolve(given);
    switch (range.kind) {
      case "list":
        return expr.second === undefined ? [range.element, dyn] : [int, range.element];
      case "map":
        return [range.key, range.value];
      case "param":
        this.#unifier.assignable([range], [dyn]);
        return [dyn, dyn];
      case "dyn":
        return [dyn, dyn];
      default: {
        const message = `expression of type '${this.#show(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`;
        return [this.#fail(expr.range.at, message), dyn];
      }
    }
  }
}

function literalType(value: CelValue): CelType {
  switch (typeof value) {
    case "boolean":
      return bool;
    case "bigint":
      return int;
    case "number":
      return double;
    case "string":
      return string;
    default:
      if (value === null) return nullType;
      return value instanceof CelUint ? uint : bytes;
  }
}

import { accepts, indexValue, noSuchOverload, selectValue } from "./access.ts";
import type { CallExpr, Expr, FoldExpr, ListExpr, MapExpr, SelectExpr, StructExpr } from "./ast.ts";
import type { CelType } from "./cel-type.ts";
import type { Checked } from "./check.ts";
import type { Meter } from "./meter.ts";
import type { Overload } from "./overload.ts";
import {
  ArrayList,
  CelError,
  CelList,
  CelMap,
  CelOptional,
  type CelOutcome,
  type CelValue,
  EntryMap,
  FieldsObject,
  GrowingList,
  mapKey,
  typeNameOf,
} from "./value.ts";

/** What one evaluation works on: variables and accumulators by slot, and its meter. */
export interface Frame {
  readonly slots: CelOutcome[];
  readonly meter: Meter;
}

/** One piece of a compiled expression. */
export type Step = (frame: Frame) => CelOutcome;

/** An expression as a function, with the slots of the variables it reads. */
export interface Compiled {
  readonly step: Step;
  readonly variables: ReadonlyMap<string, number>;
}

/** Turns a checked expression into closures; nothing is looked up by name when they run. */
export function compileSteps(checked: Checked, constants: (name: string) => CelValue | undefined): Compiled {
  const compiler = new Compiler(checked, constants);
  return { step: compiler.compile(checked.expr), variables: compiler.variables };
}

const listCost = 10;
const mapCost = 30;
const structCost = 40;

class Compiler {
  readonly variables = new Map<string, number>();
  readonly #checked: Checked;
  readonly #constants: (name: string) => CelValue | undefined;
  readonly #locals: { readonly name: string; readonly slot: number }[] = [];
  #slots = 0;

  constructor(checked: Checked, constants: (name: string) => CelValue | undefined) {
    this.#checked = checked;
    this.#constants = constants;
  }

  compile(expr: Expr): Step {
    switch (expr.kind) {
      case "literal": {
        const { value } = expr;
        return () => value;
      }
      case "ident":
        return this.#reference(expr) ?? (() => new CelError(`no such attribute(s): ${expr.name}`));
      case "select":
        return this.#reference(expr) ?? this.#select(expr);
      case "call":
        return this.#call(expr);
      case "list":
        return this.#list(expr);
      case "map":
        return this.#map(expr);
      case "struct":
        return this.#struct(expr);
      case "fold":
        return this.#fold(expr);
    }
  }

  #reference(expr: Expr): Step | undefined {
    const name = this.#checked.reference(expr);
    if (name === undefined) return undefined;
    const slot = name.startsWith(".")
      ? this.#variable(name.slice(1))
      : (this.#locals.findLast((local) => local.name === name)?.slot ?? 0);
    if (typeof slot !== "number") return () => slot.value;
    return ({ slots, meter }) => {
      meter.charge(1);
      return slots[slot] as CelOutcome;
    };
  }

  #variable(name: string): number | { readonly value: CelValue } {
    const value = this.#constants(name);
    if (value !== undefined) return { value };
    const known = this.variables.get(name) ?? this.#slots++;
    this.variables.set(name, known);
    return known;
  }

  #select(expr: SelectExpr): Step {
    const operand = this.compile(expr.operand);
    const { field, test } = expr;
    if (test) {
      return (frame) => {
        const value = operand(frame);
        if (value instanceof CelError) return value;
        const inner = value instanceof CelOptional ? value.value : value;
        if (inner === undefined) return false;
        if (!(inner instanceof CelMap)) return noSuchOverload;
        const found = inner.field(field);
        return found instanceof CelError ? found : found !== undefined;
      };
    }
    const price = ["map", "object"].includes(this.#checked.typeOf(expr.operand).kind) ? 1 : 0;
    return (frame) => {
      const value = operand(frame);
      frame.meter.charge(price);
      return selectValue(value, field);
    };
  }

  #call(expr: CallExpr): Step {
    const args = (expr.target && !this.#checked.reference(expr) ? [expr.target, ...expr.args] : expr.args).map((arg) =>
      this.compile(arg),
    );
    const [a, b, c] = args as [Step, Step, Step];
    switch (expr.name) {
      case "_&&_":
        return logical(a, b, false);
      case "_||_":
        return logical(a, b, true);
      case "_?_:_":
        return conditional(a, b, c);
      case "@not_strictly_false":
        return (frame) => {
          const value = a(frame);
          frame.meter.charge(1);
          return value !== false;
        };
      case "_[_]":
        return index(a, b, false);
      case "_[?_]":
        return index(a, b, true);
      case "_?._":
        return optionalSelect(a, b);
      case "or":
      case "orValue":
        if (this.#checked.overloads(expr).some(({ params }) => params[0]?.kind === "optional")) {
          return alternative(a, b, expr.name === "orValue");
        }
        break;
    }
    return invoke(this.#checked.overloads(expr), args);
  }

  #list(expr: ListExpr): Step {
    const elements = expr.elements.map(({ value, optional }) => ({ step: this.compile(value), optional }));
    if (
      expr.elements.length > 0 &&
      expr.elements.every(({ value, optional }) => value.kind === "literal" && !optional)
    ) {
      const constant = new ArrayList(expr.elements.map(({ value }) => (value.kind === "literal" ? value.value : null)));
      return ({ meter }) => {
        meter.charge(listCost);
        return constant;
      };
    }
    return (frame) => {
      const items: CelValue[] = [];
      for (const { step, optional } of elements) {
        const value = step(frame);
        if (value instanceof CelError) return value;
        const present = optional ? unwrapped(value) : value;
        if (present instanceof CelError) return present;
        if (present !== undefined) items.push(present);
      }
      frame.meter.charge(listCost);
      return new ArrayList(items);
    };
  }

  #map(expr: MapExpr): Step {
    const entries = expr.entries.map(({ key, value, optional }) => ({
      key: this.compile(key),
      value: this.compile(value),
      optional,
    }));
    return (frame) => {
      const map = new EntryMap([]);
      for (const entry of entries) {
        const key = entry.key(frame);
        if (key instanceof CelError) return key;
        const value = entry.value(frame);
        if (value instanceof CelError) return value;
        if (mapKey(key) === undefined) return new CelError(`unsupported key type: ${typeNameOf(key)}`);
        const present = entry.optional ? unwrapped(value) : value;
        if (present instanceof CelError) return present;
        if (present !== undefined && !map.insert(key, present)) {
          return new CelError(`Failed with repeated key: ${typeof key === "string" ? key : String(mapKey(key))}`);
        }
      }
      frame.meter.charge(mapCost);
      return map;
    };
  }

  #struct(expr: StructExpr): Step {
    const type = this.#checked.struct(expr);
    const fields = expr.fields.map(({ name, value, optional }) => ({
      name: type?.field(name)?.jsonName ?? name,
      step: this.compile(value),
      optional,
    }));
    if (!type) return () => noSuchOverload;
    return (frame) => {
      const values = new Map<string, CelValue>();
      for (const { name, step, optional } of fields) {
        const value = step(frame);
        if (value instanceof CelError) return value;
        const present = optional ? unwrapped(value) : value;
        if (present instanceof CelError) return present;
        if (present !== undefined) values.set(name, present);
      }
      frame.meter.charge(structCost);
      return new FieldsObject(
        type,
        () => [...values.keys()],
        (name) => values.get(name),
      );
    };
  }

  #fold(expr: FoldExpr): Step {
    const range = this.compile(expr.range);
    const init = this.compile(expr.init);
    const slot = this.#slots++;
    const first = this.#slots++;
    const second = this.#slots++;
    this.#locals.push({ name: expr.accumulator, slot });
    if (expr.range.kind === "list" && expr.range.elements.length === 0 && expr.accumulator !== "@result") {
      const result = this.compile(expr.result);
      this.#locals.length -= 1;
      return (frame) => {
        frame.meter.charge(listCost);
        frame.slots[slot] = init(frame);
        return result(frame);
      };
    }
    const names = this.#locals.length;
    this.#locals.push({ name: expr.variable, slot: first });
    if (expr.second !== undefined) this.#locals.push({ name: expr.second, slot: second });
    const condition = this.compile(expr.condition);
    const step = this.compile(expr.step);
    this.#locals.length = names;
    const result = this.compile(expr.result);
    this.#locals.length = names - 1;
    const grows = expr.init.kind === "list";
    const loop: Loop = { slot, first, second, two: expr.second !== undefined, condition, step };
    return (frame) => {
      const over = range(frame);
      if (over instanceof CelError) return over;
      const start = init(frame);
      frame.slots[slot] = grows ? new GrowingList() : start;
      const failure = runLoop(frame, loop, over);
      if (failure) return failure;
      const end = result(frame);
      return end instanceof GrowingList ? new ArrayList(end.items) : end;
    };
  }
}

interface Loop {
  readonly slot: number;
  readonly first: number;
  readonly second: number;
  readonly two: boolean;
  readonly condition: Step;
  readonly step: Step;
}

function runLoop(frame: Frame, loop: Loop, over: CelValue): CelError | undefined {
  const { slots, meter } = frame;
  const { slot, first, second, two, condition, step } = loop;
  if (over instanceof CelList) {
    for (let position = 0; position < over.size; position++) {
      if (condition(frame) !== true) return undefined;
      meter.visit();
      slots[first] = two ? BigInt(position) : over.at(position);
      if (two) slots[second] = over.at(position);
      slots[slot] = step(frame);
    }
    return undefined;
  }
  if (!(over instanceof CelMap)) return new CelError(`got '${typeNameOf(over)}', expected iterable type`);
  for (const key of over.keys()) {
    if (condition(frame) !== true) return undefined;
    meter.visit();
    slots[first] = key;
    if (two) slots[second] = over.get(key) ?? null;
    slots[slot] = step(frame);
  }
  return undefined;
}

/** `&&` (decided by false) or `||` (by true): one side that decides makes an error on the other not matter. */
function logical(left: Step, right: Step, decider: boolean): Step {
  return (frame) => {
    const a = left(frame);
    if (a === decider) return decider;
    const b = right(frame);
    if (b === decider) return decider;
    if (typeof a === "boolean" && typeof b === "boolean") return !decider;
    if (a instanceof CelError) return a;
    return b instanceof CelError ? b : noSuchOverload;
  };
}

function conditional(condition: Step, yes: Step, no: Step): Step {
  return (frame) => {
    const chosen = condition(frame);
    if (chosen === true) return yes(frame);
    if (chosen === false) return no(frame);
    return chosen instanceof CelError ? chosen : noSuchOverload;
  };
}

function index(operand: Step, key: Step, optional: boolean): Step {
  return (frame) => {
    const value = operand(frame);
    const at = key(frame);
    frame.meter.charge(1);
    return indexValue(value, at, optional);
  };
}

function optionalSelect(operand: Step, field: Step): Step {
  return (frame) => {
    const value = operand(frame);
    const name = field(frame);
    frame.meter.charge(1);
    if (value instanceof CelError) return value;
    const inner = value instanceof CelOptional ? value.value : value;
    if (inner === undefined) return CelOptional.none;
    if (!(inner instanceof CelMap)) return noSuchOverload;
    const found = inner.field(typeof name === "string" ? name : "");
    if (found instanceof CelError) return found;
    return found === undefined ? CelOptional.none : new CelOptional(found);
  };
}

function alternative(left: Step, right: Step, unwrap: boolean): Step {
  return (frame) => {
    const value = left(frame);
    frame.meter.charge(1);
    if (value instanceof CelError) return value;
    if (!(value instanceof CelOptional)) return noSuchOverload;
    if (value.value !== undefined) return unwrap ? value.value : value;
    return right(frame);
  };
}

function unwrapped(value: CelValue): CelValue | undefined | CelError {
  return value instanceof CelOptional
    ? value.value
    : new CelError(`cannot initialize optional entry from non-optional value ${typeNameOf(value)}`);
}

const nothing: Step = () => null;

/** Calls the overload whose parameters fit the values. Errors among the arguments are the result. */
function invoke(overloads: readonly Overload[], args: readonly Step[]): Step {
  const [a = nothing, b = nothing, c = nothing, d = nothing] = args;
  const count = args.length;
  const candidates = overloads.map((overload) => ({ ...overload, fits: guard(overload.params) }));
  return (frame) => {
    const first = a(frame);
    if (first instanceof CelError) return first;
    const second = b(frame);
    if (second instanceof CelError) return second;
    const third = c(frame);
    if (third instanceof CelError) return third;
    const fourth = d(frame);
    if (fourth instanceof CelError) return fourth;
    for (const { fits, run, cost } of candidates) {
      if (!fits(first, second, third, fourth)) continue;
      if (cost) cost.charge(frame.meter, [first, second, third, fourth].slice(0, count));
      else {
        frame.meter.charge(1);
        countText(frame.meter, first);
        countText(frame.meter, second);
      }
      return run(first, second, third, fourth, frame.meter);
    }
    frame.meter.charge(1);
    return noSuchOverload;
  };
}

/** Counts long text that a call reads for the price of one step. */
function countText(meter: Meter, value: CelValue): void {
  if (typeof value === "string" && value.length > 64) meter.visit(value.length >> 6);
}

type Guard = (a: CelValue, b: CelValue, c: CelValue, d: CelValue) => boolean;

function guard(params: readonly CelType[]): Guard {
  const [a = accepts(), b = accepts(), c = accepts(), d = accepts()] = params.map((type) => accepts(type));
  return (first, second, third, fourth) => a(first) && b(second) && c(third) && d(fourth);
}

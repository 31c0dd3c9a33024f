import { showValue } from "./format.ts";
import { shortCircuits, type TemplateFunctions } from "./functions.ts";
import type { Templates } from "./parse.ts";
import { type Block, type Command, type Control, type Node, type Operand, operandText, type Pipe } from "./syntax.ts";
import { placeOf, TemplateError } from "./template-error.ts";
import { isList, isMap, isTrue, sortedKeys, typeName, type Value, wholeOf } from "./values.ts";

export interface ExecuteOptions {
  readonly name: string;
  readonly source: string;
  readonly templates: Templates;
  readonly functions: TemplateFunctions;
  /** Whether a key that a map has not is an error; else it is `<no value>`. */
  readonly strict: boolean;
}

/** Templates may call themselves; Go stops at so many levels. */
const deepest = 10_000;

/** Carries a template out. Throws TemplateError `template: NAME:LINE:COLUMN: executing "NAME" at <…>: why`. */
export function execute(options: ExecuteOptions, data: Value): string {
  const run = new Run(options);
  run.template(options.name, data, 0);
  return run.text();
}

type Jump = "break" | "continue" | undefined;

class Run {
  readonly #options: ExecuteOptions;
  readonly #written: string[] = [];
  #variables: { readonly name: string; value: Value }[] = [];
  #name = "";
  #depth = 0;
  /** What was looked at last: errors of a chain name it. */
  #seen: Operand | undefined;

  constructor(options: ExecuteOptions) {
    this.#options = options;
  }

  text(): string {
    return this.#written.join("");
  }

  template(name: string, data: Value, at: number): void {
    const block = this.#options.templates.get(name);
    if (!block)
      throw this.#wrong(at, `{{template ${JSON.stringify(name)}}}`, `template ${JSON.stringify(name)} not defined`);
    if (this.#depth >= deepest) throw this.#wrong(at, "", `exceeded maximum template depth (${deepest})`);
    const outer = { variables: this.#variables, name: this.#name };
    this.#variables = [{ name: "$", value: data }];
    this.#name = name;
    this.#depth += 1;
    this.#block(block, data);
    this.#depth -= 1;
    this.#variables = outer.variables;
    this.#name = outer.name;
  }

  #block(block: Block, dot: Value): Jump {
    for (const node of block) {
      const jump = this.#node(node, dot);
      if (jump) return jump;
    }
    return undefined;
  }

  #node(node: Node, dot: Value): Jump {
    switch (node.kind) {
      case "text":
        this.#written.push(node.text);
        return undefined;
      case "print": {
        const value = this.#pipe(node.pipe, dot);
        if (node.pipe.variables.length === 0)
          this.#written.push(value === undefined || value === null ? "<no value>" : showValue(value));
        return undefined;
      }
      case "template":
        this.template(node.name, node.pipe ? this.#pipe(node.pipe, dot) : undefined, node.at);
        return undefined;
      case "if":
      case "with":
        return this.#scoped(() => {
          const value = this.#pipe(node.pipe, dot);
          if (!isTrue(value)) return this.#block(node.otherwise, dot);
          return this.#block(node.body, node.kind === "with" ? value : dot);
        });
      case "range":
        return this.#scoped(() => this.#range(node, dot));
      default:
        return node.kind;
    }
  }

  #range({ pipe, body, otherwise }: Control, dot: Value): Jump {
    const range = this.#pipe({ ...pipe, variables: [] }, dot);
    const entries = this.#entries(range, pipe);
    if (entries.length === 0) return this.#block(otherwise, dot);
    const known = this.#variables.length;
    for (const [key, value] of entries) {
      const [first, second] = pipe.variables;
      if (first) this.#set(first, second ? key : value, pipe.assigns);
      if (second) this.#set(second, value, pipe.assigns);
      const jump = this.#block(body, value);
      this.#variables.length = known;
      if (jump === "break") break;
    }
    return undefined;
  }

  #entries(range: Value, pipe: Pipe): readonly (readonly [Value, Value])[] {
    if (range === undefined || range === null) return [];
    if (isList(range)) return range.map((value, index) => [BigInt(index), value]);
    if (isMap(range)) return sortedKeys(range).map((key) => [key, range[key]]);
    const count = wholeOf(range);
    if (count !== undefined) {
      if (pipe.variables.length > 1)
        throw this.#wrong(
          pipe.at,
          operandText(pipe).slice(1, -1),
          `can't use ${range} to iterate over more than one variable`,
        );
      return Array.from({ length: Math.max(0, Number(count)) }, (_, index) => [BigInt(index), BigInt(index)]);
    }
    throw this.#wrong(pipe.at, operandText(pipe).slice(1, -1), `range can't iterate over ${showValue(range)}`);
  }

  #scoped<T>(work: () => T): T {
    const known = this.#variables.length;
    const result = work();
    this.#variables.length = known;
    return result;
  }

  #set(name: string, value: Value, assigns: boolean): void {
    const known = assigns ? this.#variables.findLast((variable) => variable.name === name) : undefined;
    if (known) known.value = value;
    else this.#variables.push({ name, value });
  }

  #pipe(pipe: Pipe, dot: Value): Value {
    let value: Value;
    for (const [index, command] of pipe.commands.entries()) {
      value = this.#command(command, dot, index === 0 ? [] : [value]);
    }
    for (const name of pipe.variables) this.#set(name, value, pipe.assigns);
    return value;
  }

  /** `last` is what the command before handed on: one more argument. */
  #command({ operands }: Command, dot: Value, last: readonly Value[]): Value {
    const [first, ...rest] = operands as readonly [Operand, ...Operand[]];
    if (first.kind === "function") return this.#call(first, rest, dot, last);
    if (rest.length > 0 || last.length > 0) {
      if (first.kind === "field" || first.kind === "chain" || first.kind === "variable") {
        const name = first.path.at(-1);
        if (name !== undefined)
          throw this.#wrong(first.at, operandText(first), `${name} is not a method but has arguments`);
      }
      throw this.#wrong(first.at, operandText(first), `can't give argument to non-function ${operandText(first)}`);
    }
    if (first.kind === "nil") throw this.#wrong(first.at, "nil", "nil is not a command");
    return this.#operand(first, dot);
  }

  #operand(operand: Operand, dot: Value): Value {
    if (operand.kind !== "pipe" && operand.kind !== "chain") this.#seen = operand;
    switch (operand.kind) {
      case "dot":
        return dot;
      case "nil":
        return undefined;
      case "bool":
      case "number":
      case "string":
        return operand.value;
      case "function":
        return this.#call(operand, [], dot, []);
      case "field":
        return this.#follow(dot, operand, operand.path);
      case "variable": {
        const value = this.#variables.findLast(({ name }) => name === operand.name)?.value;
        return this.#follow(value, operand, operand.path);
      }
      case "chain":
        return this.#follow(this.#operand(operand.of, dot), this.#seen ?? operand, operand.path);
      case "pipe":
        return this.#scoped(() => this.#pipe(operand, dot));
    }
  }

  #follow(from: Value, operand: Operand, path: readonly string[]): Value {
    let value = from;
    // What stands at the start has its own type; what a map gives is an interface, of which even nil knows its type.
    let held = "";
    for (const name of path) {
      if (value === undefined || value === null) {
        if (value === null && held)
          throw this.#wrong(operand.at, operandText(operand), `nil pointer evaluating ${held}.${name}`);
        if (this.#options.strict)
          throw this.#wrong(operand.at, operandText(operand), `nil data; no entry for key ${JSON.stringify(name)}`);
        return undefined;
      }
      if (!isMap(value))
        throw this.#wrong(
          operand.at,
          operandText(operand),
          `can't evaluate field ${name} in type ${held || typeName(value)}`,
        );
      if (this.#options.strict && !Object.hasOwn(value, name))
        throw this.#wrong(operand.at, operandText(operand), `map has no entry for key ${JSON.stringify(name)}`);
      value = Object.hasOwn(value, name) ? value[name] : undefined;
      held = "interface {}";
    }
    return value;
  }

  #call(
    operand: Operand & { readonly kind: "function" },
    args: readonly Operand[],
    dot: Value,
    last: readonly Value[],
  ): Value {
    const { name, at } = operand;
    const given = args.length + last.length;
    const decisive = shortCircuits.get(name);
    if (decisive !== undefined) {
      if (given === 0) throw this.#wrong(at, name, `wrong number of args for ${name}: want at least 1 got 0`);
      return this.#short(decisive, args, dot, last);
    }
    const found = this.#options.functions[name];
    if (!found) throw this.#wrong(at, name, `${JSON.stringify(name)} is not a defined function`);
    if (given < found.least || given > (found.most ?? given)) {
      const wanted = found.most === undefined ? `at least ${found.least}` : `${found.most}`;
      throw this.#wrong(at, name, `wrong number of args for ${name}: want ${wanted} got ${given}`);
    }
    const values = [...args.map((arg) => this.#operand(arg, dot)), ...last];
    try {
      return found.call(values);
    } catch (error) {
      if (error instanceof TemplateError) throw error;
      const shown = [operand, ...args].map(operandText).join(" ");
      throw this.#wrong(at, shown, `error calling ${name}: ${(error as Error).message}`);
    }
  }

  /** The first argument that decides; those behind it are not looked at. */
  #short(wanted: boolean, args: readonly Operand[], dot: Value, last: readonly Value[]): Value {
    let value: Value;
    for (const arg of args) {
      value = this.#operand(arg, dot);
      if (isTrue(value) === wanted) return value;
    }
    return last.length > 0 ? last[0] : value;
  }

  #wrong(at: number, shown: string, message: string): TemplateError {
    const { name, source } = this.#options;
    const executing = `executing ${JSON.stringify(this.#name || name)} at <${shown}>`;
    return new TemplateError(`template: ${placeOf(name, source, at)}: ${executing}: ${message}`);
  }
}

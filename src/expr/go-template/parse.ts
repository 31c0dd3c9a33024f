import { type LexError, lex, type Token, type TokenKind } from "./lexer.ts";
import { numberOf, unquote } from "./literals.ts";
import { type Block, type Command, type Node, type Operand, operandText, type Pipe } from "./syntax.ts";
import { lineOf, TemplateError } from "./template-error.ts";
import { FloatLiteral } from "./values.ts";

/** The templates of a source by name: its own under `name`, and those that it defines. */
export type Templates = ReadonlyMap<string, Block>;

export interface ParseOptions {
  readonly name: string;
  readonly functions: ReadonlySet<string>;
}

/** Reads a template. Throws TemplateError `template: NAME:LINE: why`. */
export function parse(source: string, options: ParseOptions): Templates {
  return new Parser(source, options).run();
}

type Ending = "end" | "else" | "eof";

class Parser {
  readonly #source: string;
  readonly #options: ParseOptions;
  readonly #tokens: readonly Token[];
  readonly #fault: LexError | undefined;
  readonly #templates = new Map<string, Block>();
  #next = 0;
  #variables: string[] = ["$"];
  #rangeDepth = 0;

  constructor(source: string, options: ParseOptions) {
    this.#source = source;
    this.#options = options;
    const tokens = lex(source);
    this.#fault = "message" in tokens ? tokens : undefined;
    this.#tokens = "message" in tokens ? [] : tokens;
  }

  run(): Templates {
    if (this.#fault) throw this.#wrong(this.#fault.message, this.#fault.at);
    const { block, ending, at } = this.#block(true);
    if (ending !== "eof") throw this.#wrong(`unexpected {{${ending}}}`, at);
    this.#templates.set(this.#options.name, block);
    return this.#templates;
  }

  #block(top = false): { block: Block; ending: Ending; at: number; elseIf?: Node } {
    const block: Node[] = [];
    for (;;) {
      const token = this.#take();
      if (token.kind === "end") return { block, ending: "eof", at: token.at };
      if (token.kind === "text") {
        block.push({ kind: "text", text: token.text });
        continue;
      }
      const word = this.#peekWord();
      switch (word?.kind === "identifier" ? word.text : "") {
        case "end":
          this.#takeWord();
          this.#expect("close", "end");
          return { block, ending: "end", at: token.at };
        case "else": {
          this.#takeWord();
          const chained = this.#peekWord();
          if (chained?.kind === "identifier" && (chained.text === "if" || chained.text === "with")) {
            this.#takeWord();
            return { block, ending: "else", at: token.at, elseIf: this.#control(chained.text) };
          }
          this.#expect("close", "else");
          return { block, ending: "else", at: token.at };
        }
        case "if":
        case "with":
        case "range":
          this.#takeWord();
          block.push(this.#control(word!.text as "if"));
          break;
        case "define":
          this.#takeWord();
          if (!top) throw this.#wrong("unexpected {{define}}", word!.at);
          this.#define(this.#string("define clause"));
          break;
        case "block": {
          this.#takeWord();
          const at = this.#peekWord()!.at;
          const name = this.#string("block clause");
          const pipe = this.#pipe("block clause", "close");
          this.#define(name, false);
          block.push({ kind: "template", at, name, pipe });
          break;
        }
        case "template": {
          this.#takeWord();
          const at = this.#peekWord()!.at;
          const name = this.#string("template clause");
          const bare = this.#peekWord()?.kind === "close";
          if (bare) this.#takeWord();
          block.push({ kind: "template", at, name, pipe: bare ? undefined : this.#pipe("template clause", "close") });
          break;
        }
        case "break":
        case "continue":
          this.#takeWord();
          if (this.#rangeDepth === 0) throw this.#wrong(`{{${word!.text}}} outside {{range}}`, word!.at);
          this.#expect("close", `{{${word!.text}}}`);
          block.push({ kind: word!.text as "break" });
          break;
        default:
          block.push({ kind: "print", pipe: this.#pipe("command", "close") });
      }
    }
  }

  #control(kind: "if" | "with" | "range"): Node {
    const known = this.#variables.length;
    const pipe = this.#pipe(kind, "close");
    if (kind === "range") this.#rangeDepth += 1;
    const first = this.#block();
    if (kind === "range") this.#rangeDepth -= 1;
    if (first.ending === "eof") throw this.#wrong("unexpected EOF", first.at);
    let otherwise: Block = [];
    if (first.elseIf) {
      otherwise = [first.elseIf];
    } else if (first.ending === "else") {
      const second = this.#block();
      if (second.ending === "eof") throw this.#wrong("unexpected EOF", second.at);
      if (second.ending === "else") throw this.#wrong("expected end; found {{else}}", second.at);
      otherwise = second.block;
    }
    this.#variables.length = known;
    return { kind, pipe, body: first.block, otherwise };
  }

  #define(name: string, closes = true): void {
    if (closes) this.#expect("close", "define clause");
    const outer = { variables: this.#variables, depth: this.#rangeDepth };
    this.#variables = ["$"];
    this.#rangeDepth = 0;
    const { block, ending, at } = this.#block();
    if (ending !== "end")
      throw this.#wrong(ending === "eof" ? "unexpected EOF" : "unexpected {{else}} in define clause", at);
    this.#variables = outer.variables;
    this.#rangeDepth = outer.depth;
    this.#templates.set(name, block);
  }

  /** A pipeline up to and with its closing word. */
  #pipe(context: string, until: "close" | ")"): Pipe {
    const at = this.#peekWord()!.at;
    const { variables, assigns } = this.#declaration(context);
    const commands: Command[] = [];
    for (;;) {
      const command = this.#command(context);
      const closing = this.#takeWord();
      if (command) commands.push(command);
      else if (commands.length > 0 && closing.kind !== "pipe")
        throw this.#wrong("missing value for command", closing.at);
      else
        throw this.#wrong(
          closing.kind === "pipe" ? `unexpected "|" in operand` : `missing value for ${context}`,
          closing.at,
        );
      if (closing.kind === until) break;
      if (closing.kind !== "pipe") throw this.#unexpected(closing, context);
    }
    for (const { operands } of commands.slice(1)) {
      const first = operands[0]!;
      if (["bool", "dot", "nil", "number", "string"].includes(first.kind))
        throw this.#wrong(
          `non executable command in pipeline stage ${commands.findIndex((one) => one.operands === operands) + 1}`,
          first.at,
        );
    }
    return { kind: "pipe", at, variables, assigns, commands };
  }

  #declaration(context: string): { variables: readonly string[]; assigns: boolean } {
    const from = this.#next;
    const names: string[] = [];
    while (this.#peekWord()?.kind === "variable") {
      names.push(this.#takeWord().text);
      const then = this.#peekWord();
      if (then?.kind === "comma") {
        if (context !== "range" || names.length === 2)
          throw this.#wrong(`too many declarations in ${context}`, then.at);
        this.#takeWord();
        continue;
      }
      if (then?.kind === "declare" || then?.kind === "assign") {
        this.#takeWord();
        const assigns = then.kind === "assign";
        if (assigns) for (const name of names) this.#known(name, then.at);
        else this.#variables.push(...names);
        return { variables: names, assigns };
      }
      break;
    }
    this.#next = from;
    return { variables: [], assigns: false };
  }

  #command(context: string): Command | undefined {
    const operands: Operand[] = [];
    this.#peekWord();
    const at = this.#tokens[this.#next]!.at;
    for (;;) {
      const operand = this.#operand();
      if (operand) operands.push(operand);
      const token = this.#tokens[this.#next]!;
      if (token.kind === "space" && operand) {
        this.#peekWord();
        continue;
      }
      if (token.kind === "close" || token.kind === ")" || token.kind === "pipe") break;
      if (operand) throw this.#unexpected(token, "operand");
      throw this.#unexpected(token, context);
    }
    return operands.length > 0 ? { at, operands } : undefined;
  }

  #operand(): Operand | undefined {
    const term = this.#term();
    if (!term || this.#tokens[this.#next]!.kind !== "field") return term;
    const at = this.#tokens[this.#next]!.at;
    const path: string[] = [];
    while (this.#tokens[this.#next]!.kind === "field") path.push(this.#take().text.slice(1));
    switch (term.kind) {
      case "field":
        return { kind: "field", at, path: [...term.path, ...path] };
      case "variable":
        return { kind: "variable", at, name: term.name, path: [...term.path, ...path] };
      case "bool":
      case "dot":
      case "nil":
      case "number":
      case "string":
        throw this.#wrong(`unexpected . after term ${JSON.stringify(operandText(term))}`, at);
      default:
        return { kind: "chain", at, of: term, path };
    }
  }

  #term(): Operand | undefined {
    const token = this.#tokens[this.#next]!;
    const { at, text } = token;
    switch (token.kind) {
      case "identifier":
        this.#next += 1;
        if (text === "true" || text === "false") return { kind: "bool", at, value: text === "true" };
        if (text === "nil") return { kind: "nil", at };
        if (!this.#options.functions.has(text)) throw this.#wrong(`function ${JSON.stringify(text)} not defined`, at);
        return { kind: "function", at, name: text };
      case "dot":
        this.#next += 1;
        return { kind: "dot", at };
      case "variable":
        this.#next += 1;
        this.#known(text, at);
        return { kind: "variable", at, name: text, path: [] };
      case "field":
        this.#next += 1;
        return { kind: "field", at, path: [text.slice(1)] };
      case "number": {
        this.#next += 1;
        const value = numberOf(text);
        if (value === undefined) throw this.#wrong(`illegal number syntax: ${JSON.stringify(text)}`, at);
        return { kind: "number", at, value: typeof value === "number" ? new FloatLiteral(value) : value, text };
      }
      case "character": {
        this.#next += 1;
        const value = unquote(text);
        if (value === undefined || [...value].length !== 1)
          throw this.#wrong(`malformed character constant: ${text}`, at);
        return { kind: "number", at, value: BigInt(value.codePointAt(0)!), text };
      }
      case "string": {
        this.#next += 1;
        const value = unquote(text);
        if (value === undefined) throw this.#wrong("invalid syntax", at);
        return { kind: "string", at, value, text };
      }
      case "(":
        this.#next += 1;
        return this.#pipe("parenthesized pipeline", ")");
      default:
        return undefined;
    }
  }

  #string(context: string): string {
    const token = this.#takeWord();
    const value = token.kind === "string" ? unquote(token.text) : undefined;
    if (value === undefined) throw this.#unexpected(token, context);
    return value;
  }

  #known(name: string, at: number): void {
    if (!this.#variables.includes(name)) throw this.#wrong(`undefined variable ${JSON.stringify(name)}`, at);
  }

  #expect(kind: TokenKind, context: string): void {
    const token = this.#takeWord();
    if (token.kind !== kind) throw this.#unexpected(token, context);
  }

  #take(): Token {
    return this.#tokens[this.#next++] ?? this.#tokens.at(-1)!;
  }

  #takeWord(): Token {
    this.#peekWord();
    return this.#take();
  }

  /** The next word that is no space; the spaces before it are taken. */
  #peekWord(): Token | undefined {
    while (this.#tokens[this.#next]?.kind === "space") this.#next += 1;
    return this.#tokens[this.#next];
  }

  #unexpected(token: Token, context: string): TemplateError {
    const named =
      token.kind === "end" ? "EOF" : token.kind === "identifier" ? `<${token.text}>` : JSON.stringify(token.text);
    return this.#wrong(`unexpected ${named} in ${context}`, token.at);
  }

  #wrong(message: string, at: number): TemplateError {
    return new TemplateError(`template: ${this.#options.name}:${lineOf(this.#source, at)}: ${message}`);
  }
}

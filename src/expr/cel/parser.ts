import type { Expr } from "./ast.ts";
import { call, ident, literal, method } from "./ast.ts";
import { SyntaxFault } from "./issue.ts";
import { numberValue, type Token, tokens } from "./lexer.ts";
import { expandMacro, type MacroName } from "./macros.ts";
import { CelUint } from "./value.ts";

/** The longest source in characters. */
const maxSourceLength = 100_000;
/** How deep expressions nest, in the source and in chains of operators and fields. */
const maxNesting = 250;
const maxChain = 1000;

const reserved = new Set(
  "as break const continue else for function if import let loop package namespace return var void while".split(" "),
);

const operandWords =
  "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

const relations = new Set(["<", "<=", ">", ">=", "==", "!=", "in"]);
const sums = new Set(["+", "-"]);
const products = new Set(["*", "/", "%"]);
const operatorNames: Readonly<Record<string, string>> = { in: "@in" };

/** Reads a source into its expression, macros expanded; throws SyntaxFault. */
export function parseCel(source: string, macros: ReadonlySet<MacroName>, optionals: boolean): Expr {
  const size = source.length;
  if (size > maxSourceLength) {
    throw new SyntaxFault(`expression code point size exceeds limit: size: ${size}, limit ${maxSourceLength}`, 0);
  }
  return new Parser(tokens(source), macros, optionals).whole();
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #macros: ReadonlySet<MacroName>;
  readonly #optionals: boolean;
  #next = 0;
  #depth = 0;

  constructor(words: readonly Token[], macros: ReadonlySet<MacroName>, optionals: boolean) {
    this.#tokens = words;
    this.#macros = macros;
    this.#optionals = optionals;
  }

  whole(): Expr {
    const expr = this.#expression();
    const rest = this.#peek();
    if (rest.kind !== "end") throw unexpected(rest, "<EOF>");
    return expr;
  }

  #peek(): Token {
    return this.#tokens[this.#next] as Token;
  }

  #take(): Token {
    const token = this.#peek();
    if (token.kind !== "end") this.#next++;
    return token;
  }

  #at(text: string): boolean {
    const token = this.#peek();
    return token.kind === "sign" && token.text === text;
  }

  #accept(text: string): Token | undefined {
    return this.#at(text) ? this.#take() : undefined;
  }

  #expect(text: string): Token {
    const token = this.#accept(text);
    if (!token) throw unexpected(this.#peek(), `'${text}'`);
    return token;
  }

  #expression(): Expr {
    if (++this.#depth > maxNesting) {
      throw new SyntaxFault(`expression recursion limit exceeded: ${maxNesting}`, this.#peek().at);
    }
    const condition = this.#logical("||", () => this.#logical("&&", () => this.#relation()));
    const question = this.#accept("?");
    if (!question) {
      this.#depth--;
      return condition;
    }
    const yes = this.#logical("||", () => this.#logical("&&", () => this.#relation()));
    this.#expect(":");
    const no = this.#expression();
    this.#depth--;
    return call(question.at, "_?_:_", [condition, yes, no]);
  }

  /** A chain of one logical operator, as a balanced tree: policies have long ones. */
  #logical(sign: "||" | "&&", operand: () => Expr): Expr {
    const operands = [operand()];
    const signs: number[] = [];
    for (let token = this.#accept(sign); token; token = this.#accept(sign)) {
      signs.push(token.at);
      operands.push(operand());
    }
    const balanced = (from: number, to: number): Expr => {
      if (from === to) return operands[from] as Expr;
      const middle = Math.floor((from + to) / 2);
      return call(signs[middle] ?? 0, `_${sign}_`, [balanced(from, middle), balanced(middle + 1, to)]);
    };
    return balanced(0, operands.length - 1);
  }

  #chain(signs: ReadonlySet<string>, operand: () => Expr): Expr {
    let left = operand();
    let length = 0;
    for (;;) {
      const token = this.#peek();
      if (token.kind !== "sign" || !signs.has(token.text)) return left;
      this.#take();
      if (++length > maxChain) throw new SyntaxFault(`expression recursion limit exceeded: ${maxChain}`, token.at);
      left = call(token.at, operatorNames[token.text] ?? `_${token.text}_`, [left, operand()]);
    }
  }

  #relation(): Expr {
    return this.#chain(relations, () => this.#chain(sums, () => this.#chain(products, () => this.#unary())));
  }

  #unary(): Expr {
    for (const [sign, name] of [
      ["!", "!_"],
      ["-", "-_"],
    ] as const) {
      if (!this.#at(sign)) continue;
      const first = this.#take();
      if (sign === "-" && this.#peek().kind === "number") {
        const token = this.#take();
        const value = numberValue(token, true);
        const operand = this.#suffixes(literal(first.at, value));
        return value instanceof CelUint ? call(first.at, name, [operand]) : operand;
      }
      let count = 1;
      while (this.#accept(sign)) count++;
      const operand = this.#member();
      return count % 2 === 0 ? operand : call(first.at, name, [operand]);
    }
    return this.#member();
  }

  #member(): Expr {
    return this.#suffixes(this.#primary());
  }

  #suffixes(start: Expr): Expr {
    let expr = start;
    for (let length = 0; ; length++) {
      const token = this.#peek();
      if (length > maxChain) throw new SyntaxFault(`expression recursion limit exceeded: ${maxChain}`, token.at);
      if (this.#accept(".")) expr = this.#field(expr, token);
      else if (this.#accept("[")) expr = this.#index(expr, token);
      else return expr;
    }
  }

  #field(operand: Expr, dot: Token): Expr {
    const optional = this.#optional();
    const name = this.#take();
    if (name.kind !== "name") throw unexpected(name, "IDENTIFIER");
    if (optional) return call(dot.at, "_?._", [operand, literal(name.at, name.text)]);
    const open = this.#accept("(");
    if (!open) return { kind: "select", at: dot.at, operand, field: name.text, test: false };
    const args = this.#arguments();
    return expandMacro(this.#macros, open.at, name.text, operand, args) ?? method(open.at, operand, name.text, args);
  }

  #index(operand: Expr, bracket: Token): Expr {
    const optional = this.#optional();
    const key = this.#expression();
    this.#expect("]");
    return call(bracket.at, optional ? "_[?_]" : "_[_]", [operand, key]);
  }

  #optional(): boolean {
    const token = this.#accept("?");
    if (token && !this.#optionals) throw new SyntaxFault("unsupported syntax '?'", token.at);
    return token !== undefined;
  }

  #arguments(): Expr[] {
    const args: Expr[] = [];
    if (this.#accept(")")) return args;
    do args.push(this.#expression());
    while (this.#accept(","));
    this.#expect(")");
    return args;
  }

  #primary(): Expr {
    const token = this.#take();
    if (token.kind === "literal") return literal(token.at, token.value ?? null);
    if (token.kind === "number") return literal(token.at, numberValue(token, false));
    if (token.kind === "name") return this.#named(token, token.text);
    switch (token.text) {
      case "(": {
        const inner = this.#expression();
        this.#expect(")");
        return inner;
      }
      case "[":
        return this.#list(token);
      case "{":
        return this.#map(token);
      case ".": {
        const name = this.#take();
        if (name.kind !== "name") throw unexpected(name, "IDENTIFIER");
        return this.#named(name, `.${name.text}`);
      }
      default:
        throw unexpected(token, operandWords);
    }
  }

  #named(token: Token, name: string): Expr {
    if (reserved.has(token.text)) throw new SyntaxFault(`reserved identifier: ${token.text}`, token.at);
    const open = this.#accept("(");
    if (open) {
      const args = this.#arguments();
      return expandMacro(this.#macros, open.at, name, undefined, args) ?? call(open.at, name, args);
    }
    return this.#struct(name) ?? ident(token.at, name);
  }

  /** `Name.of.Type{...}`, if that is what follows; otherwise nothing is consumed. */
  #struct(first: string): Expr | undefined {
    const start = this.#next;
    let name = first;
    while (this.#accept(".")) {
      const part = this.#take();
      if (part.kind !== "name") break;
      name += `.${part.text}`;
    }
    const open = this.#accept("{");
    if (!open) {
      this.#next = start;
      return undefined;
    }
    const fields: { at: number; name: string; value: Expr; optional: boolean }[] = [];
    while (!this.#at("}")) {
      const optional = this.#optional();
      const field = this.#take();
      if (field.kind !== "name") throw unexpected(field, "IDENTIFIER");
      const colon = this.#expect(":");
      fields.push({ at: colon.at, name: field.text, value: this.#expression(), optional });
      if (!this.#accept(",")) break;
    }
    this.#expect("}");
    return { kind: "struct", at: open.at, name: name.replace(/^\./, ""), fields };
  }

  #list(open: Token): Expr {
    const elements: { value: Expr; optional: boolean }[] = [];
    while (!this.#at("]")) {
      const optional = this.#optional();
      elements.push({ value: this.#expression(), optional });
      if (!this.#accept(",")) break;
    }
    this.#expect("]");
    return { kind: "list", at: open.at, elements };
  }

  #map(open: Token): Expr {
    const entries: { key: Expr; value: Expr; optional: boolean }[] = [];
    while (!this.#at("}")) {
      const optional = this.#optional();
      const key = this.#expression();
      this.#expect(":");
      entries.push({ key, value: this.#expression(), optional });
      if (!this.#accept(",")) break;
    }
    this.#expect("}");
    return { kind: "map", at: open.at, entries };
  }
}

function unexpected(token: Token, expected: string): SyntaxFault {
  const kind = expected === "<EOF>" ? "extraneous" : "mismatched";
  return new SyntaxFault(`Syntax error: ${kind} input '${token.text}' expecting ${expected}`, token.at);
}

import { SyntaxFault } from "./issue.ts";
import { unescapeBytes, unescapeText } from "./literals.ts";
import { CelUint, type CelValue } from "./value.ts";

/** A word of the source. `text` is as written; a literal carries its value. */
export interface Token {
  readonly kind: "name" | "literal" | "number" | "sign" | "end";
  readonly text: string;
  readonly at: number;
  readonly value?: CelValue;
}

const space = /(?:\s|\/\/[^\n]*)+/y;
const word = /[A-Za-z_][A-Za-z0-9_]*/y;
const number = /0[xX][0-9a-fA-F]+[uU]?|[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|[0-9]+[uU]?/y;
const text =
  /([rR]?[bB]?|[bB][rR])("""(?:[^\\]|\\[\s\S])*?"""|'''(?:[^\\]|\\[\s\S])*?'''|"(?:[^"\\\n\r]|\\.)*"|'(?:[^'\\\n\r]|\\.)*')/y;
const rawText = /([rR][bB]?|[bB][rR])("""[\s\S]*?"""|'''[\s\S]*?'''|"[^"\n\r]*"|'[^'\n\r]*')/y;
const sign = /\|\||&&|==|!=|<=|>=|[-+*/%!<>?:.,(){}[\]]/y;

const maxInt = 2n ** 63n - 1n;
const maxUint = 2n ** 64n - 1n;

/** Splits a source into words; throws SyntaxFault at what is none. */
export function tokens(source: string): readonly Token[] {
  const found: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(source) ?? undefined;
  };
  while (at < source.length) {
    const skipped = take(space);
    if (skipped) {
      at += skipped[0].length;
      continue;
    }
    const token = stringToken(take(rawText) ?? take(text), at) ?? otherToken(take, at);
    if (!token) {
      const symbol = String.fromCodePoint(source.codePointAt(at) ?? 0);
      throw new SyntaxFault(`Syntax error: token recognition error at: '${symbol}'`, at);
    }
    found.push(token);
    at += token.text.length;
  }
  found.push({ kind: "end", text: "<EOF>", at });
  return found;
}

function otherToken(take: (pattern: RegExp) => RegExpExecArray | undefined, at: number): Token | undefined {
  const numeral = take(number);
  if (numeral) return { kind: "number", text: numeral[0], at };
  const name = take(word);
  if (name) return wordToken(name[0], at);
  const mark = take(sign);
  return mark && { kind: "sign", text: mark[0], at };
}

function wordToken(name: string, at: number): Token {
  switch (name) {
    case "true":
    case "false":
      return { kind: "literal", text: name, at, value: name === "true" };
    case "null":
      return { kind: "literal", text: name, at, value: null };
    case "in":
      return { kind: "sign", text: name, at };
    default:
      return { kind: "name", text: name, at };
  }
}

function stringToken(match: RegExpExecArray | undefined, at: number): Token | undefined {
  if (!match?.[2]) return undefined;
  const prefix = (match[1] ?? "").toLowerCase();
  const quoted = match[2];
  const quotes = quoted.startsWith('"""') || quoted.startsWith("'''") ? 3 : 1;
  const body = quoted.slice(quotes, -quotes);
  const raw = prefix.includes("r");
  const value = prefix.includes("b") ? unescapeBytes(body, raw, at) : unescapeText(body, raw, at);
  return { kind: "literal", text: match[0], at, value };
}

/** The value of a number as written, negated if asked (the least int has no positive twin). */
export function numberValue(token: Token, negative: boolean): CelValue {
  const { text: written, at } = token;
  const hexadecimal = /^0[xX]/.test(written);
  if (/[uU]$/.test(written)) {
    const value = BigInt(written.slice(0, -1));
    if (value > maxUint) throw new SyntaxFault("Syntax error: invalid uint literal", at);
    return new CelUint(value);
  }
  if (!hexadecimal && /[.eE]/.test(written)) {
    const value = Number(written);
    if (!Number.isFinite(value)) throw new SyntaxFault("Syntax error: invalid double literal", at);
    return negative ? -value : value;
  }
  const value = negative ? -BigInt(written) : BigInt(written);
  if (value > maxInt || value < -maxInt - 1n) throw new SyntaxFault("Syntax error: invalid int literal", at);
  return value;
}

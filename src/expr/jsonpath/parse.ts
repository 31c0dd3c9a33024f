import { Fault } from "../../lib/fault.ts";
import { goUnescapes } from "../../lib/go-text.ts";
import type { Path, PathNode, Segment, Slice } from "./syntax.ts";

const ends = new Set(["", "\r", "\n", "\t", " ", ".", ",", "[", "]", "$", "@", "{", "}"]);
/** Reads a template: text, and paths in braces. Throws Fault `invalid` in kubectl's words. */
export function parseTemplate(text: string): readonly Segment[] {
  const segments: Segment[] = [];
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf("{", at);
    const plain = text.slice(at, open < 0 ? undefined : open);
    if (plain !== "") segments.push({ kind: "text", text: plain });
    if (open < 0) break;
    const reader = new PathReader(text, open + 1);
    segments.push({ kind: "path", path: reader.path() });
    at = reader.at;
  }
  return segments;
}

/** Reads one path out of braces, up to and with the closing one. */
class PathReader {
  readonly #text: string;
  readonly #nodes: PathNode[] = [];
  at: number;

  constructor(text: string, at: number) {
    this.#text = text;
    this.at = at;
  }

  path(): Path {
    for (;;) {
      if (this.#skip("}")) return this.#nodes;
      if (this.#skip("[?(")) this.#filter();
      else if (this.#skip("..")) this.#recursive();
      else this.#step();
    }
  }

  #skip(prefix: string): boolean {
    if (!this.#text.startsWith(prefix, this.at)) return false;
    this.at += prefix.length;
    return true;
  }

  #peek(): string {
    const code = this.#text.codePointAt(this.at);
    return code === undefined ? "" : String.fromCodePoint(code);
  }

  #next(): string {
    const character = this.#peek();
    this.at += character.length;
    return character;
  }

  #step(): void {
    const start = this.at;
    const character = this.#next();
    if (character === "" || character === "\r" || character === "\n") throw wrong("unclosed action");
    if (character === " " || character === "@" || character === "$") return;
    if (character === "[") this.#brackets();
    else if (character === '"' || character === "'") this.#quoted(character);
    else if (character === ".") this.#field();
    else if (character === "+" || character === "-" || isDigit(character)) this.#number(start);
    else if (isWord(character)) this.#identifier(start);
    else throw wrong(`unrecognized character in action: ${unicodeText(character)}`);
  }

  #recursive(): void {
    if (this.#nodes.at(-1)?.kind === "recursive") throw wrong("invalid multiple recursive descent");
    this.#nodes.push({ kind: "recursive" });
    if (isWord(this.#peek())) this.#field();
  }

  #field(): void {
    const start = this.at;
    while (!ends.has(this.#peek())) if (this.#next() === "\\") this.#next();
    const name = this.#text.slice(start, this.at);
    this.#nodes.push(name === "*" ? { kind: "wildcard" } : { kind: "field", name: name.replaceAll("\\", "") });
  }

  #identifier(start: number): void {
    while (!ends.has(this.#peek())) this.#next();
    const name = this.#text.slice(start, this.at);
    const isBoolean = name === "true" || name === "false";
    this.#nodes.push(isBoolean ? { kind: "boolean", value: name === "true" } : { kind: "identifier", name });
  }

  #number(start: number): void {
    while (isDigit(this.#peek()) || this.#peek() === ".") this.#next();
    const text = this.#text.slice(start, this.at);
    if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(text)) throw wrong(`cannot parse number ${text}`);
    this.#nodes.push({ kind: "number", value: Number(text) });
  }

  #quoted(end: string): void {
    let text = "";
    for (;;) {
      const character = this.#next();
      if (character === "" || character === "\n") throw wrong("unterminated quoted string");
      if (character === end) break;
      text += character === "\\" ? this.#escaped() : character;
    }
    this.#nodes.push({ kind: "text", text });
  }

  #escaped(): string {
    const letter = this.#next();
    const digits = letter === "x" ? 2 : letter === "u" ? 4 : letter === "U" ? 8 : 0;
    if (digits > 0) {
      const code = this.#text.slice(this.at, this.at + digits);
      this.at += digits;
      if (!/^[0-9a-fA-F]+$/.test(code) || code.length !== digits) throw wrong("invalid syntax");
      return String.fromCodePoint(Number.parseInt(code, 16));
    }
    const known = goUnescapes[letter];
    if (known === undefined) throw wrong("invalid syntax");
    return known;
  }

  #brackets(): void {
    const start = this.at;
    for (let character = this.#next(); character !== "]"; character = this.#next()) {
      if (character === "" || character === "\n") throw wrong("unterminated array");
    }
    const inside = this.#text.slice(start, this.at - 1);
    const parts = inside.split(",");
    if (parts.length > 1) {
      const paths = parts.map((part) => pathOf(`[${part.replace(/^ +| +$/g, "")}]`));
      this.#nodes.push({ kind: "union", paths });
      return;
    }
    const key = /^'([^']*)'$/.exec(inside)?.[1];
    if (key !== undefined) this.#nodes.push(...pathOf(`.${key}`));
    else this.#nodes.push({ kind: "slice", slice: sliceOf(inside === "*" ? ":" : inside) });
  }

  /** A condition on each element; brackets within a quoted text do not end it. */
  #filter(): void {
    const start = this.at;
    let quote = "";
    let closed = true;
    for (;;) {
      const character = this.#next();
      if (character === "" || character === "\n") throw wrong("unterminated filter");
      if (character === '"' || character === "'") {
        if (quote === "") {
          quote = character;
          closed = false;
        } else if (character === quote && this.#text[this.at - 2] !== "\\") closed = true;
      } else if (character === ")" && closed) break;
    }
    const text = this.#text.slice(start, this.at - 1);
    if (this.#next() !== "]") throw wrong("unclosed array expect ]");
    const [, left, operator, right] = /^([^!<>=]+)([!<>=]+)(.+?)$/.exec(text) ?? [];
    this.#nodes.push(
      left !== undefined && operator !== undefined && right !== undefined
        ? { kind: "filter", left: pathOf(left), right: pathOf(right), operator }
        : { kind: "filter", left: pathOf(text), right: [], operator: "exists" },
    );
  }
}

function pathOf(text: string): Path {
  const [first] = parseTemplate(`{${text}}`);
  return first?.kind === "path" ? first.path : [];
}

function sliceOf(text: string): Slice {
  const parts = /^(-?\d*)(:-?\d*)?(:-?\d*)?$/.exec(text);
  if (!parts) throw wrong(`invalid array index ${text}`);
  const [, first = "", second, third] = parts;
  const from = numberOf(first);
  const to = second === undefined ? undefined : numberOf(second.slice(1));
  const step = third === undefined ? undefined : numberOf(third.slice(1));
  return {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(step === undefined ? {} : { step }),
    single: second === undefined,
  };
}

function numberOf(text: string): number | undefined {
  if (text === "") return undefined;
  if (!/^-?\d+$/.test(text)) throw wrong(`array index ${text} is not a number`);
  return Number(text);
}

const isDigit = (character: string) => character >= "0" && character <= "9" && character.length === 1;
const isWord = (character: string) => /^[\p{L}\p{Nd}_]$/u.test(character);

function unicodeText(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")} '${character}'`;
}

function wrong(message: string): Fault {
  return new Fault("invalid", message);
}

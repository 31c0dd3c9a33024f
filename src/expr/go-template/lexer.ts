/** What a template is made of: text, and within `{{ }}` the words of an action. */
export type TokenKind =
  | "text"
  | "open"
  | "close"
  | "field"
  | "variable"
  | "identifier"
  | "number"
  | "string"
  | "character"
  | "space"
  | "dot"
  | "pipe"
  | "comma"
  | "declare"
  | "assign"
  | "("
  | ")"
  | "end";

export interface Token {
  readonly kind: TokenKind;
  /** As it stands in the source. */
  readonly text: string;
  readonly at: number;
}

/** Why a template cannot be cut into words. */
export interface LexError {
  readonly message: string;
  readonly at: number;
}

const words: readonly (readonly [TokenKind, RegExp])[] = [
  ["space", /[ \t\r\n]+/y],
  ["string", /"(?:[^"\\\n]|\\.)*"|`[^`]*`/y],
  ["character", /'(?:[^'\\\n]|\\.)+'/y],
  ["number", /[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)/y],
  ["field", /\.[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ["variable", /\$(?:[\p{L}\p{Nd}_]+)?/uy],
  ["identifier", /[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ["dot", /\./y],
  ["declare", /:=/y],
  ["assign", /=/y],
  ["pipe", /\|/y],
  ["comma", /,/y],
  ["(", /\(/y],
  [")", /\)/y],
];

const closing = /[ \t\r\n]+-\}\}|\}\}/y;
const comment = /\{\{(-[ \t\r\n]+)?\/\*[\s\S]*?\*\/([ \t\r\n]+-)?\}\}/y;

/** Cuts a template into words; comments are gone and text is trimmed where `{{-` and `-}}` ask for it. */
export function lex(source: string): readonly Token[] | LexError {
  const tokens: Token[] = [];
  let at = 0;
  let trimStart = false;
  const text = (end: number, trimEnd: boolean) => {
    let piece = source.slice(at, end);
    let start = at;
    if (trimStart) {
      const trimmed = piece.replace(/^[ \t\r\n]+/, "");
      start += piece.length - trimmed.length;
      piece = trimmed;
    }
    if (trimEnd) piece = piece.replace(/[ \t\r\n]+$/, "");
    if (piece !== "") tokens.push({ kind: "text", text: piece, at: start });
  };

  for (;;) {
    const open = source.indexOf("{{", at);
    if (open < 0) {
      text(source.length, false);
      tokens.push({ kind: "end", text: "", at: source.length });
      return tokens;
    }
    const trims = /^-[ \t\r\n]/.test(source.slice(open + 2, open + 4));
    text(open, trims);
    if (
      source.startsWith("/*", open + 2 + (trims ? (/^-[ \t\r\n]+/.exec(source.slice(open + 2))?.[0].length ?? 0) : 0))
    ) {
      comment.lastIndex = open;
      const found = comment.exec(source);
      if (!found) {
        const ends = source.indexOf("*/", open) >= 0;
        return { message: ends ? "comment ends before closing delimiter" : "unclosed comment", at: open };
      }
      at = comment.lastIndex;
      trimStart = found[2] !== undefined;
      continue;
    }
    tokens.push({ kind: "open", text: "{{", at: open });
    const action = lexAction(source, open + (trims ? 3 : 2), tokens);
    if ("message" in action) return action;
    at = action.end;
    trimStart = action.trims;
  }
}

function lexAction(source: string, from: number, tokens: Token[]): LexError | { end: number; trims: boolean } {
  let at = from;
  let depth = 0;
  for (;;) {
    closing.lastIndex = at;
    const close = closing.exec(source);
    if (close) {
      if (depth > 0) return { message: "unclosed left paren", at };
      tokens.push({ kind: "close", text: "}}", at });
      return { end: closing.lastIndex, trims: close[0].endsWith("-}}") };
    }
    if (at >= source.length) return { message: "unclosed action", at };
    const token = wordAt(source, at);
    if (!token) return { message: badWord(source, at), at };
    if (token.kind === "(") depth += 1;
    if (token.kind === ")") depth -= 1;
    if (depth < 0) return { message: "unexpected right paren", at };
    tokens.push(token);
    at += token.text.length;
    const next = source[at];
    const ends = next === undefined || /[\s.,|:)(}=]/.test(next) || source.startsWith("-}}", at);
    if (["field", "variable", "identifier", "number"].includes(token.kind) && !ends) {
      if (token.kind === "number") return { message: `bad number syntax: ${JSON.stringify(token.text + next)}`, at };
      return { message: `bad character U+${codeOf(source, at)}`, at };
    }
  }
}

function wordAt(source: string, at: number): Token | undefined {
  for (const [kind, pattern] of words) {
    pattern.lastIndex = at;
    const found = pattern.exec(source);
    if (found) return { kind, text: found[0], at };
  }
  return undefined;
}

function badWord(source: string, at: number): string {
  const first = source[at];
  if (first === '"') return "unterminated quoted string";
  if (first === "`") return "unterminated raw quoted string";
  if (first === "'") return "unterminated character constant";
  if (first === ":") return "expected :=";
  return `unrecognized character in action: U+${codeOf(source, at)}`;
}

function codeOf(source: string, at: number): string {
  const code = source.codePointAt(at) ?? 0;
  return `${code.toString(16).toUpperCase().padStart(4, "0")} '${String.fromCodePoint(code)}'`;
}

import { SyntaxFault } from "./issue.ts";

const simpleEscapes: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  "\\": 92,
  "?": 63,
  '"': 34,
  "'": 39,
  "`": 96,
};

const numbered: readonly (readonly [RegExp, number])[] = [
  [/^[xX]([0-9a-fA-F]{2})/, 16],
  [/^u([0-9a-fA-F]{4})/, 16],
  [/^U([0-9a-fA-F]{8})/, 16],
  [/^([0-3][0-7]{2})/, 8],
];

/** A piece of a literal's body: a code point, or (in bytes, from \x and octal escapes) one byte. */
interface Unit {
  readonly code: number;
  readonly byte: boolean;
  readonly length: number;
}

function escapeAt(body: string, index: number, at: number): Unit {
  const rest = body.slice(index + 1, index + 10);
  const simple = simpleEscapes[rest.charAt(0)];
  if (simple !== undefined) return { code: simple, byte: false, length: 2 };
  for (const [pattern, radix] of numbered) {
    const match = pattern.exec(rest);
    if (!match?.[1]) continue;
    const byte = rest.charAt(0) !== "u" && rest.charAt(0) !== "U";
    return { code: Number.parseInt(match[1], radix), byte, length: match[0].length + 1 };
  }
  throw new SyntaxFault(`Syntax error: unable to unescape string: \\${rest.charAt(0)}`, at);
}

function* units(body: string, raw: boolean, at: number): Generator<Unit> {
  let index = 0;
  while (index < body.length) {
    const escaped = !raw && body[index] === "\\";
    const code = body.codePointAt(index) ?? 0;
    const unit = escaped ? escapeAt(body, index, at) : { code, byte: false, length: code > 0xffff ? 2 : 1 };
    index += unit.length;
    yield unit;
  }
}

/** The text of a string literal's body. */
export function unescapeText(body: string, raw: boolean, at: number): string {
  if (raw || !body.includes("\\")) return body;
  const parts: string[] = [];
  for (const { code } of units(body, raw, at)) {
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
      throw new SyntaxFault("Syntax error: invalid unicode code point", at);
    parts.push(String.fromCodePoint(code));
  }
  return parts.join("");
}

/** The bytes of a bytes literal's body: text becomes UTF-8, `\x` and octal escapes one byte each. */
export function unescapeBytes(body: string, raw: boolean, at: number): Uint8Array {
  const parts: Buffer[] = [];
  for (const { code, byte } of units(body, raw, at)) {
    parts.push(byte ? Buffer.from([code]) : Buffer.from(String.fromCodePoint(code)));
  }
  return new Uint8Array(Buffer.concat(parts));
}

import { goUnescapes } from "../../lib/go-text.ts";
/** What a quoted string or character of Go's syntax says; undefined for one that is malformed. */
export function unquote(text: string): string | undefined {
  if (text.startsWith("`")) return text.slice(1, -1).replaceAll("\r", "");
  let bad = false;
  const value = text
    .slice(1, -1)
    .replace(
      /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gs,
      (_, x, u, U, octal, one) => {
        const code = x ?? u ?? U;
        if (code !== undefined) return character(Number.parseInt(code, 16));
        if (octal !== undefined) return character(Number.parseInt(octal, 8));
        const escaped = goUnescapes[one as string];
        if (escaped === undefined) bad = true;
        return escaped ?? "";
      },
    );
  return bad ? undefined : value;

  function character(code: number): string {
    if (code <= 0x10ffff) return String.fromCodePoint(code);
    bad = true;
    return "";
  }
}

/** A number of Go's syntax: whole ones as bigint, others as number; undefined for what is none. */
export function numberOf(text: string): bigint | number | undefined {
  const plain = text.replaceAll("_", "");
  const sign = plain.startsWith("-") ? -1n : 1n;
  const digits = plain.replace(/^[+-]/, "");
  if (/^0[xX][0-9a-fA-F]+$|^0[bB][01]+$|^0[oO][0-7]+$/.test(digits)) return sign * BigInt(digits.toLowerCase());
  if (/^0[0-7]+$/.test(digits)) return sign * BigInt(`0o${digits.slice(1)}`);
  if (/^\d+$/.test(digits)) return digits.startsWith("0") && digits.length > 1 ? undefined : sign * BigInt(digits);
  if (!/^(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(digits)) return undefined;
  const value = Number(plain);
  return Number.isFinite(value) ? value : undefined;
}

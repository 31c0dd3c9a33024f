import { goQuote } from "../../../lib/go-text.ts";

/** A value, or why there is none, in Go's words. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string };

/** Reads what Go's `strconv.ParseBool` reads. */
export function parseGoBool(text: string): Parsed<boolean> {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return { value: true };
  if (["0", "f", "F", "false", "FALSE", "False"].includes(text)) return { value: false };
  return { problem: `strconv.ParseBool: parsing ${goQuote(text)}: invalid syntax` };
}

/** Reads a whole number as Go's `strconv.ParseInt` with base 0. */
export function parseGoInt(text: string, bits: 32 | 64 = 64): Parsed<number> {
  const wrong = (why: string) => ({ problem: `strconv.ParseInt: parsing ${goQuote(text)}: ${why}` });
  const [, sign = "", body = ""] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  const octal = /^0[0-7_]+$/.test(body);
  if (!/^(?:\d[\d_]*|0x[\da-f]+|0b[01]+|0o[0-7]+)$/i.test(body)) return wrong("invalid syntax");
  const value = octal ? Number.parseInt(body.replaceAll("_", ""), 8) : Number(body.replaceAll("_", ""));
  if (!Number.isFinite(value)) return wrong("invalid syntax");
  const limit = 2 ** (bits - 1);
  if (value > (sign === "-" ? limit : limit - 1)) return wrong("value out of range");
  return { value: sign === "-" ? -value : value };
}

const units: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Reads `1h30m`, `1.5s`, `0` into milliseconds, as Go's `time.ParseDuration`. */
export function parseGoDuration(text: string): Parsed<number> {
  const [, sign = "", body = ""] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (body === "0") return { value: 0 };
  if (body === "") return { problem: `time: invalid duration ${goQuote(text)}` };
  let value = 0;
  for (let rest = body; rest !== ""; ) {
    const [whole, number = "", unit = ""] = /^(\d*\.?\d*)([^\d.]*)/.exec(rest) ?? [];
    if (whole === undefined || !/\d/.test(number)) return { problem: `time: invalid duration ${goQuote(text)}` };
    if (unit === "") return { problem: `time: missing unit in duration ${goQuote(text)}` };
    const size = units[unit];
    if (size === undefined) return { problem: `time: unknown unit ${goQuote(unit)} in duration ${goQuote(text)}` };
    value += Number(number) * size;
    rest = rest.slice(whole.length);
  }
  return { value: sign === "-" ? -value : value };
}

/** Milliseconds as Go writes a duration: `1m30s`, `500ms`, `0s`. */
export function goDuration(ms: number): string {
  if (ms === 0) return "0s";
  const sign = ms < 0 ? "-" : "";
  const size = Math.abs(ms);
  if (size < 1) return `${sign}${size * 1000}µs`;
  if (size < 1000) return `${sign}${size}ms`;
  const hours = Math.floor(size / 3_600_000);
  const minutes = Math.floor((size % 3_600_000) / 60_000);
  const seconds = (size % 60_000) / 1000;
  return `${sign}${hours > 0 ? `${hours}h` : ""}${hours > 0 || minutes > 0 ? `${minutes}m` : ""}${seconds}s`;
}

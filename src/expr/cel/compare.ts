import { CelDuration, CelError, CelTimestamp, CelUint, type CelValue } from "./value.ts";

/** The order of two strings by code point. */
export function compareText(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  for (let index = 0; index < end; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above all others. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

function number(value: CelValue): bigint | number | undefined {
  if (typeof value === "bigint" || typeof value === "number") return value;
  return value instanceof CelUint ? value.value : undefined;
}

/** The order of two numbers; an integer meets a double as the double nearest to it. */
export function compareNumbers(a: bigint | number, b: bigint | number): number {
  if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : a === b ? 0 : Number.NaN;
  const left = Number(a);
  const right = Number(b);
  return left < right ? -1 : left > right ? 1 : left === right ? 0 : Number.NaN;
}

/** The order of two values: negative, zero or positive; NaN where there is none; an error for types that do not compare. */
export function compare(a: CelValue, b: CelValue): number | CelError {
  const left = number(a);
  const right = number(b);
  if (left !== undefined && right !== undefined) {
    return compareNumbers(left, right);
  }
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  if (typeof a === "boolean" && typeof b === "boolean") return Number(a) - Number(b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  if (a instanceof CelTimestamp && b instanceof CelTimestamp) return Number(a.nanos - b.nanos);
  if (a instanceof CelDuration && b instanceof CelDuration) return Number(a.nanos - b.nanos);
  return new CelError("no such overload");
}

import { Fault } from "../lib/fault.ts";
import type { Quantity } from "./object.ts";

/** How a quantity is written: `1k`, `1Ki` or `1e3`. */
export type QuantityFormat = "DecimalSI" | "BinarySI" | "DecimalExponent";

/** A quantity as an exact number of billionths, and the way it wants to be written. */
export interface Amount {
  readonly nano: bigint;
  readonly format: QuantityFormat;
}

const one = 1_000_000_000n;
const milli = 1_000_000n;
const largest = (2n ** 63n - 1n) * one;
const form = /^([+-]?)(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)$/;

/** Suffix -> power of ten. */
const decimal: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  "": 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const binary: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const decimalSuffix = new Map(Object.entries(decimal).map(([suffix, power]) => [power, suffix]));
const binarySuffix = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

const wrongForm = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const wrongSuffix = "unable to parse quantity's suffix";
const wrongNumber = "unable to parse numeric part of quantity";

/** What is wrong with a quantity's text, in the words of Kubernetes; undefined if nothing is. */
export function quantityFault(text: string): string | undefined {
  const result = read(text);
  return typeof result === "string" ? result : undefined;
}

// The same few quantities come again and again, so what was read once is remembered, up to a bound.
const remembered = new Map<string, Amount>();
const rememberedLimit = 10_000;
const rememberedLength = 64;
/** Longer numbers say nothing that shorter ones cannot, and cost more than their square to read. */
const longest = 1000;

/** Reads a quantity. Fractions of a billionth are rounded up, numbers beyond 2^63-1 cut off. Throws `invalid`. */
export function parseQuantity(text: Quantity): Amount {
  const known = remembered.get(text);
  if (known) return known;
  const amount = read(text);
  if (typeof amount === "string") throw new Fault("invalid", amount);
  if (text.length > rememberedLength) return amount;
  if (remembered.size >= rememberedLimit) remembered.clear();
  remembered.set(text, amount);
  return amount;
}

function read(text: string): Amount | string {
  if (text.length > longest) return wrongNumber;
  const match = form.exec(text);
  if (!match) return /^[+-]?[0-9.]+/.test(text) ? wrongSuffix : wrongForm;
  const [, sign = "", whole = "", fraction, suffix = ""] = match;
  if (whole === "" && (fraction ?? "") === "") return text === "" || fraction === undefined ? wrongForm : wrongNumber;
  const digits = BigInt(whole + (fraction ?? "")) * (sign === "-" ? -1n : 1n);
  const places = fraction?.length ?? 0;
  const power = decimal[suffix];
  if (power !== undefined) return amount(digits, power - places, 1n, "DecimalSI");
  const shift = binary[suffix];
  if (shift !== undefined) return amount(digits, -places, 1n << BigInt(shift), "BinarySI");
  const exponent = /^[eE]([-+]?\d+)$/.exec(suffix)?.[1];
  if (exponent === undefined || Math.abs(Number(exponent)) > 2 ** 31) return wrongSuffix;
  return amount(digits, Number(exponent) - places, 1n, "DecimalExponent");
}

function amount(digits: bigint, power: number, factor: bigint, format: QuantityFormat): Amount {
  // Powers that cannot matter are not computed: they end at the smallest or the largest value anyway.
  if (digits === 0n) return { nano: 0n, format };
  const scale = Math.min(power + 9, 40);
  const numerator = digits * factor;
  let nano: bigint;
  if (scale >= 0) nano = numerator * 10n ** BigInt(scale);
  else if (scale < -400 - digits.toString().length) nano = numerator > 0n ? 1n : -1n;
  else nano = divideAway(numerator, 10n ** BigInt(-scale));
  return { nano: nano > largest ? largest : nano < -largest ? -largest : nano, format };
}

/** Divides, rounding away from zero. */
function divideAway(numerator: bigint, divisor: bigint): bigint {
  const quotient = numerator / divisor;
  if (quotient * divisor === numerator) return quotient;
  return numerator > 0n ? quotient + 1n : quotient - 1n;
}

/** Writes an amount in canonical form: no fraction, the largest suffix that fits. */
export function formatQuantity({ nano, format }: Amount): Quantity {
  if (nano === 0n) return "0";
  if (format === "BinarySI" && (nano >= 1024n * one || nano <= -1024n * one)) {
    let value = divideAway(nano, one);
    let step = 0;
    while (step < binarySuffix.length - 1 && value % 1024n === 0n) {
      value /= 1024n;
      step++;
    }
    return `${value}${binarySuffix[step]}`;
  }
  let value = nano;
  let power = -9;
  while (value % 1000n === 0n && power < 18) {
    value /= 1000n;
    power += 3;
  }
  if (format !== "DecimalExponent") return `${value}${decimalSuffix.get(power) ?? ""}`;
  while (value % 1000n === 0n) {
    value /= 1000n;
    power += 3;
  }
  return power === 0 ? String(value) : `${value}e${power}`;
}

const canonicalForms = new Map<string, Quantity>();

/** The canonical form of a quantity: `1000m` -> `1`, `1024Mi` -> `1Gi`, `0.5` -> `500m`. Throws `invalid`. */
export function canonicalQuantity(text: Quantity): Quantity {
  let known = canonicalForms.get(text);
  if (known === undefined) {
    known = formatQuantity(parseQuantity(text));
    if (canonicalForms.size >= rememberedLimit) canonicalForms.clear();
    canonicalForms.set(text, known);
  }
  return known;
}

/** Below, at or above zero as `a` is less than, equal to or greater than `b`. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  if (a === b) return 0;
  const left = parseQuantity(a).nano;
  const right = parseQuantity(b).nano;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** -1, 0 or 1. */
export function quantitySign(text: Quantity): number {
  const { nano } = parseQuantity(text);
  return nano < 0n ? -1 : nano > 0n ? 1 : 0;
}

const combine = (a: Quantity, b: Quantity, sign: bigint): Quantity => {
  const left = parseQuantity(a);
  const right = parseQuantity(b);
  return formatQuantity({
    nano: left.nano + sign * right.nano,
    format: left.nano === 0n ? right.format : left.format,
  });
};

/** The sum, written as the first is (as the second, if the first is zero). */
export const addQuantities = (a: Quantity, b: Quantity): Quantity => combine(a, b, 1n);

/** The difference, written as the first is (as the second, if the first is zero). */
export const subtractQuantities = (a: Quantity, b: Quantity): Quantity => combine(a, b, -1n);

/** `factor` times a quantity; a factor with a fraction is taken to nine places, the product rounded up. */
export function multiplyQuantity(text: Quantity, factor: number | bigint): Quantity {
  const { nano, format } = parseQuantity(text);
  if (typeof factor === "bigint" || Number.isSafeInteger(factor)) {
    return formatQuantity({ nano: nano * BigInt(factor), format });
  }
  return formatQuantity({ nano: divideAway(nano * BigInt(Math.round(factor * 1e9)), one), format });
}

/** The quantity with its sign turned. */
export function negateQuantity(text: Quantity): Quantity {
  const { nano, format } = parseQuantity(text);
  return formatQuantity({ nano: -nano, format });
}

/** Rounded away from zero to a power of ten (-3: thousandths, 0: whole units), as defaulting does with resource lists. */
export function roundUpQuantity(text: Quantity, power: number): Quantity {
  const { nano, format } = parseQuantity(text);
  const unit = 10n ** BigInt(power + 9);
  return formatQuantity({ nano: divideAway(nano, unit) * unit, format });
}

const shortForm = /^(\d{1,9})(m|Ki|Mi|)$/;

/** In whole units, rounded up; exact to 2^53. */
export function quantityValue(text: Quantity): number {
  const match = shortForm.exec(text);
  if (match && match[2] !== "m") return Number(match[1]) * (match[2] === "Ki" ? 1024 : match[2] === "Mi" ? 1048576 : 1);
  return Number(divideAway(parseQuantity(text).nano, one));
}

/** In thousandths, rounded up; exact to 2^53. */
export function milliValue(text: Quantity): number {
  const match = shortForm.exec(text);
  if (match && match[2] === "m") return Number(match[1]);
  if (match && match[2] === "") return Number(match[1]) * 1000;
  return Number(divideAway(parseQuantity(text).nano, milli));
}

/** As a floating point number, for ratios and metrics. */
export function quantityToNumber(text: Quantity): number {
  const { nano } = parseQuantity(text);
  return Number(nano / one) + Number(nano % one) / 1e9;
}

/** A number of whole units as a quantity. */
export function quantityOf(value: number | bigint, format: QuantityFormat = "DecimalSI"): Quantity {
  return formatQuantity({ nano: BigInt(value) * one, format });
}

/** A number of thousandths as a quantity. */
export function quantityOfMilli(value: number | bigint, format: QuantityFormat = "DecimalSI"): Quantity {
  return formatQuantity({ nano: BigInt(value) * milli, format });
}

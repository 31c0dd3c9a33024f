import { walks } from "../cost-rule.ts";
import { type Overload, overload } from "../overload.ts";
import { CelError, CelOpaque } from "../value.ts";

const one = 1_000_000_000n;
const maxInt = 2n ** 63n - 1n;

class QuantityValue extends CelOpaque {
  readonly typeName = "kubernetes.Quantity";
  /** Exact, in billionths. */
  readonly nano: bigint;
  constructor(nano: bigint) {
    super();
    this.nano = nano;
  }
  equals(other: CelOpaque): boolean {
    return other instanceof QuantityValue && other.nano === this.nano;
  }
  get integer(): bigint | undefined {
    const whole = this.nano / one;
    return this.nano % one === 0n && whole <= maxInt && whole >= -maxInt - 1n ? whole : undefined;
  }
}

const wrongForm = new CelError(
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
);
const wrongSuffix = new CelError("unable to parse quantity's suffix");
const decimal: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, "": 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const binary = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
/** Longer numbers say nothing more, and cost more than their square to read. */
const longest = 1000;

function parseQuantity(text: string): QuantityValue | CelError {
  const [, sign, whole = "", decimals = "", suffix = ""] =
    /^([+-]?)(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)$/.exec(text.length > longest ? "" : text) ?? [];
  if (whole === "" && decimals === "") return wrongForm;
  const digits = BigInt(whole + decimals);
  const power = binary.indexOf(suffix);
  const exponent = /^[eE][+-]?\d{1,3}$/.test(suffix) ? Number(suffix.slice(1)) : decimal[suffix];
  if (power < 0 && exponent === undefined) return wrongSuffix;
  const factor = power < 0 ? 1n : 1024n ** BigInt(power + 1);
  const shift = 9 - decimals.length + (power < 0 ? (exponent ?? 0) : 0);
  const scaled = digits * factor;
  // Fractions of a billionth are rounded up.
  const nano =
    shift >= 0 ? scaled * 10n ** BigInt(shift) : (scaled + 10n ** BigInt(-shift) - 1n) / 10n ** BigInt(-shift);
  return new QuantityValue(sign === "-" ? -nano : nano);
}

const compare = (a: QuantityValue, b: QuantityValue): bigint => (a.nano < b.nano ? -1n : a.nano > b.nano ? 1n : 0n);

/** Quantities such as `1.5Gi`: exact arithmetic and comparison. */
export const quantityLibrary: readonly Overload[] = [
  overload("quantity", "(string): kubernetes.Quantity", parseQuantity, walks(0)),
  overload("isQuantity", "(string): bool", (text: string) => parseQuantity(text) instanceof QuantityValue, walks(0)),
  overload("sign", "kubernetes.Quantity.(): int", (q: QuantityValue) => (q.nano === 0n ? 0n : q.nano < 0n ? -1n : 1n)),
  overload("isInteger", "kubernetes.Quantity.(): bool", (q: QuantityValue) => q.integer !== undefined),
  overload(
    "asInteger",
    "kubernetes.Quantity.(): int",
    (q: QuantityValue) => q.integer ?? new CelError("cannot convert value to integer"),
  ),
  overload("asApproximateFloat", "kubernetes.Quantity.(): double", (q: QuantityValue) => Number(q.nano) / 1e9),
  overload(
    "isGreaterThan",
    "kubernetes.Quantity.(kubernetes.Quantity): bool",
    (a: QuantityValue, b: QuantityValue) => a.nano > b.nano,
  ),
  overload(
    "isLessThan",
    "kubernetes.Quantity.(kubernetes.Quantity): bool",
    (a: QuantityValue, b: QuantityValue) => a.nano < b.nano,
  ),
  overload("compareTo", "kubernetes.Quantity.(kubernetes.Quantity): int", compare),
  overload(
    "add",
    "kubernetes.Quantity.(kubernetes.Quantity): kubernetes.Quantity",
    (a: QuantityValue, b: QuantityValue) => new QuantityValue(a.nano + b.nano),
  ),
  overload(
    "add",
    "kubernetes.Quantity.(int): kubernetes.Quantity",
    (a: QuantityValue, b: bigint) => new QuantityValue(a.nano + b * one),
  ),
  overload(
    "sub",
    "kubernetes.Quantity.(kubernetes.Quantity): kubernetes.Quantity",
    (a: QuantityValue, b: QuantityValue) => new QuantityValue(a.nano - b.nano),
  ),
  overload(
    "sub",
    "kubernetes.Quantity.(int): kubernetes.Quantity",
    (a: QuantityValue, b: bigint) => new QuantityValue(a.nano - b * one),
  ),
];

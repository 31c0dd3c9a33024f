import { goQuote } from "../../lib/go-text.ts";
import { FloatLiteral, floatOf, isList, isMap, sortedKeys, typeName, type Value, wholeOf } from "./values.ts";

/** A value as Go's `%v` shows it. */
export function showValue(value: Value): string {
  if (value === undefined || value === null) return "<nil>";
  const float = floatOf(value);
  if (float !== undefined) return shortFloat(float);
  if (typeof value === "number") return BigInt(value).toString();
  if (isList(value)) return `[${value.map(showValue).join(" ")}]`;
  if (isMap(value))
    return `map[${sortedKeys(value)
      .map((key) => `${key}:${showValue(value[key])}`)
      .join(" ")}]`;
  return String(value);
}

/** Go's print: operands side by side, with a space between two that are no strings. */
export function sprint(values: readonly Value[]): string {
  let text = "";
  for (const [index, value] of values.entries()) {
    if (index > 0 && typeof value !== "string" && typeof values[index - 1] !== "string") text += " ";
    text += showValue(value);
  }
  return text;
}

export const sprintln = (values: readonly Value[]) => `${values.map(showValue).join(" ")}\n`;

const verb = /%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d+)?)?(.?)/gsu;

interface Spec {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
}

/** Go's printf with the verbs that values of templates can have. */
export function sprintf(format: string, values: readonly Value[]): string {
  let next = 0;
  const star = (text: string | undefined) => {
    if (text !== "*") return text === undefined ? undefined : Number(text);
    const value = wholeOf(values[next++]);
    return value === undefined ? undefined : Number(value);
  };
  const text = format.replace(
    verb,
    (whole, flags: string, wide: string | undefined, exact: string | undefined, letter: string) => {
      if (letter === "") return "%!(NOVERB)";
      const width = star(wide);
      const precision = exact === undefined ? (whole.includes(".") ? 0 : undefined) : star(exact);
      if (letter === "%") return "%";
      if (next >= values.length) return `%!${letter}(MISSING)`;
      const value = values[next++];
      const spec = { flags, width: width ?? 0, precision };
      const shown = showAs(letter, value, spec);
      // A verb that does not suit the value is told with the value padded, not the whole.
      return shown.startsWith(`%!${letter}(`) ? shown : padded(shown, value, spec);
    },
  );
  if (next >= values.length) return text;
  const extra = values.slice(next).map((value) => (value == null ? "<nil>" : `${typeName(value)}=${showValue(value)}`));
  return `${text}%!(EXTRA ${extra.join(", ")})`;
}

const isNumber = (value: Value) => wholeOf(value) !== undefined || floatOf(value) !== undefined;

function padded(text: string, value: Value, { flags, width }: Spec): string {
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (flags.includes("-")) return text + " ".repeat(missing);
  if (!flags.includes("0")) return " ".repeat(missing) + text;
  const sign = isNumber(value) ? (/^[+-]/.exec(text)?.[0] ?? "") : "";
  return sign + "0".repeat(missing) + text.slice(sign.length);
}

function showAs(letter: string, value: Value, spec: Spec): string {
  const bad = () => {
    if (value === undefined || value === null) return `%!${letter}(<nil>)`;
    return `%!${letter}(${typeName(value)}=${padded(showAs("v", value, spec), value, spec)})`;
  };
  if (letter === "T") return typeName(value);
  const fraction = floatOf(value);
  if (letter === "v")
    return fraction === undefined ? signed(showValue(value), value, spec) : float("g", fraction, spec);
  if (value === undefined || value === null) return bad();
  if (isList(value)) return `[${value.map((one) => showAs(letter, one, spec)).join(" ")}]`;
  if (isMap(value)) {
    const entries = sortedKeys(value).map((key) => `${showAs(letter, key, spec)}:${showAs(letter, value[key], spec)}`);
    return `map[${entries.join(" ")}]`;
  }
  if (typeof value === "string") return text(letter, value, spec) ?? bad();
  if (typeof value === "boolean") return letter === "t" ? String(value) : bad();
  if (fraction !== undefined) return /[eEfFgG]/.test(letter) ? float(letter, fraction, spec) : bad();
  return integer(letter, wholeOf(value) ?? 0n, spec) ?? bad();
}

function text(letter: string, value: string, { flags, precision }: Spec): string | undefined {
  const cut = precision === undefined ? value : [...value].slice(0, precision).join("");
  if (letter === "s") return cut;
  if (letter === "q") return flags.includes("#") && !cut.includes("`") ? `\`${cut}\`` : goQuote(cut);
  if (letter !== "x" && letter !== "X") return undefined;
  const hex = Buffer.from(cut).toString("hex");
  return letter === "X" ? hex.toUpperCase() : hex;
}

function integer(letter: string, value: bigint, spec: Spec): string | undefined {
  const bases: Readonly<Record<string, number>> = { d: 10, b: 2, o: 8, x: 16, X: 16 };
  const base = bases[letter];
  if (base === undefined) {
    if (letter === "c") return String.fromCodePoint(Number(value));
    if (letter === "q") return `'${String.fromCodePoint(Number(value))}'`;
    return letter === "U" ? `U+${value.toString(16).toUpperCase().padStart(4, "0")}` : undefined;
  }
  const prefix = spec.flags.includes("#") ? ({ x: "0x", X: "0X", o: "0" }[letter] ?? "") : "";
  const digits = (value < 0n ? -value : value).toString(base).padStart(spec.precision ?? 0, "0");
  return signed(`${value < 0n ? "-" : ""}${prefix}${letter === "X" ? digits.toUpperCase() : digits}`, value, spec);
}

function float(letter: string, value: number, spec: Spec): string {
  const { precision } = spec;
  let shown: string;
  if (!Number.isFinite(value)) shown = Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  else if (letter === "f" || letter === "F") shown = fixed(value, precision ?? 6);
  else if (letter === "e" || letter === "E") shown = goExponent(value.toExponential(precision ?? 6));
  else if (precision === undefined) shown = shortFloat(value);
  else {
    const exact = value.toPrecision(Math.max(1, precision));
    shown = goExponent(exact.includes(".") ? exact.replace(/\.?0+(?=e|$)/, "") : exact);
  }
  return signed(letter === letter.toUpperCase() ? shown.toUpperCase() : shown, new FloatLiteral(value), spec);
}

/** Rounded to so many digits; what lies in the middle goes to the even one, where `toFixed` goes up. */
function fixed(value: number, digits: number): string {
  const exact = Math.abs(value).toFixed(Math.min(100, digits + 60));
  const cut = exact.indexOf(".") + 1 + digits;
  const rounded = value.toFixed(Math.min(100, digits));
  if (digits > 40 || !/^50*$/.test(exact.slice(cut))) return rounded;
  const below = exact.slice(0, cut).replace(/\.$/, "");
  return /[13579]$/.test(below) ? rounded : `${value < 0 ? "-" : ""}${below}`;
}

function signed(shown: string, value: Value, { flags }: Spec): string {
  if (!isNumber(value) || /^[+-]/.test(shown)) return shown;
  if (flags.includes("+")) return `+${shown}`;
  return flags.includes(" ") ? ` ${shown}` : shown;
}

/** The shortest text that reads back as the same number; with an exponent below 1e-4 and from 1e6 on, as `%v` has it. */
function shortFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  if (Object.is(value, -0)) return "-0";
  const exponential = value.toExponential();
  const exponent = Number(exponential.slice(exponential.indexOf("e") + 1));
  if (value !== 0 && (exponent < -4 || exponent >= 6)) return goExponent(exponential);
  return exponent < 0 ? value.toFixed(Math.max(0, significant(exponential) - exponent - 1)) : decimal(value);
}

const significant = (exponential: string) => exponential.replace(/^-/, "").replace(/e.*$/, "").replace(".", "").length;
const decimal = (value: number) => (Number.isInteger(value) ? BigInt(value).toString() : String(value));

/** Go's exponents have two digits at least. */
function goExponent(shown: string): string {
  return shown.replace(/e([+-])(\d)$/, "e$10$2");
}

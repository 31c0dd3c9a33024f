import { sprint, sprintf, sprintln } from "./format.ts";
import { floatOf, isList, isMap, isTrue, typeName, type Value, wholeOf } from "./values.ts";

/** A function that templates can call. What it throws is told as `error calling NAME: …`. */
export interface TemplateFunction {
  readonly call: (args: readonly Value[]) => Value;
  /** How many arguments it takes; without `most` any number more. */
  readonly least: number;
  readonly most?: number;
}

export type TemplateFunctions = Readonly<Record<string, TemplateFunction>>;

const any = (call: TemplateFunction["call"], least = 0): TemplateFunction => ({ call, least });
const exactly = (least: number, call: TemplateFunction["call"]): TemplateFunction => ({ call, least, most: least });

/** Go's own that look at one argument after the other; each gives the first that is so true, or the last. */
export const shortCircuits: ReadonlyMap<string, boolean> = new Map([
  ["and", false],
  ["or", true],
]);

/** Go's own that look at all their arguments. */
export const builtins: TemplateFunctions = {
  not: exactly(1, ([value]) => !isTrue(value)),
  len: exactly(1, ([value]) => lengthOf(value)),
  index: any(([item, ...keys]) => keys.reduce(elementOf, item), 1),
  slice: any(([item, ...bounds]) => sliceOf(item, bounds), 1),
  print: any(sprint),
  println: any(sprintln),
  printf: any(([format, ...values]) => sprintf(textOf(format), values), 1),
  html: any((args) => asText(args).replace(/[\0"'&<>]/g, (one) => html[one] ?? "")),
  js: any((args) => asText(args).replace(/[\\'"<>&=\x00-\x1f]/g, scriptEscape)),
  urlquery: any((args) =>
    encodeURIComponent(asText(args))
      .replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll("%20", "+"),
  ),
  eq: any(([first, ...rest]) => {
    if (rest.length === 0) throw new Error("missing argument for comparison");
    return rest.some((value) => equal(first, value));
  }, 1),
  ne: exactly(2, ([a, b]) => !equal(a, b)),
  lt: exactly(2, ([a, b]) => order(a, b) < 0),
  le: exactly(2, ([a, b]) => order(a, b) <= 0),
  gt: exactly(2, ([a, b]) => order(a, b) > 0),
  ge: exactly(2, ([a, b]) => order(a, b) >= 0),
};

const html: Readonly<Record<string, string>> = {
  "\0": "\ufffd",
  '"': "&#34;",
  "'": "&#39;",
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
};

function scriptEscape(one: string): string {
  if (one === "\\" || one === "'" || one === '"') return `\\${one}`;
  return `\\u${one.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

const asText = (args: readonly Value[]) => (args.length === 1 && typeof args[0] === "string" ? args[0] : sprint(args));

function textOf(value: Value): string {
  if (typeof value === "string") return value;
  throw new Error(`wrong type for value; expected string; got ${typeName(value)}`);
}

function lengthOf(value: Value): bigint {
  if (typeof value === "string") return BigInt(Buffer.byteLength(value));
  if (isList(value)) return BigInt(value.length);
  if (isMap(value)) return BigInt(Object.keys(value).length);
  throw new Error(value === undefined || value === null ? "len of nil pointer" : `len of type ${typeName(value)}`);
}

function elementOf(item: Value, key: Value): Value {
  if (item === undefined || item === null) throw new Error("index of untyped nil");
  if (isMap(item)) {
    if (typeof key !== "string")
      throw new Error(
        key == null ? "value is nil; should be of type string" : `value has type ${typeName(key)}; should be string`,
      );
    return Object.hasOwn(item, key) ? item[key] : undefined;
  }
  if (typeof item === "string") return BigInt(Buffer.from(item)[position(key, Buffer.byteLength(item))]!);
  if (!isList(item)) throw new Error(`can't index item of type ${typeName(item)}`);
  return item[position(key, item.length)];
}

function position(key: Value, length: number, last = length - 1): number {
  const at = wholeOf(key);
  if (at === undefined)
    throw new Error(
      key == null ? "cannot index slice/array with nil" : `cannot index slice/array with type ${typeName(key)}`,
    );
  if (at < 0n || at > BigInt(last)) throw new Error(`index out of range: ${at}`);
  return Number(at);
}

function sliceOf(item: Value, bounds: readonly Value[]): Value {
  if (item === undefined || item === null) throw new Error("slice of untyped nil");
  if (bounds.length > 3) throw new Error(`too many slice indexes: ${bounds.length}`);
  if (typeof item === "string" && bounds.length === 3) throw new Error("cannot 3-index slice a string");
  if (typeof item !== "string" && !isList(item)) throw new Error(`can't slice item of type ${typeName(item)}`);
  const whole = typeof item === "string" ? Buffer.from(item) : item;
  const [from = 0, to = whole.length] = bounds.map((bound) => position(bound, whole.length, whole.length));
  if (from > to) throw new Error(`invalid slice index: ${from} > ${to}`);
  return Buffer.isBuffer(whole) ? whole.subarray(from, to).toString() : (whole as readonly Value[]).slice(from, to);
}

/** What is compared with what: Go's whole types with each other, and every other basic type with itself. */
function comparand(value: Value): readonly [kind: string, value: bigint | number | string | boolean] | undefined {
  if (typeof value === "string") return ["string", value];
  if (typeof value === "boolean") return ["bool", value];
  const whole = wholeOf(value);
  if (whole !== undefined) return ["int", whole];
  const fraction = floatOf(value);
  return fraction === undefined ? undefined : ["float", fraction];
}

const isNil = (value: Value) => value === undefined || value === null;

function equal(a: Value, b: Value): boolean {
  if (isNil(a) || isNil(b)) return isNil(a) && isNil(b);
  const [left, right] = [comparand(a), comparand(b)];
  if (left?.[0] !== right?.[0]) throw new Error("incompatible types for comparison");
  if (left && right) return left[1] === right[1];
  if (typeName(a) !== typeName(b))
    throw new Error(`non-comparable types ${sprint([a])}: ${typeName(a)}, ${typeName(b)}: ${sprint([b])}`);
  throw new Error(`non-comparable type ${sprint([a])}: ${typeName(a)}`);
}

/** Below, above or 0. */
function order(a: Value, b: Value): number {
  const [left, right] = [comparand(a), comparand(b)];
  if (left?.[0] !== right?.[0]) throw new Error("incompatible types for comparison");
  if (!left || !right || left[0] === "bool") throw new Error("invalid type for comparison");
  if (left[0] === "string") return Buffer.compare(Buffer.from(String(left[1])), Buffer.from(String(right[1])));
  return left[1] < right[1] ? -1 : left[1] > right[1] ? 1 : 0;
}

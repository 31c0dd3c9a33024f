import { goEscapes } from "../../../lib/go-text.ts";
import {
  type ArgumentSize,
  type CostRule,
  exactly,
  perCharacter,
  type Range,
  sameSize,
  scale,
  traverses,
  unknownSize,
  walks,
} from "../cost-rule.ts";
import type { Meter } from "../meter.ts";
import { type Overload, overload } from "../overload.ts";
import { ArrayList, CelError, type CelList, type CelOutcome, type CelValue, codePoints, costSize } from "../value.ts";
import { formatText } from "./format-text.ts";

const outOfRange = (index: bigint) => new CelError(`index out of range: ${index}`);
const size = (args: readonly ArgumentSize[], index: number): Range => args[index]?.size ?? unknownSize;

function charAt(text: string, index: bigint): CelOutcome {
  const points = Array.from(text);
  if (index < 0n || index > BigInt(points.length)) return outOfRange(index);
  return points[Number(index)] ?? "";
}

function substring(text: string, start: bigint, end?: bigint): CelOutcome {
  const points = Array.from(text);
  const length = BigInt(points.length);
  if (start < 0n || start > length) return outOfRange(start);
  if (end === undefined) return points.slice(Number(start)).join("");
  if (end < 0n || end > length) return outOfRange(end);
  if (start > end) return new CelError(`invalid substring range. start: ${start}, end: ${end}`);
  return points.slice(Number(start), Number(end)).join("");
}

function indexOf(text: string, part: string, from: bigint): CelOutcome {
  const points = Array.from(text);
  if (from < 0n || (from > BigInt(points.length) && part !== "")) return outOfRange(from);
  const skipped = points.slice(0, Number(from)).join("").length;
  const found = text.indexOf(part, skipped);
  return found < 0 ? -1n : BigInt(codePoints(text.slice(0, found)));
}

function lastIndexOf(text: string, part: string, from?: bigint): CelOutcome {
  const points = Array.from(text);
  if (from !== undefined && (from < 0n || from > BigInt(points.length))) return outOfRange(from);
  const start = from === undefined ? text.length : points.slice(0, Number(from)).join("").length;
  const found = text.lastIndexOf(part, start);
  return found < 0 ? -1n : BigInt(codePoints(text.slice(0, found)));
}

function join(list: CelList, separator: string, meter: Meter): CelOutcome {
  const parts: string[] = [];
  for (let index = 0; index < list.size; index++) {
    const part = list.at(index);
    if (part instanceof CelError) return part;
    if (typeof part !== "string") return new CelError("no such overload");
    meter.visit();
    // Paid while it grows: a list may hold one long string very often.
    meter.charge(Math.ceil((part.length + separator.length) * 2 * perCharacter));
    parts.push(part);
  }
  return parts.join(separator);
}

function replace(text: string, from: string, to: string, limit: bigint, meter: Meter): CelOutcome {
  const times = limit < 0n ? Number.POSITIVE_INFINITY : Number(limit);
  const pieces = from === "" ? ["", ...Array.from(text), ""] : text.split(from);
  const kept = Math.min(times, pieces.length - 1);
  meter.visit(pieces.length);
  meter.charge(Math.ceil(kept * to.length * perCharacter));
  if (pieces.length - 1 <= times) return pieces.join(to);
  const head = pieces.slice(0, times + 1).join(to);
  const rest = pieces.slice(times + 1).join(from);
  return from === "" ? head + rest : [head, rest].join(from);
}

function split(text: string, separator: string, limit: bigint): CelOutcome {
  if (limit === 0n) return new ArrayList([]);
  const pieces = separator === "" ? Array.from(text) : text.split(separator);
  if (limit < 0n || pieces.length <= limit) return new ArrayList(pieces);
  const kept = Number(limit) - 1;
  return new ArrayList([...pieces.slice(0, kept), pieces.slice(kept).join(separator)]);
}

const quote = (text: string): string =>
  `"${text.toWellFormed().replace(/[\u0007\b\f\n\r\t\v\\"]/g, (sign) => goEscapes[sign] ?? sign)}"`;

/** White space as Unicode defines it, which is not JavaScript's set. */
const edges =
  /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+|[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/g;
const trim = (text: string): string => {
  let end = text.length;
  // The expression would look for its end at every blank inside.
  while (end > 0 && text.charAt(end - 1).replace(edges, "") === "") end--;
  return text.slice(0, end).replace(edges, "");
};

const replaceCost: CostRule = {
  charge: (meter, args) => meter.charge(Math.ceil(costSize(args[0] as CelValue) * 2 * perCharacter)),
  estimate: (args) => {
    const text = size(args, 0);
    const [from, to] = [size(args, 1), size(args, 2)];
    const count = from.min === 0 ? text.max + 1 : text.max / from.min;
    const max = from.min > 0 && to.max <= from.min ? text.max : Math.ceil(count) * to.max + text.max;
    return {
      cost: scale(text, 2 * perCharacter),
      size: { min: 0, max: Number.isNaN(max) ? Number.POSITIVE_INFINITY : max },
    };
  },
};

const joinCost: CostRule = {
  charge: () => undefined,
  estimate: (args) => {
    const list = size(args, 0);
    const element = args[0]?.elementSize ?? unknownSize;
    const separator = args.length > 1 ? size(args, 1) : exactly(0);
    const max = list.max === 0 ? 0 : list.max * element.max + (list.max - 1) * separator.max;
    const total = { min: list.min * element.min, max: Number.isNaN(max) ? Number.POSITIVE_INFINITY : max };
    return { cost: scale(total, 2 * perCharacter), size: total };
  },
};

const walk = walks(0, 1, sameSize(0));
const splitCost = walks(0, 2, (args) => ({ min: 0, max: size(args, 0).max }));

/** cel-go's strings library, version 2. */
export const stringLibrary: readonly Overload[] = [
  overload("charAt", "string.(int): string", charAt),
  overload("indexOf", "string.(string): int", (text: string, part: string) => indexOf(text, part, 0n), traverses),
  overload("indexOf", "string.(string, int): int", indexOf, traverses),
  overload("lastIndexOf", "string.(string): int", (text: string, part: string) => lastIndexOf(text, part), traverses),
  overload(
    "lastIndexOf",
    "string.(string, int): int",
    (text: string, part: string, from: bigint) => lastIndexOf(text, part, from),
    traverses,
  ),
  overload(
    "join",
    "list(string).(): string",
    (list: CelList, _b: unknown, _c: unknown, _d: unknown, meter: Meter) => join(list, "", meter),
    joinCost,
  ),
  overload(
    "join",
    "list(string).(string): string",
    (list: CelList, separator: string, _c: unknown, _d: unknown, meter: Meter) => join(list, separator, meter),
    joinCost,
  ),
  overload(
    "lowerAscii",
    "string.(): string",
    (text: string) => text.replace(/[A-Z]+/g, (part) => part.toLowerCase()),
    walk,
  ),
  overload(
    "upperAscii",
    "string.(): string",
    (text: string) => text.replace(/[a-z]+/g, (part) => part.toUpperCase()),
    walk,
  ),
  overload(
    "strings.quote",
    "(string): string",
    quote,
    walks(0, 1, (args) => ({ min: size(args, 0).min + 2, max: size(args, 0).max * 2 + 2 })),
  ),
  overload(
    "replace",
    "string.(string, string): string",
    (text: string, from: string, to: string, _d: unknown, meter: Meter) => replace(text, from, to, -1n, meter),
    replaceCost,
  ),
  overload("replace", "string.(string, string, int): string", replace, replaceCost),
  overload(
    "split",
    "string.(string): list(string)",
    (text: string, separator: string) => split(text, separator, -1n),
    splitCost,
  ),
  overload("split", "string.(string, int): list(string)", split, splitCost),
  overload("substring", "string.(int): string", (text: string, start: bigint) => substring(text, start), walk),
  overload(
    "substring",
    "string.(int, int): string",
    (text: string, start: bigint, end: bigint) => substring(text, start, end),
    walk,
  ),
  overload("trim", "string.(): string", trim, walk),
  overload("format", "string.(list(dyn)): string", formatText, walks(0)),
];

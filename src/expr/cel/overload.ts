import type { CelType } from "./cel-type.ts";
import { listOf, mapOf, opaque, optionalOf } from "./cel-type.ts";
import type { CostRule } from "./cost-rule.ts";
import type { Meter } from "./meter.ts";
import type { CelOutcome, CelValue } from "./value.ts";

/** One way to call a function: a method if its signature names a receiver, which is then the first parameter. */
export interface Overload {
  readonly name: string;
  readonly method: boolean;
  readonly params: readonly CelType[];
  readonly result: CelType;
  /** Called with values of the parameters' types, no errors among them. */
  readonly run: OverloadBody;
  /** What a call costs; 1 without it. */
  readonly cost?: CostRule;
}

/** The work of an overload; the meter comes after the arguments. */
export type OverloadBody = (a: CelValue, b: CelValue, c: CelValue, d: CelValue, meter: Meter) => CelOutcome;

const simple = new Set([
  "dyn",
  "null",
  "bool",
  "int",
  "uint",
  "double",
  "string",
  "bytes",
  "timestamp",
  "duration",
] as const);

/**
 * Declares an overload by name and signature, such as `string.(int, int): string` (a method) or `(A, list(A)): bool`.
 * The body's parameters are the signature's, up to four, then the meter as the fifth.
 */
export function overload<Args extends readonly unknown[]>(
  name: string,
  signature: string,
  run: (...args: Args) => CelOutcome,
  cost?: CostRule,
): Overload {
  const [, receiver, list = "", result = "dyn"] = /^(?:(.+?)\.)?\((.*)\): (.+)$/.exec(signature) ?? [];
  const params = splitTypes(list).map(parseType);
  if (receiver !== undefined) params.unshift(parseType(receiver));
  // The checker and the dispatch by run-time types stand for what the compiler cannot see here.
  const body = run as unknown as OverloadBody;
  return { name, method: receiver !== undefined, params, result: parseType(result), run: body, cost };
}

function splitTypes(list: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index <= list.length; index++) {
    const sign = list[index];
    if (sign === "(") depth++;
    if (sign === ")") depth--;
    if (index < list.length && (sign !== "," || depth > 0)) continue;
    const part = list.slice(start, index).trim();
    if (part !== "") found.push(part);
    start = index + 1;
  }
  return found;
}

function parseType(text: string): CelType {
  const [, outer, inner] = /^([a-z]+)\((.+)\)$/.exec(text) ?? [];
  const [first, second] = splitTypes(inner ?? "").map(parseType);
  if (outer === "list" && first) return listOf(first);
  if (outer === "map" && first && second) return mapOf(first, second);
  if (outer === "optional" && first) return optionalOf(first);
  if (outer === "type" && first) return { kind: "type", of: first };
  for (const kind of simple) if (kind === text) return { kind };
  if (text === "type") return { kind: "type" };
  return /^[A-Z]$/.test(text) ? { kind: "param", name: text } : opaque(text);
}

import { Fault } from "../../lib/fault.ts";
import { goJson } from "../../lib/go-json.ts";
import { type EvaluateOptions, follow } from "./evaluate.ts";
import { parseTemplate } from "./parse.ts";
import type { Path, Segment } from "./syntax.ts";

export type { EvaluateOptions } from "./evaluate.ts";

/** A template that was read once and can be used as often as one likes. */
export interface JsonPath {
  /**
   * What each part of the template gives, in its order; the parts within `range` once for every element. Throws Fault
   * `invalid` in kubectl's words.
   */
  find(data: unknown, options?: EvaluateOptions): readonly (readonly unknown[])[];
  /** The same as text: values of one part are separated by a space, objects and lists are JSON. */
  print(data: unknown, options?: EvaluateOptions): string;
}

/** One part of a template, its ranges closed. */
type Part = Segment | { readonly kind: "range"; readonly path: Path; readonly parts: readonly Part[] };

/**
 * Compiles a template in the syntax of https://kubernetes.io/docs/reference/kubectl/jsonpath/. Throws Fault `invalid` in
 * kubectl's words.
 */
export function compileJsonPath(template: string): JsonPath {
  const { parts } = nested(parseTemplate(template), 0, false);
  return {
    find: (data, options = {}) => results(parts, data, options),
    print: (data, options = {}) => results(parts, data, options).map(printResults).join(""),
  };
}

/** The path in braces that a path without them stands for: `.a.b`, `a.b`, `{.a}`. Throws Fault `invalid`. */
export function relaxedJsonPath(text: string): string {
  if (text === "") return text;
  const inner = /^\{?\.?([^{}]+)\}?$/.exec(text)?.[1];
  if (!inner || text.startsWith("{") !== text.endsWith("}")) {
    throw new Fault(
      "invalid",
      "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'",
    );
  }
  return `{.${inner}}`;
}

function nested(
  segments: readonly Segment[],
  from: number,
  inRange: boolean,
): { readonly parts: readonly Part[]; readonly next: number } {
  const parts: Part[] = [];
  let at = from;
  while (at < segments.length) {
    const segment = segments[at]!;
    at += 1;
    const first = segment.kind === "path" ? segment.path[0] : undefined;
    if (segment.kind === "path" && first?.kind === "identifier" && first.name === "range") {
      const body = nested(segments, at, true);
      parts.push({ kind: "range", path: segment.path.slice(1), parts: body.parts });
      at = body.next;
    } else if (first?.kind === "identifier" && first.name === "end") {
      if (!inRange) throw new Fault("invalid", "not in range, nothing to end");
      return { parts, next: at };
    } else parts.push(segment);
  }
  return { parts, next: at };
}

function results(parts: readonly Part[], data: unknown, options: EvaluateOptions): (readonly unknown[])[] {
  return parts.flatMap((part): (readonly unknown[])[] => {
    if (part.kind === "text") return [[part.text]];
    const found = follow(part.path, [data], options);
    return part.kind === "path" ? [found] : found.flatMap((item) => results(part.parts, item, options));
  });
}

/** The values of one part as text. */
export function printResults(values: readonly unknown[]): string {
  return values.map(printValue).join(" ");
}

function printValue(value: unknown): string {
  if (value === null || value === undefined) return "null";
  return typeof value === "object" ? goJson(value) : String(value);
}

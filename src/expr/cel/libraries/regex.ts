import { matches } from "../cost-rule.ts";
import type { Meter } from "../meter.ts";
import { type Overload, overload } from "../overload.ts";
import { compilePattern, countRun } from "../patterns.ts";
import { ArrayList, CelError, type CelOutcome } from "../value.ts";

function find(text: string, source: string, _c: unknown, _d: unknown, meter: Meter): CelOutcome {
  const pattern = compilePattern(source, meter);
  if (pattern instanceof CelError) return pattern;
  countRun(meter, text, source, pattern);
  const matcher = pattern.program.matcher(text);
  return matcher.find() ? (matcher.group() ?? "") : "";
}

function findAll(text: string, source: string, limit: bigint, meter: Meter): CelOutcome {
  const pattern = compilePattern(source, meter);
  if (pattern instanceof CelError) return pattern;
  countRun(meter, text, source, pattern);
  const matcher = pattern.program.matcher(text);
  const found: string[] = [];
  let end = -1;
  while ((limit < 0n || found.length < limit) && matcher.find()) {
    meter.visit();
    // An empty match right after another is none.
    if (matcher.end() === end) continue;
    end = matcher.end();
    found.push(matcher.group() ?? "");
  }
  return new ArrayList(found);
}

/** What of a text a pattern matches. */
export const regexLibrary: readonly Overload[] = [
  overload("find", "string.(string): string", find, matches),
  overload(
    "findAll",
    "string.(string): list(string)",
    (text: string, source: string, _c: unknown, _d: unknown, meter: Meter) => findAll(text, source, -1n, meter),
    matches,
  ),
  overload(
    "findAll",
    "string.(string, int): list(string)",
    (text: string, source: string, limit: bigint, _d: unknown, meter: Meter) => findAll(text, source, limit, meter),
    matches,
  ),
];

import { RE2JS, RE2JSException } from "re2js";
import type { Meter } from "./meter.ts";
import { CelError, type CelOutcome } from "./value.ts";

/** A pattern that can be run, and how large it is with its repetitions written out. */
export interface Pattern {
  readonly program: RE2JS;
  readonly expanded: number;
}

/** How many compiled patterns are kept: rules use few, and a hostile one must not fill memory. */
const kept = 256;
/** Larger patterns take a noticeable time to compile. */
const largest = 50_000;
const compiled = new Map<string, Pattern | CelError>();

/** A pattern in RE2's syntax (its time is linear in the text), or what is wrong with it. A new one is counted by its size. */
export function compilePattern(source: string, meter?: Meter): Pattern | CelError {
  const known = compiled.get(source);
  if (known) return known;
  const expanded = expandedSize(source);
  meter?.visit(Math.min(expanded, largest) * 32);
  const pattern =
    expanded > largest ? new CelError("error parsing regexp: expression too large") : compileNew(source, expanded);
  if (compiled.size >= kept) compiled.delete(compiled.keys().next().value ?? "");
  compiled.set(source, pattern);
  return pattern;
}

function compileNew(source: string, expanded: number): Pattern | CelError {
  try {
    return { program: RE2JS.compile(source), expanded };
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    return new CelError(`error parsing regexp: ${error.message.replace(/^error parsing regexp: /, "")}`);
  }
}

/** The size of a pattern with every counted repetition written out; groups count by what is in them. */
function expandedSize(source: string): number {
  const groups: number[] = [0];
  let last = 0;
  for (const [piece, low, high] of source.matchAll(/\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(\d+),?(\d*)\}|./gs)) {
    const depth = groups.length - 1;
    if (low !== undefined) {
      const times = Math.max(Number(low), Number(high || 0), 1);
      groups[depth] = (groups[depth] ?? 0) + last * (times - 1);
      last *= times;
    } else if (piece === "(") {
      groups.push(0);
    } else if (piece === ")" && depth > 0) {
      last = (groups.pop() ?? 0) + 1;
      groups[depth - 1] = (groups[depth - 1] ?? 0) + last;
    } else {
      last = 1;
      groups[depth] = (groups[depth] ?? 0) + 1;
    }
  }
  return groups.reduce((sum, size) => sum + size, 0);
}

/** Counts a run over a text where repetitions make a pattern larger than the price, which goes by its characters, knows. */
export function countRun(meter: Meter, text: string, source: string, { expanded }: Pattern): void {
  if (expanded > source.length * 2) meter.visit(Math.ceil((text.length * expanded) / 100));
}

/** Whether a pattern is found anywhere in a text. */
export function findIn(text: string, source: string, _c: unknown, _d: unknown, meter: Meter): CelOutcome {
  const pattern = compilePattern(source, meter);
  if (pattern instanceof CelError) return pattern;
  countRun(meter, text, source, pattern);
  return pattern.program.test(text);
}

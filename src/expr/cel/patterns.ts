import { RE2JS, RE2JSException } from "re2js";
import { CelError, type CelOutcome } from "./value.ts";

/** How many compiled patterns are kept: rules use few, and a hostile one must not fill memory. */
const kept = 256;
const compiled = new Map<string, RE2JS | CelError>();

/** A pattern in RE2's syntax (its time is linear in the text), or what is wrong with it. */
export function compilePattern(source: string): RE2JS | CelError {
  const known = compiled.get(source);
  if (known) return known;
  const pattern = compileNew(source);
  if (compiled.size >= kept) compiled.delete(compiled.keys().next().value ?? "");
  compiled.set(source, pattern);
  return pattern;
}

function compileNew(source: string): RE2JS | CelError {
  try {
    return RE2JS.compile(source);
  } catch (error) {
    if (error instanceof RE2JSException)
      return new CelError(`error parsing regexp: ${error.message.replace(/^error parsing regexp: /, "")}`);
    throw error;
  }
}

/** Whether a pattern is found anywhere in a text. */
export function findIn(text: string, source: string): CelOutcome {
  const pattern = compilePattern(source);
  return pattern instanceof CelError ? pattern : pattern.test(text);
}

import { execute } from "./execute.ts";
import { builtins, shortCircuits, type TemplateFunctions } from "./functions.ts";
import { parse } from "./parse.ts";
import type { Value } from "./values.ts";

export type { TemplateFunction, TemplateFunctions } from "./functions.ts";
export { TemplateError } from "./template-error.ts";
export type { Value } from "./values.ts";

export interface TemplateOptions {
  /** What errors call it. */
  readonly name: string;
  /** Functions beside Go's own. */
  readonly functions?: TemplateFunctions;
  /** Go's option `missingkey=error`: a key that a map has not is an error instead of `<no value>`. */
  readonly strict?: boolean;
}

/** A template that was read once and can be carried out as often as one likes. */
export interface GoTemplate {
  /** The text for decoded JSON. Throws TemplateError. */
  execute(data: unknown): string;
}

/** Compiles a template in the language of Go's text/template. Throws TemplateError. */
export function compileGoTemplate(source: string, options: TemplateOptions): GoTemplate {
  const { name, strict = false } = options;
  const functions = { ...builtins, ...options.functions };
  const templates = parse(source, { name, functions: new Set([...shortCircuits.keys(), ...Object.keys(functions)]) });
  return { execute: (data) => execute({ name, source, templates, functions, strict }, data as Value) };
}

import { goQuote } from "../lib/go-text.ts";
import { field } from "./fields.ts";
import type { LabelSelector } from "./generated/meta-v1.ts";
import { type LabelLexeme, type LabelToken, labelLexemes } from "./label-lexer.ts";
import { qualifiedName, validLabelValue } from "./names.ts";
import { badRequest, type FieldError } from "./status-error.ts";

export type Labels = Readonly<Record<string, string>>;

/** `exists` and `!` take no values, `in` and `notin` any number, the others one. */
export type LabelOperator = "exists" | "!" | "in" | "notin" | "=" | "==" | "!=" | "gt" | "lt";

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  /** Sorted, without repetition. */
  readonly values: readonly string[];
}

/** A question to an object's labels. */
export interface Selector {
  /** Sorted by key; all must hold. */
  readonly requirements: readonly LabelRequirement[];
  /** Whether every object matches. */
  readonly everything: boolean;
  /** Whether none can. */
  readonly nothing: boolean;
  matches(labels: Labels | undefined): boolean;
  /** `a=b,c in (d,e)`: what `parseSelector` reads. */
  toString(): string;
}

type Test = (labels: Labels) => boolean;
const noLabels: Labels = Object.freeze({});

class Requirements implements Selector {
  readonly requirements: readonly LabelRequirement[];
  readonly everything: boolean;
  readonly nothing = false;
  readonly #tests: readonly Test[];
  #text: string | undefined;

  constructor(requirements: readonly LabelRequirement[]) {
    this.requirements = [...requirements].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    this.everything = requirements.length === 0;
    this.#tests = this.requirements.map(compile);
  }

  matches(labels: Labels | undefined): boolean {
    const given = labels ?? noLabels;
    for (const test of this.#tests) if (!test(given)) return false;
    return true;
  }

  toString(): string {
    this.#text ??= this.requirements.map(requirementText).join(",");
    return this.#text;
  }
}

/** Matches every object. */
export const everything: Selector = new Requirements([]);

/** Matches no object. */
export const nothing: Selector = Object.freeze({
  requirements: [],
  everything: false,
  nothing: true,
  matches: () => false,
  toString: () => "",
});

function compile({ key, operator, values }: LabelRequirement): Test {
  const [value = ""] = values;
  switch (operator) {
    case "exists":
      return (labels) => Object.hasOwn(labels, key);
    case "!":
      return (labels) => !Object.hasOwn(labels, key);
    case "=":
    case "==":
      return (labels) => labels[key] === value && Object.hasOwn(labels, key);
    case "!=":
      return (labels) => labels[key] !== value || !Object.hasOwn(labels, key);
    case "in": {
      const set = new Set(values);
      return (labels) => Object.hasOwn(labels, key) && set.has(labels[key] ?? "");
    }
    case "notin": {
      const set = new Set(values);
      return (labels) => !Object.hasOwn(labels, key) || !set.has(labels[key] ?? "");
    }
    case "gt":
    case "lt": {
      const limit = BigInt(value);
      return (labels) => {
        const given = Object.hasOwn(labels, key) ? (labels[key] ?? "") : "";
        if (!integer.test(given)) return false;
        return operator === "gt" ? BigInt(given) > limit : BigInt(given) < limit;
      };
    }
  }
}

const integer = /^-?\d{1,19}$/;

function requirementText({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case "exists":
      return key;
    case "!":
      return `!${key}`;
    case "in":
    case "notin":
      // Nothing at all between the brackets is no value; two empty ones are the same value twice.
      return `${key} ${operator} (${values.join(",") || ","})`;
    case "gt":
      return `${key}>${values[0]}`;
    case "lt":
      return `${key}<${values[0]}`;
    default:
      return `${key}${operator}${values[0] ?? ""}`;
  }
}

/** A selector of these requirements. Throws BadRequest if one of them makes no sense. */
export function selectorOf(requirements: readonly LabelRequirement[]): Selector {
  return requirements.length === 0 ? everything : new Requirements(requirements.map(checked));
}

/** A selector for objects that have all these labels. */
export function selectorOfLabels(labels: Labels | undefined): Selector {
  const pairs = Object.entries(labels ?? {});
  if (pairs.length === 0) return everything;
  return new Requirements(pairs.map(([key, value]) => ({ key, operator: "=", values: [value] })));
}

const compiled = new WeakMap<object, Selector>();
const objectOperators: Readonly<Record<string, LabelOperator>> = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
};

/**
 * The selector that an object's `selector` member means: none matches nothing, an empty one everything. Compiled once per
 * object. Throws BadRequest if an operator is not known or its values do not fit.
 */
export function selectorOfObject(selector: LabelSelector | null | undefined): Selector {
  if (!selector) return nothing;
  const known = compiled.get(selector);
  if (known) return known;
  const requirements: LabelRequirement[] = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    operator: "=",
    values: [value],
  }));
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const known = objectOperators[operator];
    if (!known) throw badRequest(`${goQuote(operator)} is not a valid label selector operator`);
    requirements.push({ key, operator: known, values: values ?? [] });
  }
  const result = selectorOf(requirements);
  compiled.set(selector, result);
  return result;
}

function checked({ key, operator, values }: LabelRequirement): LabelRequirement {
  const sorted = [...new Set(values)].sort();
  const errors: FieldError[] = [];
  const keyFaults = qualifiedName(key);
  if (keyFaults.length > 0) errors.push(field.invalid("key", key, keyFaults.join("; ")));
  switch (operator) {
    case "in":
    case "notin":
      if (sorted.length === 0) {
        errors.push(field.invalid("values", sorted, "for 'in', 'notin' operators, values set can't be empty"));
      }
      break;
    case "exists":
    case "!":
      if (sorted.length !== 0) {
        errors.push(field.invalid("values", sorted, "values set must be empty for exists and does not exist"));
      }
      break;
    case "gt":
    case "lt":
      if (sorted.length !== 1) {
        errors.push(field.invalid("values", sorted, "for 'Gt', 'Lt' operators, exactly one value is required"));
      }
      sorted.forEach((value, position) => {
        if (!integer.test(value)) {
          const detail = "for 'Gt', 'Lt' operators, the value must be an integer";
          errors.push(field.invalid(`values[${position}]`, value, detail));
        }
      });
      break;
    default:
      if (sorted.length !== 1) {
        errors.push(field.invalid("values", sorted, "exact-match compatibility requires one single value"));
      }
  }
  sorted.forEach((value, position) => {
    const faults = validLabelValue(value);
    if (faults.length > 0) errors.push(field.invalid(`values[${position}][${key}]`, value, faults.join("; ")));
  });
  if (errors.length > 0) {
    const texts = errors.map((error) => `${error.field}: ${error.message}`);
    throw badRequest(texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`);
  }
  return { key, operator, values: sorted };
}

/** Reads a selector as query parameters and `kubectl -l` write it. Throws BadRequest with the text of Kubernetes. */
export function parseSelector(text: string): Selector {
  const requirements = new Parser(labelLexemes(text)).requirements();
  return requirements.length === 0 ? everything : new Requirements(requirements);
}

const operatorTokens: Readonly<Partial<Record<LabelToken, LabelOperator>>> = {
  "=": "=",
  "==": "==",
  "!=": "!=",
  ">": "gt",
  "<": "lt",
  in: "in",
  notin: "notin",
};

class Parser {
  readonly #lexemes: readonly LabelLexeme[];
  #at = 0;

  constructor(lexemes: readonly LabelLexeme[]) {
    this.#lexemes = lexemes;
  }

  requirements(): readonly LabelRequirement[] {
    const found: LabelRequirement[] = [];
    for (;;) {
      const { token, text } = this.#look();
      if (token === "end") return found;
      if (token !== "identifier" && token !== "!") {
        throw badRequest(`found '${text}', expected: !, identifier, or 'end of string'`);
      }
      found.push(this.#wrapped());
      const after = this.#take();
      if (after.token === "end") return found;
      if (after.token !== ",") throw badRequest(`found '${after.text}', expected: ',' or 'end of string'`);
      const next = this.#look();
      if (next.token !== "identifier" && next.token !== "!") {
        throw badRequest(`found '${next.text}', expected: identifier after ','`);
      }
    }
  }

  #wrapped(): LabelRequirement {
    try {
      return this.#requirement();
    } catch (error) {
      throw badRequest(`unable to parse requirement: ${(error as Error).message}`);
    }
  }

  #requirement(): LabelRequirement {
    let lexeme = this.#take();
    const negated = lexeme.token === "!";
    if (negated) lexeme = this.#take();
    if (lexeme.token !== "identifier") throw badRequest(`found '${lexeme.text}', expected: identifier`);
    const key = lexeme.text;
    const faults = qualifiedName(key);
    if (faults.length > 0) throw badRequest(`<nil>: ${field.invalid("", key, faults.join("; ")).message}`);
    const next = this.#look();
    if (negated) return { key, operator: "!", values: [] };
    if (next.token === "end" || next.token === ",") return { key, operator: "exists", values: [] };
    const found = this.#take("operator");
    const operator = operatorTokens[found.token];
    if (!operator) throw badRequest(`found '${found.text}', expected: in, notin, =, ==, !=, gt, lt`);
    const values = operator === "in" || operator === "notin" ? this.#values() : [this.#value()];
    return checked({ key, operator, values });
  }

  #value(): string {
    const next = this.#look();
    if (next.token === "end" || next.token === ",") return "";
    const { token, text } = this.#take();
    if (token !== "identifier") throw badRequest(`found '${text}', expected: identifier`);
    return text;
  }

  #values(): readonly string[] {
    const open = this.#take();
    if (open.token !== "(") throw badRequest(`found '${open.text}' expected: '('`);
    const first = this.#look();
    if (first.token === ")") {
      this.#take();
      return [];
    }
    if (first.token !== "identifier" && first.token !== ",") {
      throw badRequest(`found '${first.text}', expected: ',', ')' or identifier`);
    }
    const values = this.#list();
    const close = this.#take();
    if (close.token !== ")") throw badRequest(`found '${close.text}', expected: ')'`);
    return values;
  }

  #list(): readonly string[] {
    const values: string[] = [];
    for (;;) {
      const { token, text } = this.#take();
      if (token === "identifier") {
        values.push(text);
        const next = this.#look();
        if (next.token === ")") return values;
        if (next.token !== ",") throw badRequest(`found '${next.text}', expected: ',' or ')'`);
      } else if (token === ",") {
        if (values.length === 0) values.push("");
        const next = this.#look();
        if (next.token === ")") return [...values, ""];
        if (next.token === ",") {
          this.#take();
          values.push("");
        }
      } else throw badRequest(`found '${text}', expected: ',', or identifier`);
    }
  }

  /** The next part; `in` and `notin` are names like any other, except where an operator stands. */
  #look(place: "value" | "operator" = "value"): LabelLexeme {
    const lexeme = this.#lexemes[Math.min(this.#at, this.#lexemes.length - 1)] as LabelLexeme;
    if (place === "value" && (lexeme.token === "in" || lexeme.token === "notin")) {
      return { token: "identifier", text: lexeme.text };
    }
    return lexeme;
  }

  #take(place: "value" | "operator" = "value"): LabelLexeme {
    const lexeme = this.#look(place);
    this.#at++;
    return lexeme;
  }
}

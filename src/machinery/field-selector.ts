import { goQuote } from "../lib/go-text.ts";
import { badRequest } from "./status-error.ts";

export interface FieldRequirement {
  readonly field: string;
  readonly equal: boolean;
  readonly value: string;
}

/** A question to an object's selectable fields. */
export interface FieldSelector {
  readonly requirements: readonly FieldRequirement[];
  readonly everything: boolean;
  /** `read` gives a field's value, "" where it is not set. */
  matches(read: (field: string) => string): boolean;
  /** The value that a field must have, if the selector asks for exactly one. */
  exact(field: string): string | undefined;
  toString(): string;
}

class FieldRequirements implements FieldSelector {
  readonly requirements: readonly FieldRequirement[];
  readonly everything: boolean;

  constructor(requirements: readonly FieldRequirement[]) {
    this.requirements = requirements;
    this.everything = requirements.length === 0;
  }

  matches(read: (field: string) => string): boolean {
    for (const { field, equal, value } of this.requirements) if ((read(field) === value) !== equal) return false;
    return true;
  }

  exact(field: string): string | undefined {
    return this.requirements.find((requirement) => requirement.field === field && requirement.equal)?.value;
  }

  toString(): string {
    return this.requirements
      .map(({ field, equal, value }) => `${field}${equal ? "=" : "!="}${escapeFieldValue(value)}`)
      .join(",");
  }
}

/** Matches every object. */
export const everyField: FieldSelector = new FieldRequirements([]);

/** A selector of these requirements, all of which must hold. */
export function fieldSelectorOf(requirements: readonly FieldRequirement[]): FieldSelector {
  return requirements.length === 0 ? everyField : new FieldRequirements(requirements);
}

/** A value with the characters escaped that mean something in a field selector. */
export function escapeFieldValue(value: string): string {
  return value.replace(/[\\,=]/g, (character) => `\\${character}`);
}

/** Reads `a=b,c!=d`; `\` keeps `,`, `=` and itself in values. Throws BadRequest with the text of Kubernetes. */
export function parseFieldSelector(text: string): FieldSelector {
  const requirements: FieldRequirement[] = [];
  for (const term of terms(text)) {
    if (term === "") continue;
    const match = /^((?:[^\\=!]|\\.|!(?!=))*)(!=|==|=)(.*)$/s.exec(term);
    if (!match) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    const [, field = "", operator, value = ""] = match;
    requirements.push({ field, equal: operator !== "!=", value: unescapeValue(value) });
  }
  return fieldSelectorOf(requirements);
}

/** Cuts at commas that are not escaped; the escapes stay. */
function terms(text: string): readonly string[] {
  const found: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === ",") {
      found.push(text.slice(start, at));
      start = at + 1;
    }
  }
  found.push(text.slice(start));
  return found;
}

function unescapeValue(value: string): string {
  if (!/[\\,=]/.test(value)) return value;
  let plain = "";
  for (let at = 0; at < value.length; at++) {
    const character = value[at] ?? "";
    if (character === "\\") {
      const escaped = value[++at] ?? "";
      if (!/[\\,=]/.test(escaped)) {
        throw badRequest(`invalid field selector: invalid escape sequence: \\${escaped}`);
      }
      plain += escaped;
    } else if (character === "," || character === "=") {
      throw badRequest(`invalid field selector: unescaped character in value: ${character.codePointAt(0)}`);
    } else plain += character;
  }
  return plain;
}

/** Throws BadRequest if a selector asks for a field that a kind without fields of its own does not know. */
export function checkCommonFields(selector: FieldSelector): void {
  for (const { field } of selector.requirements) {
    if (field !== "metadata.name" && field !== "metadata.namespace") {
      throw badRequest(`${goQuote(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`);
    }
  }
}

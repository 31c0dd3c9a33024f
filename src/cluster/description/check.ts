import { nearestWord } from "../../lib/nearest-word.ts";
import type { Schema } from "./schema.ts";
import { escaped } from "./yaml-places.ts";

/** What is wrong with a value, and at which path (`/spec/nodes/count`). */
export interface Problem {
  readonly path: string;
  readonly message: string;
}

/** Everything about a value that its schema does not allow. */
export function checkValue(schema: Schema, value: unknown, path = ""): readonly Problem[] {
  const found = (message: string): readonly Problem[] => [{ path, message: `${fieldText(path)} ${message}` }];
  if (value === null) return found(`is empty; give it ${expected(schema)}, or leave it out`);
  if (schema.type === "object" && isRecord(value)) return checkMembers(schema, value, path);
  if (schema.type === "array" && Array.isArray(value)) {
    return value.flatMap((item, index) => checkValue(schema.items!, item, `${path}/${index}`));
  }
  if (schema.type === "string" && typeof value === "string" && textFits(schema, value)) return [];
  if (schema.type === "integer" && Number.isInteger(value) && numberFits(schema, value as number)) return [];
  const scalar = typeof value !== "object";
  const hint = schema.type === "string" && scalar && typeof value !== "string" ? "; put it in quotes" : "";
  const meant = schema.enum && typeof value === "string" ? meaning(value, schema.enum) : "";
  return found(`must be ${expected(schema)}${scalar ? `, not ${JSON.stringify(value)}` : ""}${hint}${meant}`);
}

function checkMembers(schema: Schema, value: Readonly<Record<string, unknown>>, path: string): readonly Problem[] {
  const { properties = {}, required = [] } = schema;
  const place = fieldText(path);
  const problems: Problem[] = [];
  for (const [name, member] of Object.entries(value)) {
    const at = `${path}/${escaped(name)}`;
    const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (known) problems.push(...checkValue(known, member, at));
    else {
      const names = Object.keys(properties);
      const help = meaning(name, names) || (names.length <= 12 ? `; it has ${names.join(", ")}` : "");
      problems.push({ path: at, message: `unrecognized key "${name}" in ${place}${help}` });
    }
  }
  for (const name of required) {
    if (!Object.hasOwn(value, name)) problems.push({ path, message: `${place} lacks "${name}"` });
  }
  return problems;
}

function meaning(word: string, known: readonly string[]): string {
  const near = nearestWord(word, known);
  return near === undefined ? "" : `; did you mean "${near}"?`;
}

function textFits(schema: Schema, value: string): boolean {
  if (schema.const !== undefined) return value === schema.const;
  if (schema.enum) return schema.enum.includes(value);
  return schema.pattern === undefined || new RegExp(schema.pattern).test(value);
}

function numberFits({ minimum = -Infinity, maximum = Infinity }: Schema, value: number): boolean {
  return value >= minimum && value <= maximum;
}

function expected(schema: Schema): string {
  if (schema.const !== undefined) return `"${schema.const}"`;
  if (schema.enum) return `one of ${schema.enum.join(", ")}`;
  if (schema.type === "integer") return `a whole number from ${schema.minimum} to ${schema.maximum}`;
  if (schema.type === "array") return "a list";
  if (schema.type === "object") return "a map of keys";
  return schema.pattern ? `text of the form ${schema.pattern}` : "text";
}

/** A path as people write fields: `spec.nodes.zones[0]`. */
function fieldText(path: string): string {
  if (path === "") return "the document";
  const steps = path
    .slice(1)
    .split("/")
    .map((step) => step.replace(/~1/g, "/").replace(/~0/g, "~"));
  return steps.map((step, at) => (/^\d+$/.test(step) ? `[${step}]` : at === 0 ? step : `.${step}`)).join("");
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

import {
  boolCoreTag,
  boolYaml11Tag,
  defineScalarTag,
  FAILSAFE_SCHEMA,
  loadAll,
  mergeTag,
  NOT_RESOLVED,
  nullYaml11Tag,
  YAMLException,
} from "js-yaml";
import { Fault } from "../lib/fault.ts";
import { depthLimit } from "./json-text.ts";

export { encodeYaml } from "./yaml-text.ts";

const wholeForm = /^[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)$/;

/** Whole numbers as Go reads them: `0777` is octal, `1_000` is a thousand, `12:30` is text. */
function wholeNumber(source: string): number | typeof NOT_RESOLVED {
  if (!wholeForm.test(source)) return NOT_RESOLVED;
  const plain = source.replace(/[_+-]/g, "");
  const octal = /^0[0-9]+$/.test(plain);
  if (octal && /[89]/.test(plain)) return Number(plain) * (source.startsWith("-") ? -1 : 1);
  const value = octal ? Number.parseInt(plain, 8) : Number(plain);
  if (!Number.isFinite(value)) return NOT_RESOLVED;
  return source.startsWith("-") ? -value : value;
}

const digits = [..."0123456789"];
const intTag = defineScalarTag("tag:yaml.org,2002:int", {
  implicit: true,
  implicitFirstChars: ["-", "+", ...digits],
  resolve: wholeNumber,
  identify: (value) => Number.isInteger(value),
});
const floatTag = defineScalarTag("tag:yaml.org,2002:float", {
  implicit: true,
  implicitFirstChars: ["-", "+", ".", ...digits],
  resolve: (source) =>
    /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(source) ? Number(source) : NOT_RESOLVED,
  identify: (value) => typeof value === "number",
});

/** YAML as kubectl reads it: `yes` and `on` are true, dates are text. */
const schema = FAILSAFE_SCHEMA.withTags(nullYaml11Tag, boolYaml11Tag, intTag, floatTag, mergeTag);

/** YAML as builds read it: `yes` and `on` are texts like any other. */
const plainSchema = FAILSAFE_SCHEMA.withTags(nullYaml11Tag, boolCoreTag, intTag, floatTag, mergeTag);

/** How many values a document may have once its aliases are written out. */
const expandedLimit = 500_000;

function load(text: string, lenient: boolean, by = schema): readonly unknown[] {
  if (/[^\P{Cc}\t\n\r\x85]/u.test(text)) throw new Fault("invalid", "yaml: control characters are not allowed");
  const documents = loadAll(text, { schema: by, maxDepth: depthLimit, json: lenient });
  if (text.includes("*")) {
    let left = expandedLimit;
    for (const document of documents) left = spend(document, left);
    if (left < 0) throw new Fault("invalid", "yaml: document contains excessive aliasing");
  }
  return documents;
}

/** Walks a value as if nothing in it were shared, until the budget is gone. */
function spend(value: unknown, budget: number): number {
  let left = budget - 1;
  if (typeof value !== "object" || value === null || left < 0) return left;
  for (const key in value) {
    left = spend((value as Readonly<Record<string, unknown>>)[key], left);
    if (left < 0) return left;
  }
  return left;
}

function readLenient(text: string): readonly unknown[] {
  try {
    return load(text, true);
  } catch (error) {
    throw fault(error);
  }
}

function fault(error: unknown): unknown {
  if (error instanceof YAMLException) {
    const line = error.mark ? `line ${error.mark.line + 1}: ` : "";
    return new Fault("invalid", `yaml: ${line}${error.reason}`);
  }
  return error instanceof RangeError ? new Fault("invalid", "yaml: exceeded max depth") : error;
}

/** Reads every document of a YAML text as a plain value, empty ones left out. Throws `invalid`. */
export function parseYamlDocuments(text: string): readonly unknown[] {
  return readLenient(text).filter((document) => document !== null && document !== undefined);
}

/** The same of a text in which only `true` and `false` are booleans; a key that stands twice is refused. Throws `invalid`. */
export function parsePlainYamlDocuments(text: string): readonly unknown[] {
  try {
    return load(text, false, plainSchema).filter((document) => document !== null && document !== undefined);
  } catch (error) {
    throw fault(error);
  }
}

/** Reads the first document of a YAML text (or JSON, which is YAML too) as a plain value. Throws `invalid`. */
export function parseYaml(text: string): unknown {
  return readLenient(text)[0] ?? null;
}

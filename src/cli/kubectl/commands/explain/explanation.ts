import { CommandError } from "../../messages.ts";
import { type GroupVersionKind, nameOf, type OpenApi, resolved, type Schema } from "./open-api.ts";
import { indented, wrapped } from "./wrap.ts";

/** What is printed of a kind, or of one of its fields; `missing` is the field asked for when the way to it ends. */
export interface Explanation {
  readonly text: string;
  readonly missing?: string;
}

/** Explains a kind, or one of its fields. Throws CommandError for a kind that is not described. */
export function explanation(
  document: OpenApi,
  kind: GroupVersionKind,
  { fields, recursive }: { readonly fields: readonly string[]; readonly recursive: boolean },
): Explanation {
  const head = `${kind.group ? `GROUP:      ${kind.group}\n` : ""}KIND:       ${kind.kind}\nVERSION:    ${kind.version}\n\n`;
  const found = Object.values(document.components?.schemas ?? {}).find((schema) =>
    schema["x-kubernetes-group-version-kind"]?.some(
      (one) => one.group === kind.group && one.version === kind.version && one.kind === kind.kind,
    ),
  );
  if (!found) throw new CommandError(`GVK ${JSON.stringify(kind)} not found in OpenAPI schema`);
  let at: Schema = found;
  for (const name of fields) {
    const field = fieldOf(document, at, name);
    if (!field) return { text: head, missing: fields.at(-1) ?? name };
    at = field;
  }
  const name = fields.at(-1);
  const title = name === undefined ? "" : `FIELD: ${name} <${typeText(document, at)}>\n${enumText(document, at)}\n`;
  const said = descriptions(document, at);
  const lines = said.length > 0 ? said.flatMap((one) => wrapped(one, 76)) : ["<empty>"];
  const list = fieldList(document, at, { level: 1, recursive, above: new Set() });
  const about = `DESCRIPTION:\n${indented(lines, 4)}    \n`;
  return { text: `${head}${title}${about}${list ? `FIELDS:\n${list}` : ""}\n` };
}

/** A field of an object, of a list's elements, or of a map's values. */
function fieldOf(document: OpenApi, schema: Schema, name: string): Schema | undefined {
  for (const one of layers(document, schema)) if (one.properties?.[name]) return one.properties[name];
  return undefined;
}

/** The schema and those that it is made of, outermost first: references, lists' elements, maps' values, parts. */
function* layers(document: OpenApi, schema: Schema): Generator<Schema> {
  const whole = resolved(document, schema);
  yield whole;
  if (whole.items) yield* layers(document, whole.items);
  else if (typeof whole.additionalProperties === "object") yield* layers(document, whole.additionalProperties);
  else for (const part of whole.allOf ?? []) yield* layers(document, part);
}

/** What is said of a value, and of what it is made of. */
function descriptions(document: OpenApi, schema: Schema): readonly string[] {
  return [...layers(document, schema)].flatMap(({ description }) => (description ? [description] : []));
}

/** `string`, `[]Container`, `map[string]Quantity`, `Object` */
function typeText(document: OpenApi, schema: Schema): string {
  if (schema.$ref) {
    const { type } = resolved(document, schema);
    return type && type !== "object" ? type : (nameOf(schema.$ref).split(".").at(-1) ?? "");
  }
  if (schema.items) return `[]${typeText(document, schema.items)}`;
  if (typeof schema.additionalProperties === "object") {
    return `map[string]${typeText(document, schema.additionalProperties)}`;
  }
  const [part] = schema.allOf ?? [];
  if (part) return typeText(document, part);
  return !schema.type || schema.type === "object" ? "Object" : schema.type;
}

function enumOf(document: OpenApi, schema: Schema): readonly string[] {
  return (resolved(document, schema).enum ?? []).map((value) => (value === "" ? '""' : String(value)));
}

function enumText(document: OpenApi, schema: Schema): string {
  const values = enumOf(document, schema);
  return values.length > 0 ? `ENUM:\n${values.map((value) => `    ${value}\n`).join("")}` : "\n";
}

/** A list has room for four. */
const shortened = (values: readonly string[]) => (values.length > 4 ? [...values.slice(0, 4), "...."] : values);

interface FieldListOptions {
  /** 1 at the top; two blanks each. */
  readonly level: number;
  readonly recursive: boolean;
  /** Names of the types around: a type within itself is not opened again. */
  readonly above: ReadonlySet<string>;
}

function fieldList(document: OpenApi, schema: Schema, options: FieldListOptions): string {
  const { level, recursive, above } = options;
  const around = new Set(above);
  for (const reference of references(document, schema)) {
    if (around.has(reference)) return "";
    around.add(reference);
  }
  const margin = "  ".repeat(level);
  let list = "";
  for (const { properties, required } of layers(document, schema)) {
    for (const name of Object.keys(properties ?? {}).sort()) {
      const field = properties![name]!;
      const values = enumOf(document, field);
      list += `${margin}${name}\t<${typeText(document, field)}>${required?.includes(name) ? " -required-" : ""}\n`;
      if (values.length > 0) list += `${margin}enum: ${shortened(values).join(", ")}\n`;
      if (recursive) list += fieldList(document, field, { level: level + 1, recursive, above: around });
      else {
        list += `${indented(wrapped(field.description || "<no description>", 76), 2 * level + 2)}\n`;
      }
    }
  }
  return list;
}

/** The types by name that a schema leads to. */
function references(document: OpenApi, schema: Schema): readonly string[] {
  const whole = resolved(document, schema);
  const own = schema.$ref ? [nameOf(schema.$ref)] : [];
  if (whole.items) return [...own, ...references(document, whole.items)];
  if (typeof whole.additionalProperties === "object")
    return [...own, ...references(document, whole.additionalProperties)];
  return [...own, ...(whole.allOf ?? []).flatMap((part) => references(document, part))];
}

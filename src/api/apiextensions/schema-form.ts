import { Fault } from "../../lib/fault.ts";
import { isEqual } from "../../machinery/equality.ts";
import { decoderOf } from "../../machinery/json-decode.ts";
import { depthLimit } from "../../machinery/json-text.ts";
import { lookupMeta } from "../../machinery/type-table.ts";
import { isMembers, type Members, type Schema } from "./schema.ts";

/** The schema of a member: its own, or the one of all that have no name there; `true` where anything goes. */
export function memberSchema(schema: Schema, name: string): Schema | true | undefined {
  const { properties, additionalProperties: others } = schema;
  if (properties && Object.hasOwn(properties, name)) return properties[name];
  if (others === undefined || others === false) return undefined;
  return others;
}

/** Members that every object has, which no schema can take away. */
const objectMembers = new Set(["apiVersion", "kind", "metadata"]);

interface Pruning {
  /** Paths of what was taken away; undefined when nobody asks. */
  readonly unknown: string[] | undefined;
}

/**
 * The value without the members that its schema does not know; the very same value when there are none. Values whose form
 * the schema does not allow stay as they are. Embedded objects keep their kind, and metadata in its usual form.
 */
export function prune(value: unknown, schema: Schema, unknown: string[] | undefined, root = false): unknown {
  return pruneAt(value, schema, { unknown }, "", root, 0);
}

function pruneAt(value: unknown, schema: Schema, to: Pruning, at: string, root: boolean, depth: number): unknown {
  if (depth > depthLimit) throw new Fault("invalid", "exceeded max depth");
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return value;
    return mapItems(value, (item, index) => pruneAt(item, items, to, `${at}[${index}]`, false, depth + 1));
  }
  if (!isMembers(value)) return value;
  const object = root || schema["x-kubernetes-embedded-resource"] === true;
  const keep = schema["x-kubernetes-preserve-unknown-fields"] === true;
  return mapMembers(value, (member, name) => {
    const here = at === "" ? name : `${at}.${name}`;
    if (object && objectMembers.has(name)) return name === "metadata" ? pruneMetadata(member, to, here) : member;
    const known = memberSchema(schema, name);
    if (known === true) return member;
    if (known) return pruneAt(member, known, to, here, false, depth + 1);
    if (keep) return member;
    to.unknown?.push(here);
    return undefined;
  });
}

function pruneMetadata(value: unknown, { unknown }: Pruning, at: string): unknown {
  const type = lookupMeta("meta/v1.ObjectMeta");
  if (!type || value === null || value === undefined) return value;
  const found: string[] | undefined = unknown && [];
  const decoded = decoderOf(type)(value, { unknown: found, depth: 1 });
  if (found) unknown?.push(...found.map((path) => `${at}.${path}`));
  return decoded;
}

/** The list with every element put through a function; the very same list when no element changed. */
function mapItems(list: readonly unknown[], alter: (item: unknown, index: number) => unknown): readonly unknown[] {
  let made: unknown[] | undefined;
  for (let index = 0; index < list.length; index++) {
    const next = alter(list[index], index);
    if (next === list[index]) continue;
    made ??= list.slice();
    made[index] = next;
  }
  return made ?? list;
}

/** The object with every member put through a function, without those that become undefined. */
function mapMembers(value: Members, alter: (member: unknown, name: string) => unknown): Members {
  let changed = false;
  const pairs: [string, unknown][] = [];
  for (const name of Object.keys(value)) {
    const next = alter(value[name], name);
    if (next !== value[name]) changed = true;
    if (next !== undefined) pairs.push([name, next]);
  }
  return changed ? Object.fromEntries(pairs) : value;
}

const refusesNull = (value: unknown, schema: Schema | true | undefined): boolean =>
  value === null && schema !== undefined && schema !== true && !schema.nullable;

/**
 * The value with the defaults of its schema, and without nulls that the schema does not allow: they stand for a value that
 * is not there. The very same value when nothing is missing.
 */
export function withSchemaDefaults(value: unknown, schema: Schema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return value;
    return mapItems(value, (item) => {
      const present = refusesNull(item, items) && items.default !== undefined ? items.default : item;
      return withSchemaDefaults(present, items);
    });
  }
  if (!isMembers(value)) return value;
  const filled = withMissing(value, schema);
  return mapMembers(filled, (member, name) => {
    const known = memberSchema(schema, name);
    if (known === undefined || known === true) return member;
    const present = refusesNull(member, known) ? known.default : member;
    return present === undefined ? undefined : withSchemaDefaults(present, known);
  });
}

function withMissing(value: Members, { properties }: Schema): Members {
  let filled: Record<string, unknown> | undefined;
  for (const name in properties) {
    const missing = properties[name]?.default;
    if (missing === undefined || Object.hasOwn(value, name)) continue;
    filled ??= { ...value };
    filled[name] = missing;
  }
  return filled ?? value;
}

/** Whether a value has members that pruning would take away. */
export function hasUnknownMembers(value: unknown, schema: Schema): boolean {
  return !isEqual(prune(value, schema, undefined), value);
}

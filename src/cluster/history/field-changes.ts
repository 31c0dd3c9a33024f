import { isDeepStrictEqual } from "node:util";
import type { KubeObject, ManagedFieldsEntry, ObjectMeta } from "../../machinery/object.ts";

/** One field that differs: absent on the side where it is not there. */
export interface FieldChange {
  /** As `spec.template.spec.containers[0].image`. */
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** Bookkeeping of the API server, which changes with every write and says nothing by itself. */
const bookkeeping = new Set(["managedFields", "resourceVersion", "generation"]);
/** What nobody should read on a screen. */
const hidden = "(hidden)";

/** What differs between two states of an object, the smallest fields that say so; values of Secrets are hidden. */
export function fieldChanges(before: KubeObject | undefined, after: KubeObject | undefined): readonly FieldChange[] {
  const secret = (before ?? after)?.kind === "Secret";
  const found: FieldChange[] = [];
  walk("", plain(before), plain(after), found);
  return found.map((change) => (secret && /^(data|stringData)\b/.test(change.path) ? hide(change) : change));
}

function hide({ path, before, after }: FieldChange): FieldChange {
  return {
    path,
    ...(before === undefined ? {} : { before: hidden }),
    ...(after === undefined ? {} : { after: hidden }),
  };
}

function plain(object: KubeObject | undefined): Readonly<Record<string, unknown>> | undefined {
  if (!object) return undefined;
  const { metadata, ...rest } = object;
  const kept = Object.entries(metadata).filter(([name]) => !bookkeeping.has(name));
  return { ...rest, metadata: Object.fromEntries(kept) };
}

function walk(path: string, before: unknown, after: unknown, found: FieldChange[]): void {
  if (isDeepStrictEqual(before, after)) return;
  if (isRecord(before) && isRecord(after)) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      walk(memberPath(path, name), before[name], after[name], found);
    }
    return;
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    const key = itemKey([...before, ...after]);
    if (key) walkItems(path, key, before, after, found);
    else
      for (let i = 0; i < Math.max(before.length, after.length); i++) walk(`${path}[${i}]`, before[i], after[i], found);
    return;
  }
  found.push({ path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) });
}

type Item = Readonly<Record<string, unknown>>;

/** What items of Kubernetes' lists are known by; undefined when these are not. */
function itemKey(items: readonly unknown[]): string | undefined {
  return ["name", "type"].find((key) => items.every((item) => isRecord(item) && typeof item[key] === "string"));
}

function walkItems(path: string, key: string, before: readonly Item[], after: readonly Item[], found: FieldChange[]) {
  const last = new Map(before.map((item) => [item[key], item]));
  const next = new Map(after.map((item) => [item[key], item]));
  for (const value of new Set([...last.keys(), ...next.keys()])) {
    walk(`${path}[${key}=${value}]`, last.get(value), next.get(value), found);
  }
}

function memberPath(path: string, name: string): string {
  if (!/^[A-Za-z_][\w-]*$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === "" ? name : `${path}.${name}`;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Who made a state out of the one before, by their entries in managedFields: `kubectl-scale`, `kubelet (status)`. */
export function writersOf(before: ObjectMeta | undefined, after: ObjectMeta): readonly string[] {
  const old = before?.managedFields ?? [];
  const changed = (after.managedFields ?? []).filter((entry) => !old.some((one) => isDeepStrictEqual(one, entry)));
  // Who only lost a field to another keeps the time of their own last write.
  const dated = changed.filter((entry) => !old.some((one) => sameWriter(one, entry) && one.time === entry.time));
  const writers = dated.length > 0 ? dated : changed.length > 0 ? changed : newest(after.managedFields ?? []);
  return [...new Set(writers.map(writerText))];
}

// Two writes of the same fields in one second leave the same entry.
function newest(entries: readonly ManagedFieldsEntry[]): readonly ManagedFieldsEntry[] {
  const latest = entries.reduce((time, entry) => ((entry.time ?? "") > time ? (entry.time ?? "") : time), "");
  return entries.filter(({ time }) => time === latest);
}

function sameWriter(a: ManagedFieldsEntry, b: ManagedFieldsEntry): boolean {
  return a.manager === b.manager && a.operation === b.operation && a.subresource === b.subresource;
}

const writerText = ({ manager = "unknown", subresource }: ManagedFieldsEntry) =>
  subresource ? `${manager} (${subresource})` : manager;

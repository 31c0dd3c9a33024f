import type { ManagedFieldsEntry, ObjectMeta } from "../generated/meta-v1.ts";
import type { Time } from "../object.ts";
import { timeMillis } from "../times.ts";
import { emptySet, type FieldSet, isEmptySet, unionSets } from "./field-set.ts";
import { sharedSet } from "./shared-sets.ts";

/** Somebody who owns fields of an object. */
export interface Manager {
  readonly name: string;
  readonly operation: "Apply" | "Update";
  /** The version that the fields are named in. */
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: Time | undefined;
  readonly fields: FieldSet;
}

/** Managers by who they are: an applier is the same whatever version it applies, an updater is another per version. */
export type Managers = ReadonlyMap<string, Manager>;

/** What tells a manager apart from others. */
export function managerKey({ name, operation, apiVersion, subresource }: Omit<Manager, "time" | "fields">): string {
  return JSON.stringify([name, operation, operation === "Apply" ? "" : apiVersion, subresource]);
}

/** Reads managedFields; undefined if they make no sense. */
export function readManagers(entries: readonly ManagedFieldsEntry[] | null | undefined): Managers | undefined {
  const managers = new Map<string, Manager>();
  for (const entry of entries ?? []) {
    const { operation } = entry;
    if ((operation !== "Apply" && operation !== "Update") || !entry.apiVersion) return undefined;
    if (entry.fieldsType !== "FieldsV1" && (entry.fieldsType || entry.fieldsV1)) return undefined;
    const manager: Manager = {
      name: entry.manager ?? "",
      operation,
      apiVersion: entry.apiVersion,
      subresource: entry.subresource ?? "",
      time: entry.time,
      fields: (entry.fieldsV1 ?? emptySet) as FieldSet,
    };
    managers.set(managerKey(manager), manager);
  }
  return managers;
}

/** Whether somebody asks for all managedFields to be forgotten: a list with one empty entry. */
export function asksForReset(entries: readonly ManagedFieldsEntry[] | null | undefined): boolean {
  const [first] = entries ?? [];
  if (entries?.length !== 1 || !first) return false;
  return Object.values(first).every((value) => value === undefined || value === null || value === "");
}

/** Writes managedFields: appliers first, then by time and name. Undefined if there are none. */
export function writeManagers(managers: Managers): readonly ManagedFieldsEntry[] | undefined {
  if (managers.size === 0) return undefined;
  const list = [...managers.values()];
  if (list.length > 1) {
    list.sort(
      (a, b) =>
        compareText(a.operation, b.operation) ||
        secondsOf(a) - secondsOf(b) ||
        compareText(a.name, b.name) ||
        compareText(a.apiVersion, b.apiVersion) ||
        compareText(a.subresource, b.subresource),
    );
  }
  return list.map(({ name, operation, apiVersion, subresource, time, fields }) => ({
    ...(name ? { manager: name } : {}),
    operation,
    apiVersion,
    ...(time ? { time } : {}),
    fieldsType: "FieldsV1",
    fieldsV1: sharedSet(fields),
    ...(subresource ? { subresource } : {}),
  }));
}

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const secondsOf = ({ time }: Manager) => (time ? Math.floor(timeMillis(time) / 1000) : 0);

/** How many updaters an object remembers one by one. */
const updaterLimit = 10;
const ancientName = "ancient-changes";

/** Puts the oldest updaters together, those of one version into one, until no more than ten are left. */
export function capUpdaters(managers: Managers): Managers {
  const updaters = [...managers].filter(([, { operation }]) => operation === "Update");
  if (updaters.length <= updaterLimit) return managers;
  updaters.sort(([a, left], [b, right]) => secondsOf(left) - secondsOf(right) || compareText(a, b));
  const made = new Map(managers);
  const firstOf = new Map<string, string>();
  let count = updaters.length;
  for (const [key, manager] of updaters) {
    if (count <= updaterLimit) break;
    const { apiVersion } = manager;
    const first = firstOf.get(apiVersion);
    if (first === undefined) {
      firstOf.set(apiVersion, key);
      continue;
    }
    const bucket = { name: ancientName, operation: "Update", apiVersion, subresource: "" } as const;
    const bucketKey = managerKey(bucket);
    const held = made.get(bucketKey) ?? made.get(first);
    if (!made.has(bucketKey)) made.delete(first);
    made.delete(key);
    // The latest of those put together gives the time.
    made.set(bucketKey, {
      ...bucket,
      time: manager.time,
      fields: unionSets(held?.fields ?? emptySet, manager.fields),
    });
    count--;
  }
  return made;
}

/** Managers that own nothing are forgotten. */
export function withoutIdle(managers: Managers): Managers {
  for (const { fields } of managers.values()) {
    if (isEmptySet(fields)) return new Map([...managers].filter(([, manager]) => !isEmptySet(manager.fields)));
  }
  return managers;
}

/** An object with these managers in its metadata. */
export function withManagers<T extends object>(object: T, managers: Managers): T {
  const metadata = ((object as { readonly metadata?: ObjectMeta }).metadata ?? {}) as ObjectMeta;
  const managedFields = writeManagers(managers);
  const { managedFields: _, ...rest } = metadata;
  return { ...object, metadata: managedFields ? { ...rest, managedFields } : rest };
}

/** The managedFields of an object as they stand. */
export function entriesOf(object: object | undefined): readonly ManagedFieldsEntry[] | null | undefined {
  return (object as { readonly metadata?: ObjectMeta } | undefined)?.metadata?.managedFields;
}

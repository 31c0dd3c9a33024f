import type { ManagedFieldsEntry } from "../generated/meta-v1.ts";
import type { Time } from "../object.ts";
import { emptySet, type FieldSet, isEmptySet, subtractBranches, unionSets } from "./field-set.ts";
import {
  asksForReset,
  capUpdaters,
  entriesOf,
  type Manager,
  type Managers,
  managerKey,
  readManagers,
  withManagers,
} from "./managers.ts";
import { Outlines } from "./outline.ts";
import { bare, type Endpoint, resetSet, strip, takeChanges, zeroObject } from "./ownership.ts";
import { shapeOf } from "./shape.ts";
import { sharedSet } from "./shared-sets.ts";

export interface UpdateRequest<T extends object> {
  /** What is stored, in the endpoint's version; undefined when the object is being made. */
  readonly live: object | undefined;
  /** What it is to become, defaults filled in. */
  readonly next: T;
  readonly endpoint: Endpoint;
  /** Who asks: the field manager's name. */
  readonly manager: string;
  readonly time: Time;
}

/**
 * The object with its managedFields as they stand after a create, update or patch: what changed belongs to the one who asks,
 * and to nobody else any more. An object whose managedFields were cleared is not tracked until somebody applies to it.
 */
export function updateManagers<T extends object>({ live, next, endpoint, manager, time }: UpdateRequest<T>): T {
  const entries = currentEntries(live, next, endpoint);
  const managers = readManagers(entries) ?? new Map();
  if (managers.size === 0 && live !== undefined) return withManagers(next, managers);
  const owner = {
    name: manager,
    operation: "Update",
    apiVersion: endpoint.apiVersion,
    subresource: endpoint.subresource ?? "",
  } as const;
  const after =
    live === undefined && managers.size === 0
      ? recordCreate(next, owner, endpoint, time)
      : recordUpdate(live ?? zeroObject(endpoint.type), next, managers, owner, endpoint, time);
  if (after === managers && entries === entriesOf(next)) return next;
  return withManagers(next, after);
}

/** What a request may say of managedFields: it may give them whole, or clear them; saying nothing keeps the stored ones. */
export function currentEntries(
  live: object | undefined,
  next: object,
  endpoint: Endpoint,
): readonly ManagedFieldsEntry[] | null | undefined {
  const stored = entriesOf(live);
  // Through a subresource nobody can set them.
  if (endpoint.subresource) return stored;
  const given = entriesOf(next);
  if (asksForReset(given)) return undefined;
  const read = readManagers(given);
  return read === undefined || read.size === 0 ? stored : given;
}

const fieldsByOutline = new WeakMap<Endpoint, Outlines<FieldSet>>();

/** The one manager of a new object. Most objects are made from few templates, so what was worked out once mostly does. */
function recordCreate(
  object: object,
  owner: Pick<Manager, "name" | "operation" | "apiVersion" | "subresource">,
  endpoint: Endpoint,
  time: Time,
): Managers {
  const known = fieldsByOutline.get(endpoint) ?? new Outlines<FieldSet>();
  fieldsByOutline.set(endpoint, known);
  const zero = zeroObject(endpoint.type);
  const slot = known.slotOf(shapeOf(endpoint.type), bare(object), zero);
  if (slot.value) return new Map([[managerKey(owner), { ...owner, time, fields: slot.value }]]);
  const managers = recordUpdate(zero, object, new Map(), owner, endpoint, time);
  const [made] = managers.values();
  if (made) slot.value = sharedSet(made.fields);
  return managers;
}

/** Managers after a change from one object to another by an updater. Returns its argument if nothing changed hands. */
export function recordUpdate(
  before: object,
  after: object,
  managers: Managers,
  owner: Pick<Manager, "name" | "operation" | "apiVersion" | "subresource">,
  endpoint: Endpoint,
  time: Time,
): Managers {
  const { managers: left, comparison } = takeChanges(bare(before), bare(after), managers, undefined, endpoint, true);
  const touched = subtractBranches(unionSets(comparison.modified, comparison.added), resetSet(endpoint));
  const taken = strip({ ...owner, time, fields: touched });
  const unchanged = left.size === managers.size && [...left].every(([key, manager]) => managers.get(key) === manager);
  if (isEmptySet(taken.fields)) return unchanged ? managers : left;
  const key = managerKey(taken);
  const previous = left.get(key)?.fields ?? emptySet;
  const made = new Map(left);
  made.set(key, { ...taken, fields: unionSets(previous, taken.fields) });
  return capUpdaters(made);
}

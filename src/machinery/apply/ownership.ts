import { decodeValue } from "../codec-json.ts";
import type { StructInfo } from "../type-info.ts";
import { type Comparison, compareObjects, excludeBranches } from "./compare.ts";
import { ApplyConflict, type FieldConflict } from "./conflict.ts";
import {
  emptySet,
  type FieldSet,
  intersectSets,
  isEmptySet,
  placesOf,
  setOfPaths,
  subtractSet,
  unionSets,
} from "./field-set.ts";
import { type Manager, type Managers, withoutIdle } from "./managers.ts";
import { shapeOf } from "./shape.ts";

/** The address that a request changes an object at, and what it may not change there. */
export interface Endpoint {
  readonly apiVersion: string;
  /** The type in that version. */
  readonly type: StructInfo;
  /** `status`, `scale`; absent for the object itself. */
  readonly subresource?: string;
  /**
   * Paths of names that this address leaves alone, whatever a request says there: `[["status"]]` for an object with a status
   * subresource, `[["spec"], ["metadata", "labels"]]` at the status. Nobody comes to own them here.
   */
  readonly reset?: readonly (readonly string[])[];
  /** How the object looks in another version that a manager may have used; undefined if that version is gone. */
  readonly inVersion?: (apiVersion: string) => VersionView | undefined;
}

export interface VersionView {
  readonly type: StructInfo;
  /** Converts between the endpoint's version and the other. */
  readonly to: (object: object) => object;
  readonly from: (object: object) => object;
}

/** Places of metadata that nobody owns: the server gives them, or they name the object. */
export const serverOwned: FieldSet = {
  "f:apiVersion": emptySet,
  "f:kind": emptySet,
  "f:metadata": {
    ".": emptySet,
    "f:clusterName": emptySet,
    "f:creationTimestamp": emptySet,
    "f:generation": emptySet,
    "f:managedFields": emptySet,
    "f:name": emptySet,
    "f:namespace": emptySet,
    "f:resourceVersion": emptySet,
    "f:selfLink": emptySet,
    "f:uid": emptySet,
  },
};

const resetSets = new WeakMap<readonly (readonly string[])[], FieldSet>();

/** The set of what an endpoint leaves alone. */
export function resetSet({ reset }: Endpoint): FieldSet {
  if (!reset) return emptySet;
  let set = resetSets.get(reset);
  if (!set) {
    set = setOfPaths(reset);
    resetSets.set(reset, set);
  }
  return set;
}

const zeroObjects = new WeakMap<StructInfo, object>();

/** The object that is there before anything is: what Go prints for a new one. */
export function zeroObject(type: StructInfo): object {
  let zero = zeroObjects.get(type);
  if (!zero) {
    zero = decodeValue<object>(type, {}).object;
    zeroObjects.set(type, zero);
  }
  return zero;
}

/** The object without managedFields, which are not compared: who owns them is not a question. */
export function bare<T extends object>(object: T): T {
  const { metadata } = object as { readonly metadata?: object };
  if (!metadata || !("managedFields" in metadata)) return object;
  const { managedFields: _, ...rest } = metadata;
  return { ...object, metadata: rest };
}

export interface Taking {
  readonly managers: Managers;
  readonly comparison: Comparison;
}

/**
 * Takes from all managers but one what changed under them. Throws ApplyConflict, unless forced, if something changed that
 * another owns.
 */
export function takeChanges(
  before: object,
  after: object,
  managers: Managers,
  by: string | undefined,
  endpoint: Endpoint,
  force: boolean,
): Taking {
  const ignored = resetSet(endpoint);
  const compare = (type: StructInfo, old: object, next: object) => {
    const found = compareObjects(shapeOf(type), old, next);
    return isEmptySet(ignored) ? found : excludeBranches(found, ignored);
  };
  const comparison = compare(endpoint.type, before, after);
  const comparisons = new Map<string, Comparison | undefined>([[endpoint.apiVersion, comparison]]);
  const comparisonIn = (apiVersion: string): Comparison | undefined => {
    if (!comparisons.has(apiVersion)) {
      const view = endpoint.inVersion?.(apiVersion);
      comparisons.set(apiVersion, view && compare(view.type, view.to(before), view.to(after)));
    }
    return comparisons.get(apiVersion);
  };

  const made = new Map(managers);
  const conflicts: FieldConflict[] = [];
  for (const [key, manager] of managers) {
    if (key === by) continue;
    const changed = comparisonIn(manager.apiVersion);
    if (!changed) {
      // What is named in a version that is gone can be told to nobody.
      made.delete(key);
      continue;
    }
    const lost = intersectSets(manager.fields, unionSets(changed.modified, changed.added));
    if (!isEmptySet(lost)) for (const place of placesOf(lost)) conflicts.push({ manager, place });
    const fields = subtractSet(subtractSet(manager.fields, lost), changed.removed);
    if (fields !== manager.fields) made.set(key, { ...manager, fields });
  }
  if (!force && conflicts.length > 0) throw new ApplyConflict(conflicts);
  return { managers: withoutIdle(made), comparison };
}

/** A manager without what only the server may say. */
export function strip(manager: Manager): Manager {
  const fields = subtractSet(manager.fields, serverOwned);
  return fields === manager.fields ? manager : { ...manager, fields };
}

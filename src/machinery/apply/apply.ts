import { Fault } from "../../lib/fault.ts";
import { decodeValue } from "../codec-json.ts";
import type { ObjectMeta } from "../generated/meta-v1.ts";
import type { Time } from "../object.ts";
import { badRequest, StatusError } from "../status-error.ts";
import type { StructInfo } from "../type-info.ts";
import { checkConfiguration, configurationName } from "./check.ts";
import { equal } from "./compare.ts";
import { ApplyConflict } from "./conflict.ts";
import {
  emptySet,
  type FieldSet,
  intersectSets,
  isEmptySet,
  sameSets,
  subtractBranches,
  subtractSet,
  unionSets,
} from "./field-set.ts";
import { type Manager, type Managers, managerKey, readManagers, withManagers } from "./managers.ts";
import { mergeApplied, removePlaces } from "./merge.ts";
import { setOfObject, withNamedMembers } from "./object-set.ts";
import { bare, type Endpoint, resetSet, strip, takeChanges, zeroObject } from "./ownership.ts";
import { shapeOf } from "./shape.ts";
import { recordUpdate } from "./update-managers.ts";

export interface ApplyRequest {
  /** What is stored, in the endpoint's version; undefined when the object is to be made. */
  readonly live: object | undefined;
  /** What is applied, as it was sent (read from YAML, not decoded to the type). */
  readonly config: Readonly<Record<string, unknown>>;
  readonly endpoint: Endpoint;
  readonly manager: string;
  /** Takes what others own, instead of conflicting with them. */
  readonly force: boolean;
  readonly time: Time;
}

export interface Applied {
  /** The merged object with its managedFields, in its type's form but without defaults; the stored one if nothing changed. */
  readonly object: Readonly<Record<string, unknown>>;
  readonly changed: boolean;
}

const beforeFirst = "before-first-apply";
const annotation = "kubectl.kubernetes.io/last-applied-configuration";

/**
 * Server-side apply: merges a configuration into the stored object, takes away what the manager applied before and applies
 * no more, unless somebody else owns it. The configuration is of the endpoint's kind and version. Throws ApplyConflict (409)
 * if it would change what others own, and like Kubernetes an error without a reason for one that does not fit the type.
 */
export function applyConfiguration(request: ApplyRequest): Applied {
  try {
    return apply(request, request.force);
  } catch (error) {
    if (!(error instanceof ApplyConflict) || request.manager !== "kubectl") throw error;
    // Who comes from client-side apply may take over what that applied.
    const allowed = lastApplied(request);
    const remaining = error.conflicts.filter(({ place }) => !hasPlace(allowed, place));
    if (remaining.length > 0) throw new ApplyConflict(remaining);
    return apply(request, true);
  }
}

function apply({ live, config, endpoint, manager, time }: ApplyRequest, force: boolean): Applied {
  const { type, apiVersion } = endpoint;
  if ((config.metadata as ObjectMeta | undefined)?.managedFields)
    throw badRequest("metadata.managedFields must be nil");
  const shape = shapeOf(type);
  checkConfiguration(type, config);

  const stored = live ?? zeroObject(type);
  let managers: Managers =
    readManagers((stored as { readonly metadata?: ObjectMeta }).metadata?.managedFields) ?? new Map();
  if (managers.size === 0 && live !== undefined) {
    const subresource = endpoint.subresource ?? "";
    const owner = { name: beforeFirst, operation: "Update", apiVersion, subresource } as const;
    managers = recordUpdate(zeroObject(type), live, managers, owner, endpoint, time);
  }

  const before = bare(stored);
  const set = subtractBranches(setOfObject(shape, config), resetSet(endpoint));
  const applier: Manager = strip({
    name: manager,
    operation: "Apply",
    apiVersion,
    subresource: endpoint.subresource ?? "",
    time,
    fields: set,
  });
  const key = managerKey(applier);
  const last = managers.get(key);
  const claimed = new Map(managers).set(key, { ...applier, fields: set });
  const merged = mergeApplied(shape, before, config) as object;
  const kept = last && !isEmptySet(last.fields) ? prune(merged, claimed, last, endpoint) : merged;
  const taken = takeChanges(before, kept, claimed, key, endpoint, force);

  const object = fitted(type, kept, config);
  const sameFields = last !== undefined && last.apiVersion === apiVersion && sameSets(last.fields, applier.fields);
  const changed = !sameFields || !equal(before, object);
  const managersAfter = new Map(taken.managers);
  if (isEmptySet(applier.fields)) managersAfter.delete(key);
  else managersAfter.set(key, changed ? applier : { ...applier, time: last?.time });
  const isSame = live !== undefined && !changed && managersAfter.size === managers.size;
  if (isSame) return { object: live as Readonly<Record<string, unknown>>, changed: false };
  return { object: withManagers(withLastApplied(object, { live, config, manager }), managersAfter), changed: true };
}

/** The merged object in its type's form; a value that does not fit is the configuration's fault. */
function fitted(type: StructInfo, merged: object, config: ApplyRequest["config"]): Readonly<Record<string, unknown>> {
  try {
    return decodeValue(type, merged).object;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new StatusError(
      "",
      `failed to convert new object (${configurationName(config)}) to proper version: ${error.message}`,
    );
  }
}

/** Removes what the manager applied before and nobody wants any more. */
function prune(merged: object, managers: Managers, last: Manager, endpoint: Endpoint): object {
  const view = last.apiVersion === endpoint.apiVersion ? undefined : endpoint.inVersion?.(last.apiVersion);
  if (last.apiVersion !== endpoint.apiVersion && !view) return merged;
  const type = view?.type ?? endpoint.type;
  const shape = shapeOf(type);
  const whole = view ? view.to(merged) : merged;
  const lastNamed = withNamedMembers(shape, last.fields);
  const removed = removePlaces(shape, whole, lastNamed) as object;
  const back = addBackOwned(whole, removed, last.apiVersion, managers, endpoint);
  // Only what this manager owned may go; what nobody owned stays.
  const wholeSet = withNamedMembers(shape, setOfObject(shape, whole));
  const backSet = withNamedMembers(shape, setOfObject(shape, back));
  const pruned = removePlaces(shape, whole, intersectSets(subtractSet(wholeSet, backSet), lastNamed)) as object;
  return view ? view.from(pruned) : pruned;
}

/** Puts back what others own, or the manager itself owns by its new configuration. */
function addBackOwned(
  whole: object,
  removed: object,
  wholeVersion: string,
  managers: Managers,
  endpoint: Endpoint,
): object {
  const owned = new Map<string, FieldSet>();
  for (const { apiVersion, fields } of managers.values()) {
    owned.set(apiVersion, unionSets(owned.get(apiVersion) ?? emptySet, fields));
  }
  const versions = [...owned.keys()].sort(
    (a, b) => Number(b === wholeVersion) - Number(a === wholeVersion) || (a < b ? -1 : 1),
  );
  let left = removed;
  for (const version of versions) {
    const convert = converter(wholeVersion, version, endpoint);
    if (!convert) continue;
    const shape = shapeOf(convert.type);
    const all = convert.to(whole);
    const allSet = withNamedMembers(shape, setOfObject(shape, all));
    const leftSet = withNamedMembers(shape, setOfObject(shape, convert.to(left)));
    const ownedSet = withNamedMembers(shape, owned.get(version) ?? emptySet);
    left = convert.from(removePlaces(shape, all, subtractSet(allSet, unionSets(leftSet, ownedSet))) as object);
  }
  return left;
}

/** How to get from one version to another and back, by way of the endpoint's. */
function converter(from: string, to: string, endpoint: Endpoint) {
  const same = (object: object) => object;
  const here = { type: endpoint.type, to: same, from: same };
  const start = from === endpoint.apiVersion ? here : endpoint.inVersion?.(from);
  const end = to === endpoint.apiVersion ? here : endpoint.inVersion?.(to);
  if (!start || !end) return undefined;
  if (from === to) return { type: end.type, to: same, from: same };
  return {
    type: end.type,
    to: (object: object) => end.to(start.from(object)),
    from: (object: object) => start.to(end.from(object)),
  };
}

function lastApplied({ live, endpoint }: ApplyRequest): FieldSet {
  const text = (live as { readonly metadata?: ObjectMeta } | undefined)?.metadata?.annotations?.[annotation];
  if (!text) return emptySet;
  try {
    const config = JSON.parse(text) as { readonly apiVersion?: string };
    if (config.apiVersion !== endpoint.apiVersion) return emptySet;
    return setOfObject(shapeOf(endpoint.type), config);
  } catch {
    return emptySet;
  }
}

function hasPlace(set: FieldSet, place: readonly string[]): boolean {
  let node: FieldSet | undefined = set;
  for (const step of place) node = node?.[step];
  return node !== undefined && (node["."] !== undefined || isEmptySet(node));
}

/** kubectl's own annotation follows what it applies, so that client-side apply can take over again. */
function withLastApplied(
  object: Readonly<Record<string, unknown>>,
  { live, config, manager }: Pick<ApplyRequest, "live" | "config" | "manager">,
): Readonly<Record<string, unknown>> {
  const annotations = (live as { readonly metadata?: ObjectMeta } | undefined)?.metadata?.annotations;
  if (manager !== "kubectl" || annotations?.[annotation] === undefined) return object;
  const metadata = object.metadata as ObjectMeta | undefined;
  const text = `${JSON.stringify(config)}\n`;
  return { ...object, metadata: { ...metadata, annotations: { ...metadata?.annotations, [annotation]: text } } };
}

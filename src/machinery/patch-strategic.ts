import { goPrint } from "../lib/go-text.ts";
import { isEqual } from "./equality.ts";
import { setOwn } from "./patch-merge.ts";
import { badRequest, StatusError } from "./status-error.ts";
import type { FieldInfo, TypeInfo } from "./type-info.ts";

type Members = Readonly<Record<string, unknown>>;
type List = readonly unknown[];

const directive = "$patch";
const retainKeys = "$retainKeys";
const orderPrefix = "$setElementOrder/";
const deletePrefix = "$deleteFromPrimitiveList/";

const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Applies a strategic merge patch: lists merge by the keys that the type names, directives (`$patch`, `$retainKeys`,
 * `$setElementOrder/...`, `$deleteFromPrimitiveList/...`) are obeyed. The arguments stay as they are. Throws BadRequest for
 * a patch of the wrong form; like Kubernetes, an error without a reason (500) for an element without its merge key.
 */
export function applyStrategicPatch(type: TypeInfo, value: unknown, patch: unknown): unknown {
  if (!isObject(patch)) throw badRequest("Invalid JSON document");
  return mergeObject(type, isObject(value) ? value : {}, patch);
}

function mergeObject(type: TypeInfo | undefined, original: Members, patch: Members): Members {
  const how = patch[directive];
  if (how === "replace") return withoutDirectives(patch) as Members;
  if (how === "delete") return {};
  if (how !== undefined && how !== "merge") throw failure(`unknown patch type found: ${goPrint(how)}`);

  const made: Record<string, unknown> = { ...retained(original, patch) };
  const done = mergeOrdered(type, made, patch);
  for (const [key, change] of Object.entries(patch)) {
    if (key === directive || key === retainKeys || key.startsWith(orderPrefix) || done.has(key)) continue;
    if (key.startsWith(deletePrefix)) {
      const name = key.slice(deletePrefix.length);
      if (!Array.isArray(change)) throw badRequest("invalid patch format of primitive list");
      const list = made[name];
      if (Array.isArray(list)) made[name] = without(list, change);
      continue;
    }
    if (change === null) {
      delete made[key];
      continue;
    }
    setOwn(made, key, mergeMember(type, key, Object.hasOwn(made, key) ? made[key] : undefined, change));
  }
  return made;
}

function mergeMember(type: TypeInfo | undefined, key: string, before: unknown, change: unknown): unknown {
  const { field, type: inner } = member(type, key);
  const merges = field?.patchStrategy?.includes("merge") === true;
  if (isObject(before) && isObject(change)) {
    return field?.patchStrategy?.includes("replace") ? withoutDirectives(change) : mergeObject(inner, before, change);
  }
  if (Array.isArray(before) && Array.isArray(change) && merges) {
    return mergeList(inner?.kind === "list" ? inner.item : undefined, before, change, field?.patchMergeKey);
  }
  return withoutDirectives(change);
}

function member(
  type: TypeInfo | undefined,
  key: string,
): { readonly field?: FieldInfo | undefined; readonly type?: TypeInfo | undefined } {
  if (type?.kind === "struct") {
    const field = type.fields.get(key);
    return { field, type: field?.type };
  }
  if (type?.kind === "map") return { type: type.value };
  return type?.kind === "either" ? member(type.struct, key) : {};
}

/** Drops what `$retainKeys` does not name. */
function retained(original: Members, patch: Members): Members {
  const keep = patch[retainKeys];
  if (keep === undefined) return original;
  if (!Array.isArray(keep)) throw badRequest("invalid patch format of retainKeys");
  const names = new Set<unknown>(keep);
  for (const key of Object.keys(patch)) {
    const plain =
      key !== directive && key !== retainKeys && !key.startsWith(orderPrefix) && !key.startsWith(deletePrefix);
    if (plain && patch[key] !== null && !names.has(key)) throw badRequest("invalid patch format of retainKeys");
  }
  return Object.fromEntries(Object.entries(original).filter(([key]) => names.has(key)));
}

/** Merges the lists that a `$setElementOrder` directive puts in order; returns their names. */
function mergeOrdered(type: TypeInfo | undefined, made: Record<string, unknown>, patch: Members): ReadonlySet<string> {
  const done = new Set<string>();
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith(orderPrefix)) continue;
    const name = key.slice(orderPrefix.length);
    if (!Array.isArray(order)) throw badRequest("invalid patch format of setElementOrder list");
    const change = patch[name];
    const { field, type: inner } = member(type, name);
    const mergeKey = field?.patchMergeKey;
    // A list that is put in order and emptied in one breath is emptied.
    if (change === null) continue;
    const before = made[name];
    if (change !== undefined) {
      if (!Array.isArray(change)) throw badRequest("invalid patch format of setElementOrder list");
      checkOrder(change, order, mergeKey);
    }
    if (!Array.isArray(before)) {
      if (change === undefined) continue;
      made[name] = withoutDirectives(change);
      done.add(name);
      continue;
    }
    const deleted = patch[deletePrefix + name];
    const left = Array.isArray(deleted) ? without(before, deleted) : before;
    const item = inner?.kind === "list" ? inner.item : undefined;
    const merged = change === undefined ? left : mergeList(item, left, change as List, mergeKey);
    made[name] = inOrder(merged, order, before, mergeKey);
    done.add(name).add(deletePrefix + name);
  }
  return done;
}

/** The patch's elements must stand in the order that the directive asks for. */
function checkOrder(change: List, order: List, mergeKey: string | undefined): void {
  let at = 0;
  for (const item of change) {
    if (isObject(item) && item[directive] !== undefined) continue;
    const found = order.findIndex((wanted, index) => index >= at && alike(wanted, item, mergeKey));
    if (found < 0) {
      throw failure(
        `The order in patch list:\n${goPrint(change)}\n doesn't match $setElementOrder list:\n${goPrint(order)}\n`,
      );
    }
    at = found + 1;
  }
}

function mergeList(item: TypeInfo | undefined, original: List, patch: List, mergeKey: string | undefined): List {
  if (!patch.some(isObject) && !original.some(isObject)) {
    const all = [...original, ...patch];
    const first = placesOf(all, undefined);
    const merged = all.filter((value, at) => first(value) === at);
    return inOrder(merged, patch, original, undefined);
  }
  if (!mergeKey) throw failure("cannot merge lists without merge key");
  let replace = false;
  const deletions: Members[] = [];
  const changes: Members[] = [];
  for (const change of patch) {
    if (!isObject(change)) throw failure("invalid patch format of list");
    const how = change[directive];
    if (how === undefined) changes.push(change);
    else if (how === "delete") {
      if (!Object.hasOwn(change, mergeKey)) throw failure("delete patch type with no merge key defined");
      deletions.push(change);
    } else if (how === "replace") replace = true;
    else if (how === "merge") throw failure("merging lists cannot yet be specified in the patch");
    else throw failure(`unknown patch type found: ${goPrint(how)}`);
  }
  if (replace) return withoutDirectives(changes) as List;
  const deleted = placesOf(deletions, mergeKey);
  const left = deletions.length === 0 ? original : original.filter((element) => deleted(element) < 0);
  const merged = [...left];
  const places = new Map<string | undefined, number>();
  for (const [at, element] of left.entries()) {
    const name = identity(element, mergeKey);
    if (name !== undefined && !places.has(name)) places.set(name, at);
  }
  for (const change of changes) {
    if (!Object.hasOwn(change, mergeKey)) {
      throw failure(`map: ${goPrint(change)} does not contain declared merge key: ${mergeKey}`);
    }
    const name = identity(change, mergeKey);
    const at = places.get(name);
    if (at !== undefined) merged[at] = mergeObject(item, merged[at] as Members, change);
    else {
      places.set(name, merged.length);
      merged.push(withoutDirectives(change));
    }
  }
  return inOrder(merged, changes, left, mergeKey);
}

function alike(a: unknown, b: unknown, mergeKey: string | undefined): boolean {
  if (mergeKey && isObject(a) && isObject(b)) return Object.hasOwn(a, mergeKey) && isEqual(a[mergeKey], b[mergeKey]);
  return isEqual(a, b);
}

/**
 * Puts elements that `wanted` names in its order, and slips the others in between by their place in the live list; an
 * element that is new comes before all that follow.
 */
function inOrder(merged: List, wanted: List, live: List, mergeKey: string | undefined): List {
  const inWanted = placesOf(wanted, mergeKey);
  const inLive = placesOf(live, mergeKey);
  const all = merged.map((item) => ({ item, wanted: inWanted(item), live: inLive(item) }));
  const named = all.filter((each) => each.wanted >= 0).sort((a, b) => a.wanted - b.wanted);
  const others = all.filter((each) => each.wanted < 0).sort((a, b) => a.live - b.live);
  const result: unknown[] = [];
  let at = 0;
  for (const each of named) {
    for (let other = others[at]; other && other.live < each.live; other = others[++at]) result.push(other.item);
    result.push(each.item);
  }
  return [...result, ...others.slice(at).map(({ item }) => item)];
}

const without = (list: List, gone: List): List => {
  const place = placesOf(gone, undefined);
  return list.filter((item) => place(item) < 0);
};

/** Finds where a list has an element like another first; -1 if nowhere. Asked once per element, lists of any length merge in one go. */
function placesOf(list: List, mergeKey: string | undefined): (item: unknown) => number {
  const places = new Map<string, number>();
  for (const [at, item] of list.entries()) {
    const name = identity(item, mergeKey);
    if (name !== undefined && !places.has(name)) places.set(name, at);
  }
  return (item) => places.get(identity(item, mergeKey) ?? "") ?? -1;
}

/** Equal for elements that are alike: by their merge key, or as a whole. Undefined for an object without the key. */
function identity(item: unknown, mergeKey: string | undefined): string | undefined {
  if (!mergeKey || !isObject(item)) return `value ${said(item)}`;
  return Object.hasOwn(item, mergeKey) ? `key ${said(item[mergeKey])}` : undefined;
}

/** The same text for values that say the same, as `isEqual` sees it. */
function said(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "null" : `[${value.map(said).join()}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .filter((name) => said(value[name]) !== "null")
    .sort()
    .map((name) => `${JSON.stringify(name)}:${said(value[name])}`);
  return `{${members.join()}}`;
}

/** What a patch says where there is nothing to merge it into: without directives, and nulls have nothing to remove. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value
      .filter((item) => !(isObject(item) && directive in item && item[directive] !== "merge"))
      .map(withoutDirectives);
  }
  if (!isObject(value)) return value;
  const made: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) {
    const isDirective =
      key === directive || key === retainKeys || key.startsWith(orderPrefix) || key.startsWith(deletePrefix);
    if (!isDirective && inner !== null) setOwn(made, key, withoutDirectives(inner));
  }
  return made;
}

/** Kubernetes gives these no reason, only the text and 500. */
const failure = (message: string) => new StatusError("", message);

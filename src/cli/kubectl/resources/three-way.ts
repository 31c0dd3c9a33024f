import { isDeepStrictEqual } from "node:util";
import type { FieldInfo, TypeInfo } from "../../../machinery/type-info.ts";

type Members = Readonly<Record<string, unknown>>;

/** The three states of an object that client-side apply compares. */
export interface ThreeStates {
  /** The configuration that was applied last; empty when there was none. */
  readonly original: Members;
  /** The configuration that is applied now. */
  readonly modified: Members;
  /** What the server holds. */
  readonly current: Members;
}

const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The merge patch that brings the current state to the modified one and removes what only the original had. */
export function threeWayMergePatch(states: ThreeStates): Members {
  return objectPatch(states, undefined, false);
}

/** The same as a strategic patch, lists merged as the type says. */
export function threeWayStrategicPatch(type: TypeInfo, states: ThreeStates): Members {
  return objectPatch(states, type, true);
}

function objectPatch(states: ThreeStates, type: TypeInfo | undefined, strategic: boolean): Members {
  const { original, modified, current } = states;
  const patch: Record<string, unknown> = {};
  for (const [key, wanted] of Object.entries(modified)) {
    if (wanted === null) {
      if (current[key] !== undefined && current[key] !== null) patch[key] = null;
      continue;
    }
    const { field, inner } = memberOf(type, key);
    const [was, is] = [original[key], current[key]];
    if (is === undefined || is === null) patch[key] = wanted;
    else if (isObject(wanted) && isObject(is) && !replaces(field, strategic)) {
      const deeper = objectPatch(
        { original: isObject(was) ? was : {}, modified: wanted, current: is },
        inner,
        strategic,
      );
      if (Object.keys(deeper).length > 0) patch[key] = retaining(field, strategic, deeper, wanted);
    } else if (strategic && Array.isArray(wanted) && Array.isArray(is) && field?.patchStrategy?.includes("merge")) {
      Object.assign(
        patch,
        listPatch(key, field, inner, { original: Array.isArray(was) ? was : [], modified: wanted, current: is }),
      );
    } else if (!isDeepStrictEqual(wanted, is)) patch[key] = wanted;
  }
  for (const key of Object.keys(original)) {
    if (!(key in modified) && key in current) patch[key] = null;
  }
  return patch;
}

const replaces = (field: FieldInfo | undefined, strategic: boolean) =>
  strategic && field?.patchStrategy?.includes("replace") === true;

/** A field whose members exclude each other is told which ones to keep. */
function retaining(field: FieldInfo | undefined, strategic: boolean, patch: Members, wanted: Members): Members {
  if (!strategic || !field?.patchStrategy?.includes("retainKeys")) return patch;
  return { ...patch, $retainKeys: Object.keys(wanted).sort() };
}

function memberOf(
  type: TypeInfo | undefined,
  key: string,
): { readonly field?: FieldInfo | undefined; readonly inner?: TypeInfo | undefined } {
  if (type?.kind === "struct") {
    const field = type.fields.get(key);
    return { field, inner: field?.type };
  }
  return type?.kind === "map" ? { inner: type.value } : {};
}

interface ListStates {
  readonly original: readonly unknown[];
  readonly modified: readonly unknown[];
  readonly current: readonly unknown[];
}

function listPatch(key: string, field: FieldInfo, list: TypeInfo | undefined, states: ListStates): Members {
  const item = list?.kind === "list" ? list.item : undefined;
  const mergeKey = field.patchMergeKey;
  return mergeKey === undefined || !states.modified.every(isObject)
    ? primitiveListPatch(key, states)
    : keyedListPatch(key, mergeKey, item, states);
}

function primitiveListPatch(key: string, { original, modified, current }: ListStates): Members {
  const added = modified.filter((value) => !current.includes(value));
  const removed = original.filter((value) => !modified.includes(value) && current.includes(value));
  if (added.length === 0 && removed.length === 0) return {};
  return {
    [`$setElementOrder/${key}`]: modified,
    ...(removed.length > 0 ? { [`$deleteFromPrimitiveList/${key}`]: removed } : {}),
    ...(added.length > 0 ? { [key]: added } : {}),
  };
}

function keyedListPatch(key: string, mergeKey: string, item: TypeInfo | undefined, states: ListStates): Members {
  const { original, modified, current } = states;
  const keyOf = (element: unknown) => (element as Members)[mergeKey];
  const find = (list: readonly unknown[], name: unknown) =>
    list.find((element) => isObject(element) && element[mergeKey] === name) as Members | undefined;
  const changes: Members[] = [];
  for (const element of modified as readonly Members[]) {
    const name = keyOf(element);
    const is = find(current, name);
    if (!is) {
      changes.push(element);
      continue;
    }
    const change = objectPatch({ original: find(original, name) ?? {}, modified: element, current: is }, item, true);
    if (Object.keys(change).length > 0) changes.push({ ...change, [mergeKey]: name });
  }
  const removed = original
    .filter((element) => !find(modified, keyOf(element)) && find(current, keyOf(element)))
    .map((element) => ({ $patch: "delete", [mergeKey]: keyOf(element) }));
  const order = modified.map(keyOf);
  const there = current.map(keyOf).filter((name) => order.includes(name));
  const reordered = !isDeepStrictEqual(
    there,
    order.filter((name) => there.includes(name)),
  );
  if (changes.length === 0 && removed.length === 0 && !reordered) return {};
  return {
    [`$setElementOrder/${key}`]: order.map((name) => ({ [mergeKey]: name })),
    ...(changes.length + removed.length > 0 ? { [key]: [...changes, ...removed] } : {}),
  };
}

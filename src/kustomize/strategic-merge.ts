import { Fault } from "../lib/fault.ts";
import { isEqual } from "../machinery/equality.ts";
import { setOwn } from "../machinery/patch-merge.ts";
import type { FieldInfo, TypeInfo } from "../machinery/type-info.ts";
import { isMembers, type Members } from "./identity.ts";

const directive = "$patch";

/**
 * Merges a patch of a build into an object; undefined when it deletes it. Differs from the server's strategic merge in
 * what upstream's builds differ: list elements of the patch come first, lists of unknown types are replaced, and of the
 * directives only `$patch` counts. Throws `invalid`.
 */
export function mergeStrategic(type: TypeInfo | undefined, object: Members, patch: Members): Members | undefined {
  const { [directive]: how, ...changes } = patch;
  if (how === "delete") return undefined;
  if (how === "replace") return bare(changes) as Members;
  const made: Record<string, unknown> = { ...object };
  for (const [key, change] of Object.entries(changes)) {
    const merged = mergeMember(memberOf(type, key), object[key], change);
    if (merged === undefined) delete made[key];
    else setOwn(made, key, merged);
  }
  return made;
}

interface Member {
  readonly field?: FieldInfo | undefined;
  readonly type?: TypeInfo | undefined;
}

function memberOf(type: TypeInfo | undefined, key: string): Member {
  if (type?.kind === "struct") {
    const field = type.fields.get(key);
    return { field, type: field?.type };
  }
  return type?.kind === "map" ? { type: type.value } : {};
}

function mergeMember(member: Member, before: unknown, change: unknown): unknown {
  if (change === null) return undefined;
  if (before === null || before === undefined) return bare(change);
  const [was, is] = [formOf(before), formOf(change)];
  if (was !== is) {
    throw new Fault(
      "invalid",
      `wrong node kind: expected ${was} but got ${is}: node contents:\n${JSON.stringify(change)}`,
    );
  }
  if (isMembers(before) && isMembers(change)) return mergeStrategic(member.type, before, change);
  if (Array.isArray(before) && Array.isArray(change)) return mergeList(member, before, change);
  return change;
}

function formOf(value: unknown): string {
  if (Array.isArray(value)) return "SequenceNode";
  return isMembers(value) ? "MappingNode" : "ScalarNode";
}

type List = readonly unknown[];

function mergeList({ field, type }: Member, before: List, change: List): List | undefined {
  const left = change.filter((item) => !(isMembers(item) && item[directive] === "replace"));
  if (left.length < change.length) return left.length === 0 ? before : (bare(left) as List);
  const keys = field?.patchStrategy?.includes("merge") ? keysOf(field) : undefined;
  if (!keys) return bare(change) as List;
  if (keys.length === 0) {
    return [...change, ...before].filter((item, at, all) => all.findIndex((other) => isEqual(other, item)) === at);
  }
  return mergeKeyed(type?.kind === "list" ? type.item : undefined, before, change, keys);
}

const keysOf = (field: FieldInfo): readonly string[] =>
  field.listMapKeys ?? (field.patchMergeKey ? [field.patchMergeKey] : []);

type Keys = readonly string[];

/** Pairs elements by their keys: what the patch names comes first, the rest keeps its order. */
function mergeKeyed(item: TypeInfo | undefined, before: List, change: List, keys: Keys): List {
  const namesOf = (element: unknown): Keys => keys.map((key) => nameOf(element, key));
  const all = [...change, ...before].map(namesOf);
  const names = all.filter((each, at) => all.findIndex((other) => isEqual(other, each)) === at);
  // A key that some elements lack tells nobody apart, unless none has any.
  const telling = keys.map((_, at) => names.every((each) => each[at] !== ""));
  const counts = telling.includes(true) ? telling : telling.map(() => true);
  let kept = before;
  const made: { readonly names: Keys; readonly element: unknown }[] = [];
  const put = (each: Keys, element: unknown) => {
    const isIt = (one: { readonly names: Keys }) => counts.every((count, at) => !count || one.names[at] === each[at]);
    const place = made.findIndex(isIt);
    if (place < 0) made.push({ names: each, element });
    else made[place] = { names: each, element };
  };
  for (const each of names) {
    if (each.every((name) => name === "")) continue;
    const isIt = (element: unknown) => isEqual(namesOf(element), each);
    const [was, change1] = [before.find(isIt), change.find(isIt)];
    const merged = change1 === undefined ? was : mergeMember({ type: item }, was, change1);
    kept = merged === undefined ? kept.filter((one) => !isIt(one)) : kept.map((one) => (isIt(one) ? merged : one));
    if (merged !== undefined) put(each, merged);
  }
  if (keys.length === 1) {
    const others = kept.filter((one) => !made.some(({ names: [name] }) => name === nameOf(one, keys[0] ?? "")));
    return [...made.map(({ element }) => element), ...others];
  }
  // With several keys upstream puts what was there at the end, each in the place of those with the same keys.
  let result: readonly unknown[] = made.map(({ element }) => element);
  for (const element of kept) {
    const each = namesOf(element);
    const isIt = (other: unknown) => namesOf(other).every((name, at) => each[at] === "" || name === each[at]);
    result = [...result.filter((other) => !isIt(other)), element];
  }
  return result;
}

function nameOf(element: unknown, key: string): string {
  const name = isMembers(element) ? element[key] : undefined;
  return name === undefined || name === null ? "" : String(name);
}

/** What a patch says where there is nothing to merge it into: without directives, and nulls have nothing to remove. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.filter((item) => !(isMembers(item) && item[directive] === "delete")).map(bare);
  }
  if (!isMembers(value)) return value;
  if (value[directive] === "delete") return undefined;
  const made: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    if (key === directive || member === null) continue;
    const inner = bare(member);
    if (inner !== undefined) setOwn(made, key, inner);
  }
  return made;
}

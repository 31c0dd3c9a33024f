import type { Kind } from "../../../api/kind.ts";
import type { Patch } from "../../../client/client.ts";
import { deepFreeze, isEqual } from "../../../machinery/equality.ts";
import type { KindRef, KubeObject } from "../../../machinery/object.ts";

export type Loose = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Loose =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The lists that a strategic merge patch merges member by member, and by what. */
const mergeKeys: Readonly<Record<string, string>> = { ownerReferences: "uid", conditions: "type", taints: "key" };

/** Applies a merge or strategic patch as far as controllers use it. */
export function patched(object: unknown, patch: Patch): unknown {
  if (patch.type !== "merge" && patch.type !== "strategic") throw new Error(`no ${patch.type} patches here`);
  return merge(object, patch.body, patch.type === "strategic");
}

function merge(target: unknown, change: unknown, strategic: boolean): unknown {
  if (!isObject(change)) return change;
  const result: Record<string, unknown> = { ...(isObject(target) ? target : {}) };
  for (const [name, value] of Object.entries(change)) {
    if (name.startsWith("$")) continue;
    const key = mergeKeys[name];
    if (value === null) delete result[name];
    else if (strategic && key && Array.isArray(value)) result[name] = mergeList(result[name], value, key);
    else result[name] = merge(result[name], value, strategic);
  }
  return result;
}

function mergeList(target: unknown, change: readonly unknown[], key: string): readonly unknown[] {
  const items = new Map((Array.isArray(target) ? target : []).map((item: Loose) => [item[key], item]));
  for (const item of change.filter(isObject)) {
    if (item.$patch === "delete") items.delete(item[key]);
    else items.set(item[key], merge(items.get(item[key]), item, true) as Loose);
  }
  return [...items.values()];
}

/** What the server makes of a write on top of what it holds. */
export function updated(kind: KindRef<unknown>, next: KubeObject, previous: KubeObject, status: boolean): KubeObject {
  const whole = next as unknown as Loose;
  const before = previous as unknown as Loose;
  const { name, namespace, uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds } = previous.metadata;
  const system = { name, ...(namespace ? { namespace } : {}), uid, creationTimestamp };
  const deletion = deletionTimestamp ? { deletionTimestamp, deletionGracePeriodSeconds } : {};
  const metadata = { ...next.metadata, ...system, ...deletion, resourceVersion: previous.metadata.resourceVersion };
  if (status) {
    // Of the metadata it may change labels and annotations, never the generation.
    const { generation } = previous.metadata;
    return {
      ...before,
      metadata: { ...metadata, ...(generation === undefined ? {} : { generation }) },
      status: whole.status,
    } as unknown as KubeObject;
  }
  const separate = (kind as Partial<Kind>).declaration?.subresources?.includes("status") ?? false;
  const generation = previous.metadata.generation ?? 1;
  const changed = !isEqual(whole.spec, before.spec);
  return {
    ...whole,
    metadata: { ...metadata, generation: changed ? generation + 1 : generation },
    ...(separate ? { status: before.status } : {}),
  } as unknown as KubeObject;
}

/** A copy that shares nothing with its source and that nobody can change. */
export function frozenCopy<T>(value: T): T {
  return deepFreeze(JSON.parse(JSON.stringify(value)) as T);
}

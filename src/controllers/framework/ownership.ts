import type { Client } from "../../client/client.ts";
import { controllerReference } from "../../client/desired.ts";
import { type KindRef, type KubeObject, keyOf, type OwnerReference } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";

export { controllerReference };

/** The owner that controls an object, if any. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller);
}

export interface Claim<T extends KubeObject> {
  readonly client: Client;
  readonly kind: KindRef<T>;
  readonly ownerKind: KindRef<KubeObject>;
  readonly owner: KubeObject;
  /** Everything in the owner's namespace that it might own. */
  readonly candidates: readonly T[];
  readonly matches: (object: T) => boolean;
}

/**
 * What an owner controls after adopting orphans that match its selector and releasing what no longer does. Asks the
 * server whether the owner still lives before it adopts, since a local copy may not know of its deletion yet.
 */
export async function claim<T extends KubeObject>(request: Claim<T>): Promise<readonly T[]> {
  const { client, kind, ownerKind, owner, candidates, matches } = request;
  const claimed: T[] = [];
  let mayAdopt: boolean | undefined;
  for (const object of candidates) {
    const controller = controllerOf(object);
    if (controller) {
      if (controller.uid !== owner.metadata.uid) continue;
      if (matches(object)) claimed.push(object);
      else if (!owner.metadata.deletionTimestamp) await release(client, kind, object, owner);
      continue;
    }
    if (owner.metadata.deletionTimestamp || object.metadata.deletionTimestamp || !matches(object)) continue;
    mayAdopt ??= await stillThere(client, ownerKind, owner);
    if (!mayAdopt) continue;
    const adopted = await adopt(client, kind, object, controllerReference(ownerKind, owner));
    if (adopted) claimed.push(adopted);
  }
  return claimed;
}

async function stillThere(client: Client, kind: KindRef<KubeObject>, owner: KubeObject): Promise<boolean> {
  try {
    const fresh = await client.get(kind, keyOf(owner));
    return fresh.metadata.uid === owner.metadata.uid && !fresh.metadata.deletionTimestamp;
  } catch (error) {
    if (isStatus(error, "NotFound")) return false;
    throw error;
  }
}

async function adopt<T extends KubeObject>(
  client: Client,
  kind: KindRef<T>,
  object: T,
  reference: OwnerReference,
): Promise<T | undefined> {
  const body = { metadata: { uid: object.metadata.uid, ownerReferences: [reference] } };
  try {
    return await client.patch(kind, keyOf(object), { type: "strategic", body });
  } catch (error) {
    // Deleted, or made anew under the same name: not ours to adopt any more.
    if (isStatus(error, "NotFound", "Conflict")) return undefined;
    throw error;
  }
}

async function release<T extends KubeObject>(
  client: Client,
  kind: KindRef<T>,
  object: T,
  owner: KubeObject,
): Promise<void> {
  const body = {
    metadata: { uid: object.metadata.uid, ownerReferences: [{ $patch: "delete", uid: owner.metadata.uid }] },
  };
  try {
    await client.patch(kind, keyOf(object), { type: "strategic", body });
  } catch (error) {
    if (!isStatus(error, "NotFound", "Conflict", "Invalid")) throw error;
  }
}

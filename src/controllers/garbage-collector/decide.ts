import type { KubeObject, OwnerReference } from "../../machinery/object.ts";

export const orphanFinalizer = "orphan";
export const foregroundFinalizer = "foregroundDeletion";

/** What became of an owner: it keeps its dependents, is gone, or waits for them to go first. */
export type OwnerState = "keeps" | "gone" | "waits";

export type Decision =
  | { readonly act: "leave" }
  /** Takes references away that hold nothing any more; another owner still holds the object. */
  | { readonly act: "release"; readonly uids: readonly string[] }
  | {
      readonly act: "delete";
      readonly propagation: "Background" | "Foreground" | "Orphan";
      /** The object and a dependent wait for each other: its owner must not wait for it. */
      readonly unblock: boolean;
    };

const hasFinalizer = ({ metadata }: KubeObject, name: string) => metadata.finalizers?.includes(name) ?? false;
export const isDeleting = ({ metadata }: KubeObject) => metadata.deletionTimestamp !== undefined;
/** Waits for its dependents to be deleted before it. */
export const waitsForDependents = (object: KubeObject) =>
  isDeleting(object) && hasFinalizer(object, foregroundFinalizer);
/** Goes without its dependents. */
export const orphansDependents = (object: KubeObject) => isDeleting(object) && hasFinalizer(object, orphanFinalizer);

/** What is to be done with an object, given what became of each of its owners and what depends on it. */
export function decide(
  object: KubeObject,
  stateOf: (reference: OwnerReference) => OwnerState,
  dependents: readonly KubeObject[],
): Decision {
  const references = object.metadata.ownerReferences ?? [];
  if (references.length === 0) return { act: "leave" };
  const lost = references.filter((reference) => stateOf(reference) !== "keeps");
  if (lost.length < references.length) {
    return lost.length === 0 ? { act: "leave" } : { act: "release", uids: lost.map(({ uid }) => uid) };
  }
  if (lost.some((reference) => stateOf(reference) === "waits") && dependents.length > 0) {
    // Its own dependents go first too, since the owner above waits for the whole tree.
    return { act: "delete", propagation: "Foreground", unblock: dependents.some(waitsForDependents) };
  }
  const propagation = hasFinalizer(object, orphanFinalizer)
    ? "Orphan"
    : hasFinalizer(object, foregroundFinalizer)
      ? "Foreground"
      : "Background";
  return { act: "delete", propagation, unblock: false };
}

/** The dependents that an owner deleted in the foreground waits for. */
export function blockersOf<I extends { readonly object: KubeObject }>(
  uid: string,
  dependents: readonly I[],
): readonly I[] {
  return dependents.filter(({ object }) =>
    object.metadata.ownerReferences?.some((reference) => reference.uid === uid && reference.blockOwnerDeletion),
  );
}

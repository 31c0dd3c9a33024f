import type { Transport } from "../../client/transport.ts";
import type { KubeObject } from "../../machinery/object.ts";
import { collectionPath, type ServedResource } from "../served-resources.ts";
import { type FieldChange, fieldChanges } from "./field-changes.ts";
import { objectsAt, objectsNow } from "./object-history.ts";

/** An object that two moments show differently. */
export interface ObjectDifference {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly what: "added" | "removed" | "changed";
  readonly changes: readonly FieldChange[];
}

export interface DifferenceQuestion {
  /** All of them if undefined. */
  readonly namespace: string | undefined;
  /** One object; all if undefined. */
  readonly name: string | undefined;
  readonly before: string;
  /** Now if undefined. */
  readonly after: string | undefined;
}

/** What became of a resource's objects between two revisions, by namespace and name. Throws StatusError. */
export async function whatDiffers(
  transport: Transport,
  resource: ServedResource,
  { namespace, name, before, after }: DifferenceQuestion,
): Promise<readonly ObjectDifference[]> {
  const path = collectionPath(resource, namespace);
  const query = name ? `fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}` : "";
  const old = byPlace(await objectsAt(transport, path, before, query));
  const now = byPlace(await (after ? objectsAt(transport, path, after, query) : objectsNow(transport, path, query)));
  const found: ObjectDifference[] = [];
  for (const place of [...new Set([...old.keys(), ...now.keys()])].sort()) {
    const [last, next] = [old.get(place), now.get(place)];
    const one = (next ?? last) as KubeObject;
    const born = last?.metadata.uid !== next?.metadata.uid;
    const changes = last && next ? fieldChanges(last, next) : [];
    if (last && next && changes.length === 0) continue;
    const about = { kind: one.kind ?? "", name: one.metadata.name ?? "" };
    const where = one.metadata.namespace ? { namespace: one.metadata.namespace } : {};
    if (last && born) found.push({ ...about, ...where, what: "removed", changes: [] });
    if (next && born) found.push({ ...about, ...where, what: "added", changes: [] });
    if (!born) found.push({ ...about, ...where, what: "changed", changes });
  }
  return found;
}

function byPlace(objects: readonly KubeObject[]): ReadonlyMap<string, KubeObject> {
  return new Map(objects.map((object) => [`${object.metadata.namespace ?? ""}/${object.metadata.name}`, object]));
}

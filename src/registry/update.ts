import { isEqual } from "../machinery/equality.ts";
import { field } from "../machinery/fields.ts";
import { validateMetadataUpdate } from "../machinery/metadata-validation.ts";
import { badRequest, conflict, invalid } from "../machinery/status-error.ts";
import type { Collection } from "./collection.ts";
import { isGone } from "./delete.ts";
import type { Held } from "./held.ts";
import type { AnyObject, Resource, Served } from "./resource.ts";
import { metadataRules, refuse, type WriteOptions, type Written, withMetadata, written } from "./write.ts";

/** How often a write that lost its race is made again on top of what won. */
const attempts = 10;

/** Which part of the object a write may change, and by which rules. */
export interface UpdateRules {
  /** Keeps what the writer may not change. */
  readonly prepare: (next: AnyObject, previous: AnyObject) => AnyObject;
  readonly validate: (next: AnyObject, previous: AnyObject) => ReturnType<typeof validateMetadataUpdate>;
  /** False: a change does not count as one of what is asked for. */
  readonly raisesGeneration?: false;
}

export interface UpdateRequest extends WriteOptions {
  readonly namespace: string | undefined;
  readonly name: string;
  readonly rules: UpdateRules;
  /** The version that the writer speaks. Default: the stored one. */
  readonly served?: Served;
  /** The new object, in the stored version, made from the present one; may run again on a newer one. */
  readonly change: (current: Held) => AnyObject | Promise<AnyObject>;
}

/** Changes an object. Throws NotFound, Conflict, Invalid, and what `change` and admission throw. */
export async function updateObject(collection: Collection, request: UpdateRequest): Promise<Written> {
  const { namespace, name } = request;
  const key = collection.resource.key(namespace, name);
  let current: Held | undefined = collection.cache.get(key);
  let certain = false;
  for (let attempt = 1; ; attempt += 1) {
    if (!current) {
      current = await collection.get(namespace, name);
      certain = true;
    }
    let result: Written | Lost;
    try {
      result = await tryUpdate(collection, current, request);
    } catch (error) {
      // A refusal only counts when it was made on the latest state, which the cache may not have had yet.
      if (certain) throw error;
      await collection.cache.current();
      certain = true;
      const latest = collection.cache.get(key);
      if (latest?.revision === current.revision) throw error;
      current = latest;
      continue;
    }
    if (!("lost" in result)) return result;
    if (attempt >= attempts) throw conflict(collection.resource.name, name);
    current = result.lost;
    certain = current !== undefined;
  }
}

interface Lost {
  readonly lost: Held | undefined;
}

async function tryUpdate(collection: Collection, current: Held, request: UpdateRequest): Promise<Written | Lost> {
  const { resource, strategy } = collection;
  const { admission, dryRun, rules } = request;
  const previous = current.object;
  const changed = await request.change(current);
  checkIdentity(resource, changed, previous, request);
  const admitted = admission ? await admission.admit(changed, previous) : changed;
  const own = rules.prepare(keepSystemMetadata(admitted, previous), previous);
  const asked = strategy.prepareUpdate?.(own, previous) ?? own;
  const prepared = rules.raisesGeneration === false ? asked : raiseGeneration(resource, asked, previous);
  // Upstream checks metadata twice on an update, once for all kinds and once for this one, and tells both.
  const metadataFaults = validateMetadataUpdate(prepared.metadata, previous.metadata, metadataRules(resource));
  const { served = resource.stored } = request;
  refuse(resource, prepared, [
    ...metadataFaults,
    ...metadataFaults,
    ...rules.validate(prepared, previous),
    ...(strategy.validate ? await strategy.validate(prepared, previous, served) : []),
  ]);
  const reservation = await strategy.reserve?.(prepared, previous, { dryRun });
  const next = reservation?.object ?? prepared;
  let inUse = false; // as in create: while its commit is under way, nobody knows
  try {
    await admission?.validate(next, previous);
    if (saysTheSame(next, previous) && !(await collection.isStale(current))) return written(current);
    if (dryRun) return { object: next };

    const gone = isGone(next) && (strategy.mayGo?.(next) ?? true);
    inUse = true;
    const attempt = gone ? await collection.remove(current) : await collection.replace(current, next);
    inUse = attempt.ok;
    if (!attempt.ok) return { lost: attempt.current };
    await reservation?.keep();
    if (!gone) return written(attempt.held);
    await strategy.removed?.(next);
    return { object: next };
  } finally {
    if (!inUse) await reservation?.release();
  }
}

function checkIdentity(resource: Resource, next: AnyObject, previous: AnyObject, request: UpdateRequest): void {
  const { name, uid, resourceVersion } = next.metadata;
  if (name !== request.name) {
    throw badRequest(`the name of the object (${name ?? ""}) does not match the name on the URL (${request.name})`);
  }
  if (uid && uid !== previous.metadata.uid) {
    const key = resource.keyOf(previous);
    const why = `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${previous.metadata.uid}`;
    throw conflict(resource.name, request.name, why);
  }
  if (!resourceVersion || resourceVersion === "0") {
    if (resource.declaration.unconditionalUpdate !== false) return;
    throw invalid(resource.kind, request.name, [
      field.invalid("metadata.resourceVersion", 0, "must be specified for an update"),
    ]);
  }
  if (resourceVersion !== previous.metadata.resourceVersion) throw conflict(resource.name, request.name);
}

// Members that only the server writes come from the present object, whatever the client sent.
function keepSystemMetadata(next: AnyObject, { metadata: before }: AnyObject): AnyObject {
  const { metadata } = next;
  return withMetadata(next, {
    resourceVersion: before.resourceVersion,
    generation: before.generation,
    selfLink: undefined,
    uid: metadata.uid || before.uid,
    creationTimestamp: before.creationTimestamp,
    deletionTimestamp: before.deletionTimestamp ?? metadata.deletionTimestamp,
    deletionGracePeriodSeconds: before.deletionGracePeriodSeconds ?? metadata.deletionGracePeriodSeconds,
  });
}

function raiseGeneration({ generationOf }: Resource, next: AnyObject, previous: AnyObject): AnyObject {
  if (!generationOf || generationOf(next) === undefined) return next;
  if (isEqual(generationOf(next), generationOf(previous))) return next;
  return withMetadata(next, { generation: (previous.metadata.generation ?? 0) + 1 });
}

// That somebody wrote the same again is no change: the times in managedFields do not count.
function saysTheSame(next: AnyObject, previous: AnyObject): boolean {
  const { metadata: a, ...restOfA } = next;
  const { metadata: b, ...restOfB } = previous;
  if (!isEqual(restOfA, restOfB)) return false;
  const { managedFields: ownersA = [], ...metaA } = a;
  const { managedFields: ownersB = [], ...metaB } = b;
  if (!isEqual(metaA, metaB) || ownersA.length !== ownersB.length) return false;
  return ownersA.every((owner, index) => isEqual({ ...owner, time: "" }, { ...ownersB[index], time: "" }));
}

/** The rules for a change of the whole object. */
export function wholeObject({ declaration, subresources }: Resource): UpdateRules {
  return {
    prepare: (next, previous) =>
      declaration.prepareUpdate
        ? (declaration.prepareUpdate(next, previous) as AnyObject)
        : subresources.has("status")
          ? withStatusOf(next, previous)
          : next,
    validate: (next, previous) => [
      ...(declaration.validate?.(next) ?? []),
      ...(declaration.validateUpdate?.(next, previous) ?? []),
    ],
  };
}

/** The rules for a change of the `status` subresource. */
export function statusOnly({ declaration }: Resource): UpdateRules {
  return {
    prepare: (next, previous) =>
      declaration.prepareStatus
        ? (declaration.prepareStatus(next, previous) as AnyObject)
        : withStatusOf({ ...previous, metadata: statusMetadata(next, previous) }, next),
    validate: (next, previous) => declaration.validateStatus?.(next, previous) ?? [],
    raisesGeneration: false,
  };
}

// Upstream lets a status update change labels, annotations, finalizers and owners too.
function statusMetadata(next: AnyObject, previous: AnyObject): AnyObject["metadata"] {
  const { labels, annotations, finalizers, ownerReferences, managedFields } = next.metadata;
  const changed = { labels, annotations, finalizers, ownerReferences, managedFields };
  return withMetadata(previous, changed).metadata;
}

function withStatusOf({ status: _status, ...rest }: AnyObject, { status }: AnyObject): AnyObject {
  return (status === undefined ? rest : { ...rest, status }) as AnyObject;
}

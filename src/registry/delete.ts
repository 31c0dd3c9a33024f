import { conflict } from "../machinery/status-error.ts";
import type { Collection } from "./collection.ts";
import type { Held } from "./held.ts";
import type { AnyObject, Resource } from "./resource.ts";
import { timestamp, type WriteContext, type WriteOptions, withMetadata } from "./write.ts";

/** What becomes of the dependents of a deleted object. */
export type Propagation = "Background" | "Foreground" | "Orphan";

/** A client's DeleteOptions. */
export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly propagationPolicy?: Propagation;
}

export interface DeleteRequest extends Omit<WriteOptions, "own"> {
  readonly namespace: string | undefined;
  readonly name: string;
  readonly options: DeleteOptions;
}

/** How a deletion ended: the object is gone, or it stays for a while with its deletion written down. */
export interface Deletion {
  readonly gone: boolean;
  readonly object: AnyObject;
  readonly held?: Held;
}

/** Deletes an object, or begins to. Throws NotFound, Conflict when a precondition does not hold, and what admission throws. */
export async function deleteObject(
  collection: Collection,
  context: WriteContext,
  request: DeleteRequest,
): Promise<Deletion> {
  let current: Held | undefined = await collection.get(request.namespace, request.name);
  for (;;) {
    const result: Deletion | { lost: Held | undefined } = await tryDelete(collection, context, current, request);
    if (!("lost" in result)) return result;
    current = result.lost ?? (await collection.get(request.namespace, request.name));
  }
}

async function tryDelete(
  collection: Collection,
  context: WriteContext,
  current: Held,
  request: DeleteRequest,
): Promise<Deletion | { readonly lost: Held | undefined }> {
  const { resource, strategy } = collection;
  const { options, dryRun } = request;
  const { object } = current;
  checkPreconditions(resource, object, options);
  await request.admission?.validate(undefined, object);

  const now = timestamp(context.clock.now());
  const begun = strategy.beginDelete?.(object, now);
  const step: Step = begun ? { stays: true, next: begun } : firstStep(resource, object, options, context);
  if (step.stays && !step.next) return { gone: false, object, held: current };
  if (dryRun) return { gone: !step.stays, object: step.next ?? object };

  let last = current;
  if (step.next) {
    const attempt = await collection.replace(current, step.next);
    if (!attempt.ok) return { lost: attempt.current };
    if (step.stays) return { gone: false, object: attempt.held.object, held: attempt.held };
    last = attempt.held;
  }
  const attempt = await collection.remove(last);
  // Somebody else may have taken the last step between our two; who has taken none was too late.
  if (!attempt.ok && (attempt.current || last === current)) return { lost: attempt.current };
  await strategy.removed?.(last.object);
  return { gone: true, object: last.object, held: last };
}

/** What to write before the object may go, and whether it stays after that. */
interface Step {
  readonly stays: boolean;
  readonly next?: AnyObject;
}

function firstStep(resource: Resource, object: AnyObject, options: DeleteOptions, context: WriteContext): Step {
  const { metadata } = object;
  const finalizers = finalizersFor(resource, object, options);
  const changed = finalizers !== metadata.finalizers;
  const graceful = grace(resource, object, options, context);
  if (graceful === "pending") return { stays: true };

  const base = changed ? withMetadata(object, { finalizers: finalizers?.length ? finalizers : undefined }) : object;
  const held = (finalizers?.length ?? 0) > 0;
  if (graceful) {
    const generation = graceful.first && metadata.generation ? { generation: metadata.generation + 1 } : {};
    const { deletionTimestamp, seconds } = graceful;
    return {
      stays: held || seconds > 0,
      next: withMetadata(base, { deletionTimestamp, deletionGracePeriodSeconds: seconds, ...generation }),
    };
  }
  if (!held) return { stays: false };
  const marked = markDeleted(base, timestamp(context.clock.now()));
  return marked === object ? { stays: true } : { stays: true, next: marked };
}

interface Grace {
  readonly deletionTimestamp: string;
  readonly seconds: number;
  /** The object was not being deleted before. */
  readonly first: boolean;
}

// Undefined: the kind, or what is left of its grace, lets the object go without a word.
function grace(
  { declaration }: Resource,
  object: AnyObject,
  options: DeleteOptions,
  { clock }: WriteContext,
): Grace | "pending" | undefined {
  if (!declaration.gracePeriod) return undefined;
  const asked = options.gracePeriodSeconds === undefined ? undefined : nonNegative(options.gracePeriodSeconds);
  const { deletionTimestamp, deletionGracePeriodSeconds: granted } = object.metadata;
  if (deletionTimestamp) {
    if (!granted) return undefined;
    if (asked === undefined || asked >= granted) return "pending"; // it may only be shortened
    const moved = Date.parse(deletionTimestamp) - (granted - asked) * 1000;
    return { deletionTimestamp: timestamp(moved), seconds: asked, first: false };
  }
  const usual = declaration.gracePeriod(object);
  const seconds = usual === 0 ? 0 : (asked ?? nonNegative(usual));
  return { deletionTimestamp: timestamp(clock.now() + seconds * 1000), seconds, first: true };
}

// A negative grace means one second, as upstream reads it.
const nonNegative = (seconds: number) => (seconds < 0 ? 1 : seconds);

function markDeleted(object: AnyObject, now: string): AnyObject {
  const { deletionTimestamp, deletionGracePeriodSeconds, generation } = object.metadata;
  if (deletionTimestamp) {
    return deletionGracePeriodSeconds === 0 ? object : withMetadata(object, { deletionGracePeriodSeconds: 0 });
  }
  return withMetadata(object, {
    deletionTimestamp: now,
    deletionGracePeriodSeconds: 0,
    ...(generation ? { generation: generation + 1 } : {}),
  });
}

// The fate of dependents is left to the garbage collector by way of one of these two finalizers.
function finalizersFor(
  { declaration }: Resource,
  { metadata }: AnyObject,
  { propagationPolicy }: DeleteOptions,
): readonly string[] | undefined {
  const present = metadata.finalizers;
  const kept = propagationPolicy ? undefined : present?.find((name) => name === orphan || name === foreground);
  const fate =
    kept ??
    (propagationPolicy === "Orphan" || (!propagationPolicy && declaration.defaultPropagation === "Orphan")
      ? orphan
      : propagationPolicy === "Foreground"
        ? foreground
        : undefined);
  const others = present?.filter((name) => name !== orphan && name !== foreground) ?? [];
  const wanted = fate ? [...others, fate] : others;
  const same = wanted.length === (present?.length ?? 0) && wanted.every((name) => present?.includes(name));
  return same ? present : wanted;
}

const orphan = "orphan";
const foreground = "foregroundDeletion";

function checkPreconditions(
  { kind, group }: Resource,
  { metadata }: AnyObject,
  { preconditions }: DeleteOptions,
): void {
  const subject = { group, plural: kind.kind };
  const { uid, resourceVersion } = preconditions ?? {};
  if (uid !== undefined && uid !== metadata.uid) {
    const why = `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`;
    throw conflict(subject, metadata.name, why);
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`;
    throw conflict(subject, metadata.name, why);
  }
}

/** Nothing keeps the object any more: an update that leaves it so is its deletion. */
export function isGone({ metadata }: AnyObject): boolean {
  return (
    metadata.deletionTimestamp !== undefined &&
    (metadata.finalizers?.length ?? 0) === 0 &&
    (metadata.deletionGracePeriodSeconds ?? 0) === 0
  );
}

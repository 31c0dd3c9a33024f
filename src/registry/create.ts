import { nameSuffix, uuid } from "../lib/random.ts";
import { validateMetadata } from "../machinery/metadata-validation.ts";
import { alreadyExists, resourceText, StatusError } from "../machinery/status-error.ts";
import type { Collection } from "./collection.ts";
import type { AnyObject, Resource, Served } from "./resource.ts";
import {
  convertToStored,
  inNamespace,
  metadataRules,
  refuse,
  timestamp,
  type WriteContext,
  type WriteOptions,
  type Written,
  withDefaults,
  withMetadata,
  written,
} from "./write.ts";

/** As many names are tried as upstream does before a generated one is given up. */
const generateAttempts = 8;
/** A generated name's stem is cut so that the whole stays a DNS label. */
const longestStem = 58;

export interface CreateRequest extends WriteOptions {
  readonly served: Served;
  readonly namespace: string | undefined;
  /** As decoded, in the version of `served`. */
  readonly object: AnyObject;
}

/** Makes an object. Throws AlreadyExists, Invalid, and what admission throws. */
export async function createObject(
  collection: Collection,
  context: WriteContext,
  request: CreateRequest,
): Promise<Written> {
  const { served, options } = { served: request.served, options: request };
  const { resource } = collection;
  const defaulted = withDefaults(inNamespace(resource, request.object, request.namespace), served);
  const owned = options.own ? options.own(defaulted, undefined) : defaulted;
  const stored = await convertToStored(owned, served);
  const converted = served.mapping ? withDefaults(stored, resource.stored) : stored;
  // Before it has a name, as upstream: who changes the object sees only what its name begins with.
  const complete = options.admission ? await options.admission.admit(converted, undefined) : converted;
  const prefix = complete.metadata.name ? undefined : complete.metadata.generateName;

  for (let attempt = 1; ; attempt += 1) {
    const named = prefix ? withMetadata(complete, { name: generated(prefix, context) }) : complete;
    const result = await tryCreate(collection, context, named, options);
    if (result) return result;
    if (prefix && attempt < generateAttempts) continue;
    throw prefix ? noFreeName(resource, named) : alreadyExists(resource.name, named.metadata.name);
  }
}

async function tryCreate(
  collection: Collection,
  context: WriteContext,
  object: AnyObject,
  { admission, dryRun, served }: CreateRequest,
): Promise<Written | undefined> {
  const { resource, strategy } = collection;
  const prepared = prepareCreate(resource, object, context);
  refuse(resource, prepared, [
    ...validateMetadata(prepared.metadata, metadataRules(resource)),
    ...(resource.declaration.validate?.(prepared) ?? []),
    ...(strategy.validate ? await strategy.validate(prepared, undefined, served) : []),
  ]);
  const reservation = await strategy.reserve?.(prepared, undefined, { dryRun });
  const next = reservation?.object ?? prepared;
  // Once the commit is under way, only its answer can say whether what was reserved is in use.
  let inUse = false;
  try {
    await admission?.validate(next, undefined);
    if (dryRun) {
      return collection.cache.get(resource.keyOf(next)) ? undefined : { object: next, created: true };
    }
    inUse = true;
    const attempt = await collection.insert(next);
    inUse = attempt.ok;
    if (!attempt.ok) return undefined;
    await reservation?.keep();
    return { ...written(attempt.held), created: true };
  } finally {
    if (!inUse) await reservation?.release();
  }
}

function prepareCreate(resource: Resource, object: AnyObject, { clock, random }: WriteContext): AnyObject {
  const { declaration } = resource;
  const { metadata } = object;
  const finalizers = declaration.finalizers?.filter((name) => !metadata.finalizers?.includes(name)) ?? [];
  const fresh = withMetadata(object, {
    name: metadata.name ?? "", // refused later, but checks may count on a text
    uid: uuid(random),
    creationTimestamp: timestamp(clock.now()),
    deletionTimestamp: undefined,
    deletionGracePeriodSeconds: undefined,
    resourceVersion: undefined,
    selfLink: undefined,
    generation: undefined,
    ...(finalizers.length > 0 ? { finalizers: [...(metadata.finalizers ?? []), ...finalizers] } : {}),
  });
  const prepared = declaration.prepareCreate
    ? (declaration.prepareCreate(fresh) as AnyObject)
    : resource.subresources.has("status")
      ? withoutStatus(resource, fresh)
      : fresh;
  return resource.generationOf?.(prepared) === undefined ? prepared : withMetadata(prepared, { generation: 1 });
}

// Where the type always shows a status, that of an object that nobody has looked at yet stays.
function withoutStatus(resource: Resource, { status: _status, ...rest }: AnyObject): AnyObject {
  return resource.emptyStatus === undefined ? rest : { ...rest, status: resource.emptyStatus };
}

function generated(prefix: string, { random }: WriteContext): string {
  return prefix.slice(0, longestStem) + nameSuffix(random);
}

function noFreeName(resource: Resource, { metadata }: AnyObject): StatusError {
  const { group, plural } = resource.name;
  const text = `${resourceText(resource.name)} "${metadata.name}" already exists, the server was not able to generate a unique name for the object`;
  return new StatusError("AlreadyExists", text, {
    details: { name: metadata.name, ...(group ? { group } : {}), kind: plural, retryAfterSeconds: 1 },
  });
}

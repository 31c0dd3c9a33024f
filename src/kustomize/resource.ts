import { Fault } from "../lib/fault.ts";
import { idOf, idParts, idText, isMembers, isSameId, type Members, type ObjectId } from "./identity.ts";

/** Where an object comes from, for those who ask for it in `buildMetadata`. */
export interface Origin {
  /** The file it was read from, or the kustomization that generated it, below the root of the build. */
  readonly path?: string;
  readonly configuredIn?: string;
  /** The generator. */
  readonly kind?: string;
}

/** One object on its way through a build, and what later steps must know of the earlier ones. */
export interface Resource {
  readonly object: Members;
  /** The identities it had before, oldest first. */
  readonly previous: readonly ObjectId[];
  readonly prefixes: readonly string[];
  readonly suffixes: readonly string[];
  /** What a generated one does to one of its name that is there. */
  readonly behavior: "create" | "merge" | "replace";
  /** The name gets a hash of the content at the end of the build. */
  readonly hashed: boolean;
  readonly origin: Origin | undefined;
  /** The steps that changed it, for `buildMetadata`. */
  readonly transformations: readonly Origin[];
}

/** A resource nothing has happened to yet. */
export function newResource(object: Members, more: Partial<Omit<Resource, "object">> = {}): Resource {
  return {
    object,
    previous: [],
    prefixes: [],
    suffixes: [],
    behavior: "create",
    hashed: false,
    origin: undefined,
    transformations: [],
    ...more,
  };
}

/** The identity it has now. */
export const currentId = (resource: Resource): ObjectId => idOf(resource.object);

/** The identity it began with. */
export const originalId = (resource: Resource): ObjectId => resource.previous[0] ?? currentId(resource);

/** Every identity it had or has. */
export const allIds = (resource: Resource): readonly ObjectId[] => [...resource.previous, currentId(resource)];

/** Keeps the identity of now among those of before. */
export const remembered = (resource: Resource): Resource => ({
  ...resource,
  previous: [...resource.previous, currentId(resource)],
});

/** The same resource with other content. */
export const withObject = (resource: Resource, object: Members): Resource =>
  object === resource.object ? resource : { ...resource, object };

/** The metadata of an object. */
export const metadataOf = (object: Members): Members => (isMembers(object.metadata) ? object.metadata : {});

/** An object with some of its metadata replaced; what is undefined goes. */
export function withMetadata(object: Members, changes: Members): Members {
  const metadata = Object.fromEntries(
    Object.entries({ ...metadataOf(object), ...changes }).filter(([, value]) => value !== undefined),
  );
  return { ...object, metadata };
}

/** Adds one list to another. Throws `invalid` when an identity is there already. */
export function joined(before: readonly Resource[], added: readonly Resource[]): readonly Resource[] {
  const all = [...before];
  for (const resource of added) {
    const id = currentId(resource);
    if (all.some((one) => isSameId(currentId(one), id))) {
      throw new Fault("invalid", `may not add resource with an already registered id: ${idText(id)}`);
    }
    all.push(resource);
  }
  return all;
}

/** Adds what a generator made: to what is there by its behaviour. Throws `invalid`. */
export function absorbed(before: readonly Resource[], made: Resource): readonly Resource[] {
  const id = currentId(made);
  const matches = before.filter((one) => allIds(one).some((other) => isSameId(other, id)));
  const [old] = matches;
  if (!old) {
    if (made.behavior !== "create") {
      throw new Fault("invalid", `id ${idParts(id)} does not exist; cannot merge or replace`);
    }
    return joined(before, [made]);
  }
  if (matches.length > 1) {
    const found = matches.map((one) => idText(currentId(one))).join(" ");
    throw new Fault("invalid", `found multiple objects [${found}] that could accept merge of ${idText(id)}`);
  }
  if (made.behavior === "create") {
    throw new Fault("invalid", `id ${idParts(id)} exists; behavior must be merge or replace`);
  }
  const place = before.indexOf(old);
  return before.with(place, takenOver(old, made));
}

/** What is left of the old one under the new: name, namespace and history, the rest of its labels, and its data if merged. */
function takenOver(old: Resource, made: Resource): Resource {
  const [was, is] = [metadataOf(old.object), metadataOf(made.object)];
  const merged = (field: string) =>
    made.behavior === "merge" ? both(old.object[field], made.object[field]) : made.object[field];
  const object = withMetadata(
    { ...made.object, data: merged("data"), binaryData: merged("binaryData") },
    {
      name: was.name,
      namespace: was.namespace,
      labels: both(was.labels, is.labels),
      annotations: both(was.annotations, is.annotations),
    },
  );
  const { data, binaryData, ...rest } = object;
  const content = { ...rest, ...(data ? { data } : {}), ...(binaryData ? { binaryData } : {}) };
  return { ...old, object: content };
}

function both(old: unknown, made: unknown): unknown {
  if (!isMembers(old)) return made;
  return isMembers(made) ? { ...old, ...made } : old;
}

import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Random } from "../lib/random.ts";
import type { MetadataRules } from "../machinery/metadata-validation.ts";
import { nameRules } from "../machinery/names.ts";
import type { ObjectMeta } from "../machinery/object.ts";
import { badRequest, type FieldError, invalid } from "../machinery/status-error.ts";
import type { Held } from "./held.ts";
import type { AnyObject, Resource, Served } from "./resource.ts";

/** What every write needs beside its object. */
export interface WriteContext {
  readonly clock: Clock;
  readonly random: Random;
}

/** A look at a write by those who may change or refuse it; objects are of the stored version. */
export interface Admission {
  /** May change the object. Throws StatusError to refuse. */
  admit(object: AnyObject, previous: AnyObject | undefined): AnyObject | Promise<AnyObject>;
  /** Sees what will be written. Throws StatusError to refuse. */
  validate(object: AnyObject | undefined, previous: AnyObject | undefined): void | Promise<void>;
}

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly admission?: Admission;
  /** Writes down who owns which field of `next`, in the version that the client speaks; runs before admission. */
  readonly own?: (next: AnyObject, previous: AnyObject | undefined) => AnyObject;
}

/** What a write left behind; `held` unless nothing was stored, as on a dry run. */
export interface Written {
  readonly object: AnyObject;
  readonly held?: Held;
  readonly created?: boolean;
}

/** A held object as an outcome, decoded only if somebody looks at it. */
export function written(held: Held): Written {
  return {
    held,
    get object() {
      return held.object;
    },
  };
}

let lastSecond = Number.NaN;
let lastText = "";

/** The time as objects carry it. */
export function timestamp(milliseconds: number): string {
  const second = Math.floor(milliseconds / 1000);
  if (second !== lastSecond) {
    lastText = `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
    lastSecond = second;
  }
  return lastText; // the same text for thousands of objects
}

/** An object from a client, in the stored version. */
export function toStored(object: AnyObject, served: Served): AnyObject {
  const { resource, mapping } = served;
  if (!mapping) return object;
  const { stored } = resource;
  return { ...(mapping.toStored(object) as AnyObject), apiVersion: stored.apiVersion, kind: stored.kind };
}

/** As `toStored`, where the conversion may need somebody outside. */
export async function convertToStored(object: AnyObject, served: Served): Promise<AnyObject> {
  const { mapping } = served;
  if (!mapping?.convert) return toStored(object, served);
  const [converted] = await mapping.convert([object], "toStored");
  if (!converted) throw new Fault("internal", "the conversion gave no object");
  return converted as AnyObject;
}

/** Fills in what the client of a version left out. */
export function withDefaults(object: AnyObject, served: Served): AnyObject {
  const { mapping, resource } = served;
  if (mapping) return (mapping.defaults?.(object) ?? object) as AnyObject;
  return (resource.declaration.defaults?.(object) ?? object) as AnyObject;
}

/** The object with other metadata; members set to undefined are taken away. */
export function withMetadata(object: AnyObject, change: Partial<ObjectMeta>): AnyObject {
  const before = object.metadata as unknown as Readonly<Record<string, unknown>>;
  const after = change as Readonly<Record<string, unknown>>;
  // Built member by member: an object that something was deleted from is slow to copy and to encode ever after.
  const metadata: Record<string, unknown> = {};
  for (const name in before) {
    const value = name in after ? after[name] : before[name];
    if (value !== undefined) metadata[name] = value;
  }
  for (const name in after) if (after[name] !== undefined && !(name in before)) metadata[name] = after[name];
  return { ...object, metadata: metadata as unknown as AnyObject["metadata"] };
}

/** The object in the namespace that the path names. Throws BadRequest when it says another. */
export function inNamespace(resource: Resource, object: AnyObject, namespace: string | undefined): AnyObject {
  const said = object.metadata.namespace ?? "";
  const wanted = resource.namespaced ? (namespace ?? "") : "";
  if (said === wanted) return object;
  if (said !== "" && (resource.namespaced || wanted !== said)) {
    throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`);
  }
  return withMetadata(object, { namespace: wanted });
}

/** How the metadata of a resource's objects is checked. */
export function metadataRules(resource: Resource): MetadataRules {
  const { custom, group, namespaced, declaration } = resource;
  // Operators call their finalizers as they like, and a definition's own has no domain either.
  const strictFinalizers = !custom && group !== "apiextensions.k8s.io";
  return { namespaced, name: nameRules[declaration.name ?? "subdomain"], strictFinalizers };
}

/** Throws Invalid when there are faults. */
export function refuse(resource: Resource, object: AnyObject, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(resource.kind, object.metadata.name ?? "", errors);
}

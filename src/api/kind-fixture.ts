import { decodeValue } from "../machinery/codec-json.ts";
import { deepFreeze } from "../machinery/equality.ts";
import type { ObjectMeta } from "../machinery/object.ts";
import type { Kind } from "./kind.ts";
import { lookupType } from "./type-info.ts";

type Any = Readonly<Record<string, unknown>>;

/** What a test writes of an object: all else that the server would know is added. */
export interface Sketch extends Any {
  readonly metadata?: ObjectMeta;
}

/** The object as the server has it after decoding and defaults; frozen, so that a change of it is a failing test. */
export function received<T extends { readonly metadata: ObjectMeta }>(kind: Kind<T>, sketch: Sketch): T {
  const type = lookupType(kind.declaration.type);
  if (!type) throw new Error(`no type ${kind.declaration.type}`);
  const metadata = { name: "x", ...(kind.namespaced ? { namespace: "default" } : {}), uid: "u1", ...sketch.metadata };
  const { object } = decodeValue<T>(type, { ...sketch, apiVersion: kind.apiVersion, kind: kind.kind, metadata });
  return deepFreeze(kind.declaration.defaults?.(deepFreeze(object)) ?? object);
}

/** The object as it is stored when it is made. */
export function created<T extends { readonly metadata: ObjectMeta }>(kind: Kind<T>, sketch: Sketch): T {
  const object = received(kind, sketch);
  return deepFreeze(kind.declaration.prepareCreate?.(object) ?? object);
}

/** The faults of making the object, as `field: message`. */
export function faultsOf<T extends { readonly metadata: ObjectMeta }>(
  kind: Kind<T>,
  sketch: Sketch,
): readonly string[] {
  const errors = kind.declaration.validate?.(created(kind, sketch)) ?? [];
  return errors.map(({ field, message }) => `${field}: ${message}`);
}

/** The faults of changing one object into another, as `field: message`. */
export function faultsOfChange<T extends { readonly metadata: ObjectMeta }>(
  kind: Kind<T>,
  before: Sketch,
  after: Sketch,
): readonly string[] {
  const { declaration } = kind;
  const previous = created(kind, before);
  const wanted = received(kind, after);
  const next = deepFreeze(declaration.prepareUpdate?.(wanted, previous) ?? wanted);
  const errors = [...(declaration.validate?.(next) ?? []), ...(declaration.validateUpdate?.(next, previous) ?? [])];
  return errors.map(({ field, message }) => `${field}: ${message}`);
}

/** The row of a table, by the names of its columns. */
export function row<T extends { readonly metadata: ObjectMeta }>(
  kind: Kind<T>,
  object: T,
  now = Date.parse("2020-01-01T01:00:00Z"),
): Readonly<Record<string, unknown>> {
  return Object.fromEntries((kind.declaration.columns ?? []).map(({ name, of }) => [name, of(object, { now })]));
}

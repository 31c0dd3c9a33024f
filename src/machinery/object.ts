import type { ListMeta, ObjectMeta } from "./generated/meta-v1.ts";

export type { ListMeta, ManagedFieldsEntry, ObjectMeta, OwnerReference, Status } from "./generated/meta-v1.ts";

/** A number with an optional suffix, as `100m` or `1Gi`. */
export type Quantity = string;
/** A number, or a name or percentage. */
export type IntOrString = number | string;
/** RFC 3339 with seconds, in UTC: `2016-03-17T00:00:00Z`. */
export type Time = string;
/** RFC 3339 with microseconds, in UTC. */
export type MicroTime = string;
/** As `1h30m0s`. */
export type Duration = string;
/** Any API object, in its own form. */
export type RawExtension = Readonly<Record<string, unknown>>;
/** A set of fields, as managedFields writes it. */
export type FieldsV1 = Readonly<Record<string, unknown>>;

/** The metadata of an object that the server holds. */
export interface StoredMeta extends ObjectMeta {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly creationTimestamp: Time;
}

/** The metadata of an object that the server holds in a namespace. */
export interface NamespacedMeta extends StoredMeta {
  readonly namespace: string;
}

/** What every API object has, whatever its kind. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: StoredMeta;
}

/** An object that a client asks to be made: the server fills in what is missing. */
export type Draft<T> = Omit<T, "apiVersion" | "kind" | "metadata"> & {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
};

export interface KubeList<T> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ListMeta;
  readonly items: readonly T[];
}

/** One change, as a watch tells it. */
export interface WatchEvent<T = unknown> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T;
}

/** Names one object of a kind. `namespace` is empty or absent for cluster-scoped kinds. */
export interface ObjectKey {
  readonly namespace?: string;
  readonly name: string;
}

/** The key of an object. */
export function keyOf(object: { readonly metadata: ObjectMeta }): ObjectKey {
  const { namespace, name } = object.metadata;
  return namespace ? { namespace, name: name ?? "" } : { name: name ?? "" };
}

/** A key as one string: `namespace/name`, or `name` without a namespace. */
export function keyText(key: ObjectKey): string {
  return key.namespace ? `${key.namespace}/${key.name}` : key.name;
}

/** Where a kind's objects live and what they are called. `T` is the object's type. */
export interface KindRef<T = KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Carries the type only; never there at run time. */
  readonly object?: T;
}

/** `v1`, or `apps/v1`. */
export function apiVersionOf(kind: { readonly group: string; readonly version: string }): string {
  return kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
}

/** `/api/v1` or `/apis/GROUP/VERSION`, then the namespace, plural, name and subresource. */
export function resourcePath(kind: KindRef<unknown>, key?: Partial<ObjectKey>, subresource?: string): string {
  const root = kind.group === "" ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const space = kind.namespaced && key?.namespace ? `/namespaces/${encodeURIComponent(key.namespace)}` : "";
  const name = key?.name ? `/${encodeURIComponent(key.name)}` : "";
  return `${root}${space}/${kind.plural}${name}${subresource ? `/${subresource}` : ""}`;
}

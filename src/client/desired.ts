import {
  apiVersionOf,
  type KindRef,
  type KubeObject,
  keyOf,
  type ObjectMeta,
  type OwnerReference,
} from "../machinery/object.ts";
import { isStatus } from "../machinery/status-error.ts";
import type { Client, WriteOptions } from "./client.ts";

type Part<T> = T extends readonly (infer Item)[]
  ? readonly Part<Item>[]
  : T extends object
    ? { readonly [Field in keyof T]?: Part<T[Field]> }
    : T;

/** An object as somebody wants it; what is left out is other people's. */
export type Desired<T> = Part<Omit<T, "apiVersion" | "kind" | "metadata">> & {
  readonly metadata: ObjectMeta & { readonly name: string };
};

export interface ApplyOptions extends WriteOptions {
  /** Under whose name the fields stand; what it applied before and leaves out now goes away. */
  readonly fieldManager: string;
  /** Takes fields over from others. Default true, as a controller wants it; false: Conflict. */
  readonly force?: boolean;
  /** Default: the object itself. */
  readonly subresource?: string;
}

/** Makes an object what it should be, new or not (server-side apply). Throws as `Client.patch`. */
export function apply<T>(
  client: Client,
  kind: KindRef<T>,
  object: Desired<T>,
  { fieldManager, force = true, ...options }: ApplyOptions,
): Promise<T> {
  const body = { apiVersion: apiVersionOf(kind), kind: kind.kind, ...object };
  return client.patch(kind, keyOf(object), { type: "apply", body, fieldManager, force }, options);
}

/** The reference that makes `owner` the controller of an object: it goes with its owner, and its changes wake that. */
export function controllerReference(kind: KindRef<unknown>, owner: KubeObject): OwnerReference {
  const { name, uid } = owner.metadata;
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/** What is asked for, or undefined when the server has no such object. */
export async function ifFound<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}

import type { Draft, KindRef, KubeList, KubeObject, ObjectKey } from "../machinery/object.ts";
import type { WatchEvent } from "./transport.ts";

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: "Exact" | "NotOlderThan";
  /** Further parameters of the query, those that only this kind's server knows. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Objects come with nothing but their metadata. */
  readonly metadataOnly?: boolean;
  readonly signal?: AbortSignal;
}

export interface WatchOptions extends ListOptions {
  readonly allowWatchBookmarks?: boolean;
  readonly timeoutSeconds?: number;
  readonly sendInitialEvents?: boolean;
}

export interface WriteOptions {
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
  readonly signal?: AbortSignal;
}

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly signal?: AbortSignal;
}

export type Patch =
  | { readonly type: "json"; readonly body: readonly unknown[] }
  | { readonly type: "merge" | "strategic"; readonly body: object }
  | { readonly type: "apply"; readonly body: object; readonly fieldManager: string; readonly force?: boolean };

/**
 * Typed verbs under one identity. Every method throws StatusError with the server's answer, Fault `unavailable` when none
 * came, Fault `aborted` when the signal was raised. Objects returned are shared and must not be changed.
 */
export interface Client {
  get<T>(
    kind: KindRef<T>,
    key: ObjectKey,
    options?: { readonly resourceVersion?: string; readonly signal?: AbortSignal },
  ): Promise<T>;
  list<T>(kind: KindRef<T>, options?: ListOptions): Promise<KubeList<T>>;
  /** Ends when the server ends it; an ERROR event is thrown as StatusError (`Expired` when history is gone). */
  watch<T>(kind: KindRef<T>, options?: WatchOptions): AsyncIterable<WatchEvent<T>>;
  /** `namespace` of the object says where. */
  create<T>(kind: KindRef<T>, object: Draft<T>, options?: WriteOptions): Promise<T>;
  update<T>(kind: KindRef<T>, object: T, options?: WriteOptions): Promise<T>;
  updateStatus<T>(kind: KindRef<T>, object: T, options?: WriteOptions): Promise<T>;
  patch<T>(
    kind: KindRef<T>,
    key: ObjectKey,
    patch: Patch,
    options?: WriteOptions & { readonly subresource?: string },
  ): Promise<T>;
  /** Resolves when the server accepted it; finalizers and grace may keep the object for longer. */
  delete(kind: KindRef<unknown>, key: ObjectKey, options?: DeleteOptions): Promise<void>;
  deleteCollection(kind: KindRef<unknown>, options?: ListOptions & DeleteOptions): Promise<void>;
  /** POSTs to a subresource: `binding`, `eviction`, `token`. Returns what the server answers. */
  createSubresource<R = unknown>(
    kind: KindRef<unknown>,
    key: ObjectKey,
    subresource: string,
    body: object,
    options?: WriteOptions,
  ): Promise<R>;
  getSubresource<R = unknown>(kind: KindRef<unknown>, key: ObjectKey, subresource: string): Promise<R>;
  updateSubresource<R = unknown>(kind: KindRef<unknown>, key: ObjectKey, subresource: string, body: object): Promise<R>;
}

export interface InformerHandler<T> {
  readonly added?: (object: T, initial: boolean) => void;
  readonly updated?: (next: T, previous: T) => void;
  readonly deleted?: (last: T) => void;
}

/** A local, always growing-newer copy of a kind's objects (or a part of them), kept by list and watch. */
export interface Informer<T = KubeObject> {
  readonly kind: KindRef<T>;
  /** Resolves when the first list is in the copy; rejects when the informer is closed before. */
  synced(): Promise<void>;
  readonly hasSynced: boolean;
  /** The newest resourceVersion that the copy holds; 0n before it has synced. */
  readonly revision: bigint;
  /** Resolves when the copy holds everything up to this resourceVersion of the kind; rejects when the signal aborts. */
  reached(resourceVersion: bigint, signal: AbortSignal): Promise<void>;
  /** What the server holds now of a key, or of its namespace for an empty name; read past the copy, which may lag. */
  fresh(key: ObjectKey): Promise<readonly T[]>;
  get(key: ObjectKey): T | undefined;
  /** All objects, or those of a namespace. */
  list(namespace?: string): readonly T[];
  /** Objects that an index puts under `value`. Built-in indexes: `namespace`, `owner` (uid of the
   * controller owner), `orphans` (namespace of objects without a controller owner). */
  by(index: string, value: string): readonly T[];
  /** Adds an index; before or after syncing. Asking twice for one name keeps the first. */
  index(name: string, of: (object: T) => readonly string[]): void;
  /** Calls back for every change from now on, after replaying what is there as `added`. Handlers run in order and must not throw. */
  on(handler: InformerHandler<T>): Disposable;
}

/** Which part of a kind's objects a local copy has. */
export interface InformerSelection {
  readonly namespace?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  /** Names, labels, owners, finalizers and times are enough; a copy that has more is taken where there is one already. */
  readonly metadataOnly?: boolean;
}

/** One informer per kind and selection, shared by all who ask; they close together. */
export interface Informers {
  of<T>(kind: KindRef<T>, selection?: InformerSelection): Informer<T>;
  /** Closes and forgets the copies of a kind that is no longer served; asked for again, they are made anew. */
  close(kind: KindRef<unknown>): Promise<void>;
  /** Resolves when every informer asked for so far has synced. */
  synced(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

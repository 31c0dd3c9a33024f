import type { Client, DeleteOptions, ListOptions } from "../../../client/client.ts";
import { type Clock, systemClock } from "../../../lib/clock.ts";
import { nameSuffix, type Random, seededRandom, uuid } from "../../../lib/random.ts";
import { PushStream } from "../../../lib/stream.ts";
import { isEqual } from "../../../machinery/equality.ts";
import { parseSelector } from "../../../machinery/labels.ts";
import {
  apiVersionOf,
  type Draft,
  type KindRef,
  type KubeObject,
  keyText,
  type ObjectKey,
  type WatchEvent,
} from "../../../machinery/object.ts";
import { alreadyExists, conflict, notFound } from "../../../machinery/status-error.ts";
import { timeOf } from "../../../machinery/times.ts";
import { frozenCopy, patched, updated } from "./fake-objects.ts";

export interface Call {
  readonly verb: "create" | "update" | "updateStatus" | "patch" | "delete" | "deleteCollection" | "subresource";
  readonly kind: string;
  readonly name: string;
}

interface Table {
  readonly kind: KindRef<unknown>;
  readonly objects: Map<string, KubeObject>;
  readonly history: { readonly revision: number; readonly event: WatchEvent<KubeObject> }[];
  readonly watchers: Set<PushStream<WatchEvent<KubeObject>>>;
}

/**
 * A client of a make-believe API server: it holds objects, numbers revisions, keeps finalizers and grace periods, and
 * knows nothing of defaults, validation or rights. What it gives out is frozen.
 */
export class FakeCluster {
  /** Every write asked for, in order. */
  readonly calls: Call[] = [];
  /** Throws what a write shall fail with. */
  refuse: ((call: Call) => void) | undefined;
  readonly client: Client;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #tables = new Map<string, Table>();
  #revision = 100;
  #held: (() => void)[] | undefined;

  constructor(options: { readonly clock?: Clock; readonly random?: Random } = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? seededRandom(1);
    this.client = this.#client();
  }

  /** Puts an object in as it is, status and all, as a test's given; returns it with what the server adds. */
  put<T>(kind: KindRef<T>, object: Draft<T>): T {
    return this.#add(kind, object) as T;
  }

  get<T>(kind: KindRef<T>, name: string, namespace = kind.namespaced ? "default" : undefined): T | undefined {
    return this.#table(kind).objects.get(keyText({ namespace: namespace ?? "", name })) as T | undefined;
  }

  all<T>(kind: KindRef<T>): readonly T[] {
    return [...this.#table(kind).objects.values()] as readonly unknown[] as readonly T[];
  }

  /** Changes an object as somebody else would, whatever part of it. */
  change<T extends object>(kind: KindRef<T>, object: T, part: object): T {
    const current = this.#find(kind, (object as unknown as KubeObject).metadata);
    return this.#store(kind, { ...current, ...part } as KubeObject, current) as unknown as T;
  }

  /** Takes an object away, whatever finalizers it has. */
  remove<T>(kind: KindRef<T>, object: T): void {
    this.#remove(this.#table(kind), (object as unknown as KubeObject).metadata);
  }

  /** From now on watches tell nothing, until `release`. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const tell of held) tell();
  }

  #client(): Client {
    const note = (verb: Call["verb"], kind: KindRef<unknown>, name: string) => {
      const call = { verb, kind: kind.kind, name };
      this.calls.push(call);
      this.refuse?.(call);
    };
    const replace = (kind: KindRef<unknown>, next: KubeObject, status: boolean) => {
      const current = this.#find(kind, next.metadata);
      const { uid, resourceVersion } = next.metadata;
      if (uid && uid !== current.metadata.uid) throw conflict(kind, next.metadata.name, "uid differs");
      if (resourceVersion && resourceVersion !== current.metadata.resourceVersion) {
        throw conflict(kind, next.metadata.name);
      }
      return this.#store(kind, updated(kind, next, current, status), current);
    };
    return {
      get: async <T>(kind: KindRef<T>, key: ObjectKey) => this.#find(kind, key) as T,
      list: async <T>(kind: KindRef<T>, options: ListOptions = {}) => ({
        apiVersion: apiVersionOf(kind),
        kind: `${kind.kind}List`,
        metadata: { resourceVersion: `${this.#revision}` },
        items: this.#select(kind, options) as readonly unknown[] as readonly T[],
      }),
      watch: <T>(kind: KindRef<T>, options: { resourceVersion?: string; signal?: AbortSignal } = {}) =>
        this.#watch(kind, Number(options.resourceVersion ?? 0), options.signal) as AsyncIterable<WatchEvent<T>>,
      create: async <T>(kind: KindRef<T>, object: Draft<T>) => {
        note("create", kind, object.metadata.name ?? object.metadata.generateName ?? "");
        return this.#add(kind, object) as T;
      },
      update: async <T>(kind: KindRef<T>, object: T) => {
        const next = object as unknown as KubeObject;
        note("update", kind, next.metadata.name);
        return replace(kind, next, false) as T;
      },
      updateStatus: async <T>(kind: KindRef<T>, object: T) => {
        const next = object as unknown as KubeObject;
        note("updateStatus", kind, next.metadata.name);
        return replace(kind, next, true) as T;
      },
      patch: async (kind, key, patch, options) => {
        note("patch", kind, key.name);
        const next = patched(this.#find(kind, key), patch) as KubeObject;
        return replace(kind, next, options?.subresource === "status") as never;
      },
      delete: async (kind, key, options = {}) => {
        note("delete", kind, key.name);
        this.#delete(kind, this.#find(kind, key), options);
      },
      deleteCollection: async (kind, options = {}) => {
        note("deleteCollection", kind, options.namespace ?? "");
        for (const object of this.#select(kind, options)) this.#delete(kind, object, options);
      },
      createSubresource: async (kind, key, subresource) => {
        note("subresource", kind, `${key.name}/${subresource}`);
        return undefined as never;
      },
      getSubresource: async () => undefined as never,
      updateSubresource: async (kind, key, subresource, body) => {
        note("subresource", kind, `${key.name}/${subresource}`);
        const next = body as KubeObject;
        if (subresource === "finalize") return this.#store(kind, next, this.#find(kind, key)) as never;
        return replace(kind, next, subresource === "status") as never;
      },
    };
  }

  #table(kind: KindRef<unknown>): Table {
    const name = `${kind.group}/${kind.plural}`;
    let table = this.#tables.get(name);
    if (!table) {
      table = { kind, objects: new Map(), history: [], watchers: new Set() };
      this.#tables.set(name, table);
    }
    return table;
  }

  #find(kind: KindRef<unknown>, { namespace, name }: ObjectKey): KubeObject {
    const object = this.#table(kind).objects.get(keyText({ namespace: namespace ?? "", name }));
    if (!object) throw notFound(kind, name);
    return object;
  }

  #select(kind: KindRef<unknown>, { namespace, labelSelector }: ListOptions): readonly KubeObject[] {
    const selector = parseSelector(labelSelector ?? "");
    return [...this.#table(kind).objects.values()].filter(
      ({ metadata }) => (!namespace || metadata.namespace === namespace) && selector.matches(metadata.labels),
    );
  }

  #add<T>(kind: KindRef<T>, object: Draft<T>): KubeObject {
    const table = this.#table(kind);
    const { metadata } = object;
    const name = metadata.name ?? `${metadata.generateName}${nameSuffix(this.#random)}`;
    const namespace = kind.namespaced ? (metadata.namespace ?? "default") : undefined;
    const key = keyText({ namespace: namespace ?? "", name });
    if (table.objects.has(key)) throw alreadyExists(kind, name);
    const added = frozenCopy({
      apiVersion: apiVersionOf(kind),
      kind: kind.kind,
      ...object,
      metadata: {
        uid: uuid(this.#random),
        creationTimestamp: timeOf(this.#clock.now()),
        generation: 1,
        ...metadata,
        name,
        ...(namespace ? { namespace } : {}),
        resourceVersion: `${++this.#revision}`,
      },
    }) as unknown as KubeObject;
    table.objects.set(key, added);
    this.#tell(table, { type: "ADDED", object: added });
    return added;
  }

  #store(kind: KindRef<unknown>, next: KubeObject, previous: KubeObject): KubeObject {
    const table = this.#table(kind);
    const { metadata } = next;
    const finalizers = (next as { spec?: { finalizers?: readonly string[] } }).spec?.finalizers ?? [];
    const gone =
      metadata.deletionTimestamp &&
      !metadata.finalizers?.length &&
      finalizers.length === 0 &&
      !metadata.deletionGracePeriodSeconds;
    if (gone) return this.#remove(table, metadata, next);
    if (isEqual(next, previous)) return previous;
    const stored = frozenCopy({ ...next, metadata: { ...metadata, resourceVersion: `${++this.#revision}` } });
    table.objects.set(keyText(metadata), stored);
    this.#tell(table, { type: "MODIFIED", object: stored });
    return stored;
  }

  #delete(kind: KindRef<unknown>, object: KubeObject, options: DeleteOptions): void {
    const { metadata } = object;
    const { preconditions, propagationPolicy, gracePeriodSeconds } = options;
    if (preconditions?.uid && preconditions.uid !== metadata.uid) throw conflict(kind, metadata.name, "uid differs");
    if (preconditions?.resourceVersion && preconditions.resourceVersion !== metadata.resourceVersion) {
      throw conflict(kind, metadata.name, "resourceVersion differs");
    }
    const fate =
      propagationPolicy === "Foreground" ? "foregroundDeletion" : propagationPolicy === "Orphan" ? "orphan" : "";
    const kept = (metadata.finalizers ?? []).filter(
      (name) => !propagationPolicy || !/^(orphan|foregroundDeletion)$/.test(name),
    );
    const finalizers = fate ? [...kept, fate] : kept;
    const spec = (object as { spec?: { nodeName?: string; finalizers?: readonly string[] } }).spec;
    // Grace that was given once can only be shortened.
    const granted = metadata.deletionTimestamp ? (metadata.deletionGracePeriodSeconds ?? 0) : 0;
    if (granted > 0 && (gracePeriodSeconds ?? granted) >= granted) return;
    const running = kind.kind === "Pod" && spec?.nodeName && !metadata.deletionTimestamp;
    const grace = running ? (gracePeriodSeconds ?? 30) : 0;
    const stays = finalizers.length > 0 || grace > 0 || (spec?.finalizers?.length ?? 0) > 0;
    if (!stays) {
      this.#remove(this.#table(kind), metadata);
      return;
    }
    const next = {
      ...object,
      metadata: {
        ...metadata,
        finalizers,
        deletionTimestamp: metadata.deletionTimestamp ?? timeOf(this.#clock.now() + grace * 1000),
        deletionGracePeriodSeconds: grace,
      },
      ...(kind.kind === "Namespace" ? { status: { phase: "Terminating" } } : {}),
    };
    this.#store(kind, next, object);
  }

  #remove(table: Table, key: ObjectKey, last?: KubeObject): KubeObject {
    const name = keyText({ namespace: key.namespace ?? "", name: key.name });
    const known = last ?? table.objects.get(name);
    if (!known) throw notFound(table.kind, key.name);
    table.objects.delete(name);
    const object = frozenCopy({ ...known, metadata: { ...known.metadata, resourceVersion: `${++this.#revision}` } });
    this.#tell(table, { type: "DELETED", object });
    return object;
  }

  #tell(table: Table, event: WatchEvent<KubeObject>): void {
    const tell = () => {
      table.history.push({ revision: Number(event.object.metadata.resourceVersion), event });
      for (const watcher of table.watchers) watcher.push(event);
    };
    if (this.#held) this.#held.push(tell);
    else tell();
  }

  #watch(
    kind: KindRef<unknown>,
    after: number,
    signal: AbortSignal | undefined,
  ): AsyncIterable<WatchEvent<KubeObject>> {
    const table = this.#table(kind);
    const stream = new PushStream<WatchEvent<KubeObject>>();
    for (const { revision, event } of table.history) if (revision > after) stream.push(event);
    table.watchers.add(stream);
    const end = () => {
      table.watchers.delete(stream);
      stream.end();
    };
    if (signal?.aborted) end();
    else signal?.addEventListener("abort", end, { once: true });
    return stream;
  }
}

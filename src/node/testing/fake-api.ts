import type { Client } from "../../client/client.ts";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { type Random, seededRandom, uuid } from "../../lib/random.ts";
import { PushStream } from "../../lib/stream.ts";
import { deepFreeze } from "../../machinery/equality.ts";
import {
  apiVersionOf,
  type Draft,
  type KindRef,
  type KubeObject,
  keyText,
  type ObjectKey,
  type WatchEvent,
} from "../../machinery/object.ts";
import { alreadyExists, conflict, notFound } from "../../machinery/status-error.ts";
import { timeOf } from "../../machinery/times.ts";

type Stored = KubeObject & { readonly spec?: unknown; readonly status?: unknown };

/**
 * A client of a make-believe API server, as much of one as a node agent talks to: objects, revisions, watches, status writes
 * with conflicts, pods' grace. Nothing is defaulted or validated. What it gives out is frozen.
 */
export class FakeApi {
  readonly client: Client;
  /** Every write, as `updateStatus Pod web`. */
  readonly writes: string[] = [];
  /** Throws what a call shall fail with; called before every call. */
  before: ((call: string) => void) | undefined;
  /** Answers creates that no object comes of, such as reviews; undefined for others. */
  answer: ((kind: string, object: unknown) => unknown) | undefined;
  readonly #objects = new Map<string, Stored>();
  readonly #history: { readonly revision: number; readonly kind: string; readonly event: WatchEvent<Stored> }[] = [];
  readonly #watchers = new Set<{ readonly kind: string; readonly stream: PushStream<WatchEvent<Stored>> }>();
  readonly #clock: Clock;
  readonly #random: Random;
  #revision = 100;

  constructor(options: { readonly clock?: Clock; readonly random?: Random } = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? seededRandom(1);
    this.client = this.#client();
  }

  /** Puts an object in as it is; returns it with what a server adds. */
  put<T>(kind: KindRef<T>, draft: Draft<T>): T {
    const { name = "", namespace = "default" } = draft.metadata;
    const key = keyIn(kind, { namespace, name });
    if (this.#objects.has(key)) throw alreadyExists(kind, name);
    const object = {
      apiVersion: apiVersionOf(kind),
      kind: kind.kind,
      ...draft,
      metadata: {
        uid: uuid(this.#random),
        creationTimestamp: timeOf(this.#clock.now()),
        generation: 1,
        ...draft.metadata,
        name,
        ...(kind.namespaced ? { namespace } : {}),
      },
    };
    return this.#store(kind, object as unknown as Stored, "ADDED") as T;
  }

  get<T>(kind: KindRef<T>, name: string, namespace = "default"): T | undefined {
    return this.#objects.get(keyIn(kind, { namespace, name })) as T | undefined;
  }

  all<T>(kind: KindRef<T>): readonly T[] {
    return this.#list(kind) as readonly unknown[] as readonly T[];
  }

  /** Changes an object as somebody else would. */
  change<T>(kind: KindRef<T>, name: string, change: (object: T) => T, namespace = "default"): T {
    const object = this.#find(kind, { namespace, name });
    return this.#store(kind, change(object as T) as unknown as Stored, "MODIFIED") as T;
  }

  /** Takes an object away without asking anybody. */
  remove<T>(kind: KindRef<T>, name: string, namespace = "default"): void {
    const object = this.#find(kind, { namespace, name });
    this.#objects.delete(keyIn(kind, { namespace, name }));
    this.#tell(kind, { type: "DELETED", object: this.#next(object) });
  }

  #client(): Client {
    const note = (verb: string, kind: KindRef<unknown>, name: string) => {
      const call = `${verb} ${kind.kind} ${name}`;
      this.before?.(call);
      if (verb !== "get" && verb !== "list") this.writes.push(call);
    };
    const replace = <T>(kind: KindRef<T>, object: T, part: "spec" | "status") => {
      const next = object as unknown as Stored;
      const current = this.#find(kind, next.metadata);
      if (next.metadata.uid !== current.metadata.uid) throw conflict(kind, next.metadata.name);
      if (next.metadata.resourceVersion !== current.metadata.resourceVersion) throw conflict(kind, next.metadata.name);
      return this.#store(kind, { ...current, [part]: next[part] }, "MODIFIED") as T;
    };
    const unsupported = async () => {
      throw new Error("the fake API does not know this call");
    };
    return {
      get: async <T>(kind: KindRef<T>, key: ObjectKey) => {
        note("get", kind, key.name);
        return this.#find(kind, key) as T;
      },
      list: async <T>(kind: KindRef<T>) => {
        note("list", kind, "");
        return {
          apiVersion: apiVersionOf(kind),
          kind: `${kind.kind}List`,
          metadata: { resourceVersion: `${this.#revision}` },
          items: this.#list(kind) as readonly unknown[] as readonly T[],
        };
      },
      watch: <T>(kind: KindRef<T>, options: { resourceVersion?: string; signal?: AbortSignal } = {}) =>
        this.#watch(kind, Number(options.resourceVersion ?? 0), options.signal) as AsyncIterable<WatchEvent<T>>,
      create: async <T>(kind: KindRef<T>, object: Draft<T>) => {
        note("create", kind, object.metadata.name ?? "");
        return (this.answer?.(kind.kind, object) as T | undefined) ?? this.put(kind, object);
      },
      update: async <T>(kind: KindRef<T>, object: T) => {
        note("update", kind, (object as unknown as Stored).metadata.name);
        return replace(kind, object, "spec");
      },
      updateStatus: async <T>(kind: KindRef<T>, object: T) => {
        note("updateStatus", kind, (object as unknown as Stored).metadata.name);
        return replace(kind, object, "status");
      },
      patch: async (kind, key, patch) => {
        note("patch", kind, key.name);
        const current = this.#find(kind, key);
        return this.#store(kind, { ...current, ...merged(current, patch.body) }, "MODIFIED") as never;
      },
      delete: async (kind, key, options = {}) => {
        note("delete", kind, key.name);
        const object = this.#find(kind, key);
        const { uid } = options.preconditions ?? {};
        if (uid && uid !== object.metadata.uid) throw conflict(kind, key.name);
        if (kind.kind !== "Pod" || options.gracePeriodSeconds === 0) return this.remove(kind, key.name, key.namespace);
        const grace = options.gracePeriodSeconds ?? 30;
        const deletionTimestamp = timeOf(this.#clock.now() + grace * 1000);
        const metadata = { ...object.metadata, deletionTimestamp, deletionGracePeriodSeconds: grace };
        this.#store(kind, { ...object, metadata }, "MODIFIED");
      },
      deleteCollection: unsupported,
      createSubresource: async (kind, key, subresource) => {
        note("create", kind, `${key.name}/${subresource}`);
        const expirationTimestamp = timeOf(this.#clock.now() + 3_600_000);
        return { status: { token: `token of ${key.name}`, expirationTimestamp } } as never;
      },
      getSubresource: unsupported,
      updateSubresource: unsupported,
    };
  }

  #find(kind: KindRef<unknown>, key: ObjectKey): Stored {
    const object = this.#objects.get(keyIn(kind, key));
    if (!object) throw notFound(kind, key.name);
    return object;
  }

  #list(kind: KindRef<unknown>): readonly Stored[] {
    return [...this.#objects.values()].filter((object) => object.kind === kind.kind);
  }

  #next(object: Stored): Stored {
    this.#revision += 1;
    return deepFreeze({ ...object, metadata: { ...object.metadata, resourceVersion: `${this.#revision}` } });
  }

  #store(kind: KindRef<unknown>, object: Stored, type: "ADDED" | "MODIFIED"): Stored {
    const stored = this.#next(object);
    this.#objects.set(keyIn(kind, object.metadata), stored);
    this.#tell(kind, { type, object: stored });
    return stored;
  }

  #tell(kind: KindRef<unknown>, event: WatchEvent<Stored>): void {
    this.#history.push({ revision: this.#revision, kind: kind.kind, event });
    for (const watcher of this.#watchers) if (watcher.kind === kind.kind) watcher.stream.push(event);
  }

  #watch(kind: KindRef<unknown>, after: number, signal: AbortSignal | undefined): AsyncIterable<WatchEvent<Stored>> {
    const stream = new PushStream<WatchEvent<Stored>>();
    for (const past of this.#history) if (past.kind === kind.kind && past.revision > after) stream.push(past.event);
    const watcher = { kind: kind.kind, stream };
    this.#watchers.add(watcher);
    const end = () => {
      this.#watchers.delete(watcher);
      stream.end();
    };
    signal?.addEventListener("abort", end, { once: true });
    return stream;
  }
}

function keyIn(kind: KindRef<unknown>, { namespace = "default", name }: ObjectKey): string {
  return `${kind.kind} ${keyText(kind.namespaced ? { namespace, name } : { name })}`;
}

/** A merge patch, as far as members go that are objects. */
function merged(current: object, patch: object): object {
  const result: Record<string, unknown> = { ...current };
  for (const [key, value] of Object.entries(patch)) {
    const old = result[key];
    const both = [old, value].every((each) => typeof each === "object" && each !== null && !Array.isArray(each));
    result[key] = both ? merged(old as object, value as object) : value;
  }
  return result;
}

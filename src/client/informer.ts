import { Backoff } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { Random } from "../lib/random.ts";
import { TurnGate } from "../lib/turn-gate.ts";
import { apiVersionOf, type KindRef, type KubeObject, keyOf, keyText, type ObjectKey } from "../machinery/object.ts";
import { isStatus } from "../machinery/status-error.ts";
import type { Client, Informer, InformerHandler, InformerSelection, Informers } from "./client.ts";
import type { WatchEvent } from "./transport.ts";

export interface InformersOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Takes out of objects what none of the readers looks at. Default: copies are whole. */
  readonly slim?: (kind: KindRef<unknown>, object: KubeObject) => KubeObject;
}

/** Informers over one client; each kind and selection is listed and watched once. */
export function createInformers(options: InformersOptions): Informers {
  const known = new Map<string, CachedInformer<KubeObject>>();
  // Reconcilers ask for the copy of a kind many times for each of its objects.
  const unselected = new Map<KindRef<unknown>, CachedInformer<KubeObject>>();
  return {
    of<T>(kind: KindRef<T>, selection: InformerSelection = everything) {
      const plain = selection === everything ? unselected.get(kind) : undefined;
      if (plain) return plain as unknown as Informer<T>;
      const whole = [
        kind.group,
        kind.version,
        kind.plural,
        selection.namespace,
        selection.fieldSelector,
        selection.labelSelector,
      ].join("|");
      const name = selection.metadataOnly ? `${whole}|metadata` : whole;
      let informer = known.get(name) ?? known.get(whole);
      if (!informer) {
        informer = new CachedInformer(kind as KindRef<KubeObject>, selection, options);
        known.set(name, informer);
        void informer.run();
      }
      if (selection === everything) unselected.set(kind, informer);
      return informer as unknown as Informer<T>;
    },
    async close({ group, version, plural }) {
      const closing: Promise<void>[] = [];
      for (const [name, informer] of known) {
        const { kind } = informer;
        if (kind.group !== group || kind.version !== version || kind.plural !== plural) continue;
        known.delete(name);
        unselected.clear();
        closing.push(informer[Symbol.asyncDispose]());
      }
      await Promise.all(closing);
    },
    async synced() {
      await Promise.all([...known.values()].map((informer) => informer.synced()));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...known.values()].map((informer) => informer[Symbol.asyncDispose]()));
      known.clear();
      unselected.clear();
    },
  };
}

const everything: InformerSelection = {};

/** Objects that are listed at a time; some fifty milliseconds of work where they come from the same process. */
const pageSize = 2000;

/** Made when somebody first asks: most kinds are never asked for most of them. */
const builtIn: Readonly<Record<string, (object: KubeObject) => readonly string[]>> = {
  namespace: ({ metadata }) => [metadata.namespace ?? ""],
  owner: ({ metadata }) => {
    const owner = metadata.ownerReferences?.find(({ controller }) => controller);
    return owner ? [owner.uid] : [];
  },
  orphans: ({ metadata }) =>
    metadata.ownerReferences?.some(({ controller }) => controller) ? [] : [metadata.namespace ?? ""],
};

interface Index<T> {
  readonly of: (object: T) => readonly string[];
  readonly entries: Map<string, Map<string, T>>;
}

class CachedInformer<T extends KubeObject> implements Informer<T> {
  readonly kind: KindRef<T>;
  readonly #selection: InformerSelection;
  readonly #options: InformersOptions;
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();
  readonly #handlers = new Set<InformerHandler<T>>();
  readonly #stop = new AbortController();
  readonly #firstSync = Promise.withResolvers<void>();
  readonly #waiters = new Set<{ readonly revision: bigint; readonly resolve: () => void }>();
  #hasSynced = false;
  #revision = 0n;
  /** Where the next watch begins; undefined when only a list will do. */
  #position: string | undefined;
  #running: Promise<void> | undefined;

  constructor(kind: KindRef<T>, selection: InformerSelection, options: InformersOptions) {
    this.kind = kind;
    this.#selection = selection;
    this.#options = options;
    this.#firstSync.promise.catch(() => {});
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  synced(): Promise<void> {
    return this.#firstSync.promise;
  }

  get revision(): bigint {
    return this.#revision;
  }

  reached(resourceVersion: bigint, signal: AbortSignal): Promise<void> {
    if (this.#revision >= resourceVersion) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiters.delete(waiter);
        reject(signal.reason);
      };
      const waiter = {
        revision: resourceVersion,
        resolve: () => {
          signal.removeEventListener("abort", abort);
          resolve();
        },
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      this.#waiters.add(waiter);
    });
  }

  async fresh({ namespace, name }: ObjectKey): Promise<readonly T[]> {
    const list = await this.#options.client.list(this.kind, {
      ...(namespace === undefined ? {} : { namespace }),
      ...(name ? { fieldSelector: `metadata.name=${name}` } : {}),
      signal: this.#stop.signal,
    });
    return list.items;
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(keyText(key));
  }

  list(namespace?: string): readonly T[] {
    return namespace === undefined ? [...this.#objects.values()] : this.by("namespace", namespace);
  }

  by(index: string, value: string): readonly T[] {
    if (Object.hasOwn(builtIn, index)) this.index(index, builtIn[index]!);
    const found = this.#indexes.get(index);
    if (!found) throw new Fault("internal", `informer of ${this.kind.plural} has no index ${index}`);
    const entries = found.entries.get(value);
    return entries ? [...entries.values()] : [];
  }

  index(name: string, of: (object: T) => readonly string[]): void {
    if (this.#indexes.has(name)) return;
    const index: Index<T> = { of, entries: new Map() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) enter(index, key, object);
  }

  on(handler: InformerHandler<T>): Disposable {
    for (const object of this.#objects.values()) handler.added?.(object, true);
    this.#handlers.add(handler);
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) };
  }

  /** Lists and watches until disposed. */
  run(): Promise<void> {
    this.#running ??= this.#follow();
    return this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    if (!this.#hasSynced) this.#firstSync.reject(new Fault("closed", `the informer of ${this.kind.plural} was closed`));
    await this.#running;
  }

  async #follow(): Promise<void> {
    const { clock, random, log } = this.#options;
    const backoff = new Backoff({ base: 200, factor: 2, max: 10_000, jitter: 0.5 }, random);
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        this.#position ??= await this.#listAll();
        await this.#watchFrom(this.#position, () => backoff.succeeded("watch"));
      } catch (error) {
        if (signal.aborted) return;
        // History is gone, or the request was refused as a whole: only a new list tells the truth.
        if (isStatus(error, "Expired", "Gone", "NotFound", "Forbidden", "Unauthorized")) this.#position = undefined;
        const wait = backoff.failed("watch");
        log.debug(`informer of ${this.kind.plural} tries again in ${Math.round(wait)} ms: ${errorMessage(error)}`);
        await clock.sleep(wait, signal).catch(() => {});
      }
    }
  }

  /** Neither server nor process shall be busy with a hundred thousand objects at a time, so they come in parts. */
  async #listAll(): Promise<string> {
    try {
      return await this.#listBy(pageSize);
    } catch (error) {
      if (!isStatus(error, "Expired", "Gone")) throw error;
      // The picture that the parts were taken from is no longer kept; a newer one comes whole.
      return await this.#listBy(undefined);
    }
  }

  async #listBy(limit: number | undefined): Promise<string> {
    const asked = { ...this.#selection, ...(limit ? { limit } : {}), signal: this.#stop.signal };
    const seen = new Set<string>();
    const turns = new TurnGate(1);
    let rest: string | undefined;
    let revision: string | undefined;
    do {
      await turns.pass();
      const page = await this.#options.client.list(this.kind, rest ? { ...asked, continue: rest } : asked);
      for (const item of page.items) {
        const object = this.#kept(item);
        const key = keyText(keyOf(object));
        seen.add(key);
        this.#set(key, object);
      }
      rest = page.metadata.continue;
      revision = page.metadata.resourceVersion;
    } while (rest);
    for (const [key, object] of [...this.#objects]) {
      if (!seen.has(key)) this.#remove(key, object);
    }
    this.#advance(revision);
    if (!this.#hasSynced) {
      this.#hasSynced = true;
      this.#firstSync.resolve();
    }
    return revision ?? "";
  }

  /** Follows changes until the server ends the watch. */
  async #watchFrom(start: string, progress: () => void): Promise<void> {
    const { client, random, clock } = this.#options;
    const began = clock.monotonic();
    const events = client.watch(this.kind, {
      ...this.#selection,
      resourceVersion: start,
      allowWatchBookmarks: true,
      // Spread, so that many informers do not come back at the same moment.
      timeoutSeconds: Math.floor(300 + random.next() * 300),
      signal: this.#stop.signal,
    });
    for await (const event of events) {
      progress();
      this.#apply(event);
    }
    // A server that ends watches at once must not be asked in a tight loop.
    if (clock.monotonic() - began < 1000 && !this.#stop.signal.aborted) {
      await clock.sleep(200, this.#stop.signal).catch(() => {});
    }
  }

  #apply(event: WatchEvent<T>): void {
    const object = this.#kept(event.object);
    if (event.type !== "BOOKMARK") {
      const key = keyText(keyOf(object));
      if (event.type === "DELETED") this.#remove(key, object);
      else this.#set(key, object);
    }
    this.#advance(object.metadata.resourceVersion);
    // Also when the watch breaks off later: told again from an earlier place, the copy would go back in time.
    if (object.metadata.resourceVersion) this.#position = object.metadata.resourceVersion;
  }

  #kept(object: T): T {
    if (this.#selection.metadataOnly) return withoutDetails(this.kind, object);
    return (this.#options.slim?.(this.kind, object) as T | undefined) ?? object;
  }

  #advance(resourceVersion: string | undefined): void {
    if (!resourceVersion) return;
    const revision = BigInt(resourceVersion);
    if (revision <= this.#revision) return;
    this.#revision = revision;
    for (const waiter of this.#waiters) {
      if (waiter.revision > revision) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  #set(key: string, object: T): void {
    const previous = this.#objects.get(key);
    if (
      previous?.metadata.resourceVersion === object.metadata.resourceVersion &&
      previous?.metadata.uid === object.metadata.uid
    )
      return;
    this.#objects.set(key, object);
    for (const index of this.#indexes.values()) {
      if (previous) leave(index, key, previous);
      enter(index, key, object);
    }
    const initial = !this.#hasSynced;
    // A name that was deleted and made anew between two looks is two objects.
    if (previous && previous.metadata.uid !== object.metadata.uid) {
      this.#tell((handler) => handler.deleted?.(previous));
      this.#tell((handler) => handler.added?.(object, initial));
    } else if (previous) this.#tell((handler) => handler.updated?.(object, previous));
    else this.#tell((handler) => handler.added?.(object, initial));
  }

  #remove(key: string, last: T): void {
    const previous = this.#objects.get(key);
    if (!previous) return;
    this.#objects.delete(key);
    for (const index of this.#indexes.values()) leave(index, key, previous);
    this.#tell((handler) => handler.deleted?.(last));
  }

  #tell(call: (handler: InformerHandler<T>) => void): void {
    for (const handler of this.#handlers) {
      try {
        call(handler);
      } catch (error) {
        this.#options.log.error(`a handler of ${this.kind.plural} threw`, { error });
      }
    }
  }
}

// Who owns which field, and what others have noted, is the greater part of most objects' metadata.
function withoutDetails<T extends KubeObject>(kind: KindRef<T>, { metadata }: T): T {
  const { managedFields: _owners, annotations: _notes, ...rest } = metadata;
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: rest } as T;
}

function enter<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.of(object)) {
    let entries = index.entries.get(value);
    if (!entries) {
      entries = new Map();
      index.entries.set(value, entries);
    }
    entries.set(key, object);
  }
}

function leave<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.of(object)) {
    const entries = index.entries.get(value);
    if (entries?.delete(key) && entries.size === 0) index.entries.delete(value);
  }
}

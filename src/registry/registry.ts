import type { Kind } from "../api/kind.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { Random } from "../lib/random.ts";
import type { KindRef } from "../machinery/object.ts";
import { resourceText } from "../machinery/status-error.ts";
import type { TypeLookup } from "../machinery/type-info.ts";
import type { Store } from "../store/store.ts";
import { Collection } from "./collection.ts";
import { Resource, type Served } from "./resource.ts";
import { type ServiceRanges, ServiceStrategy } from "./strategies/service.ts";
import { builtInStrategies } from "./strategies/strategies.ts";
import { plainStrategy, type Strategy } from "./strategy.ts";
import { WatchCache } from "./watch-cache.ts";

export interface RegistryOptions {
  readonly store: Store;
  readonly kinds: readonly Kind[];
  readonly lookup: TypeLookup;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly services: ServiceRanges;
  /** Freezes every object that is held, so that whoever changes a shared one fails: for tests. */
  readonly freeze?: boolean;
}

/** Every kind that is served, each with its objects. Kinds come and go while it runs. */
export class Registry {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly #options: RegistryOptions;
  readonly #strategies: ReadonlyMap<string, Strategy>;
  readonly #collections = new Map<string, Collection>();
  readonly #served = new Map<string, Served>();
  #edition = 0;

  constructor(options: RegistryOptions) {
    this.store = options.store;
    this.clock = options.clock;
    this.random = options.random;
    this.#options = options;
    this.#strategies = builtInStrategies(options.services, options.random);
    for (const kind of options.kinds) this.add(kind, options.lookup);
  }

  /** Reads what must be known before the first write: the addresses and ports that Services have. */
  async start(): Promise<void> {
    const services = this.#collections.get("services");
    if (!services || !(services.strategy instanceof ServiceStrategy)) return;
    await services.cache.start();
    for (const held of services.cache.range(services.resource.range)) services.strategy.adopt(held.object);
  }

  /** Grows with every kind that comes or goes; what is derived from the set of kinds can be kept until it does. */
  get edition(): number {
    return this.#edition;
  }

  get collections(): Iterable<Collection> {
    return this.#collections.values();
  }

  /** Serves one more kind. Throws Fault `in-use` when its place is taken. */
  add(kind: Kind, lookup: TypeLookup): Collection {
    const { store, clock, log, freeze = false } = this.#options;
    const resource = new Resource(kind, lookup, { freeze });
    const name = resourceText(resource.name);
    if (this.#collections.has(name)) throw new Fault("in-use", `${name} is served already`);
    const strategy = this.#strategies.get(name) ?? plainStrategy;
    const cache = new WatchCache({ resource, store, clock, log });
    const collection = new Collection({ resource, cache, store, strategy });
    this.#collections.set(name, collection);
    for (const served of resource.served.values()) this.#served.set(`${served.apiVersion}/${resource.plural}`, served);
    this.#edition += 1;
    return collection;
  }

  /** Stops serving a kind; its objects stay in the store. */
  async remove(kind: KindRef<unknown>): Promise<void> {
    const name = resourceText(kind);
    const collection = this.#collections.get(name);
    if (!collection) return;
    this.#collections.delete(name);
    for (const served of collection.resource.served.values()) {
      this.#served.delete(`${served.apiVersion}/${collection.resource.plural}`);
    }
    this.#edition += 1;
    await collection.cache[Symbol.asyncDispose]();
  }

  /** The objects of a kind. Throws Fault `missing` when it is not served. */
  of(kind: KindRef<unknown>): Collection {
    const collection = this.#collections.get(resourceText(kind));
    if (!collection) throw new Fault("missing", `${resourceText(kind)} is not served`);
    return collection;
  }

  /** The version of a resource that a path names: `apps/v1`, `deployments`. */
  find(apiVersion: string, plural: string): { readonly served: Served; readonly collection: Collection } | undefined {
    const served = this.#served.get(`${apiVersion}/${plural}`);
    const collection = served && this.#collections.get(resourceText(served.resource.name));
    return collection ? { served, collection } : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.#collections.values(), ({ cache }) => cache[Symbol.asyncDispose]()));
  }
}

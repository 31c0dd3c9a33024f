import type { Kind } from "../api/kind.ts";
import { ServiceCIDR } from "../api/networking/service-cidr.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { Random } from "../lib/random.ts";
import type { KindRef } from "../machinery/object.ts";
import { resourceText } from "../machinery/status-error.ts";
import type { TypeLookup } from "../machinery/type-info.ts";
import type { Store } from "../store/store.ts";
import { Chores } from "./chores.ts";
import { Collection } from "./collection.ts";
import { Compactor } from "./compaction.ts";
import { Resource, type Served } from "./resource.ts";
import { type ServiceRanges, ServiceStrategy } from "./strategies/service.ts";
import { repairReservations } from "./strategies/service-repair.ts";
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
  /** What kinds need from the server that owns the registry, by `plural.group`. */
  readonly strategies?: Readonly<Record<string, Strategy>>;
  /** Milliseconds between compactions of the store's history. Default five minutes; 0 leaves it to others. */
  readonly compactionInterval?: number;
  /** Freezes every object that is held, so that whoever changes a shared one fails: for tests. */
  readonly freeze?: boolean;
}

const threeMinutes = 180_000;
const fiveMinutes = 300_000;
const leavingTime = 5000;

/** Every kind that is served, each with its objects. Kinds come and go while it runs. */
export class Registry {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly #options: RegistryOptions;
  readonly #strategies: ReadonlyMap<string, Strategy>;
  readonly #services: ServiceStrategy;
  readonly #chores: Chores;
  readonly #collections = new Map<string, Collection>();
  readonly #served = new Map<string, Served>();
  /** No longer served, but somebody may still be reading. */
  readonly #leaving = new Map<Collection, Disposable>();
  #edition = 0;

  constructor(options: RegistryOptions) {
    this.store = options.store;
    this.clock = options.clock;
    this.random = options.random;
    this.#options = options;
    const { store, clock, random, log } = options;
    const of = (kind: KindRef<unknown>) => this.of(kind);
    this.#services = new ServiceStrategy({ ranges: options.services, store, clock, random, log, of });
    this.#strategies = builtInStrategies(this.#services, clock);
    this.#chores = new Chores(clock, log);
    for (const kind of options.kinds) this.add(kind, options.lookup);
  }

  /** Settles what must be settled before the first write, and from now on looks after the store. */
  async start(): Promise<void> {
    const { clock, log, compactionInterval = fiveMinutes } = this.#options;
    const services = this.#collections.get("services");
    if (services) {
      const strategy = this.#services;
      const repair = () => repairReservations({ services, strategy, now: clock.now(), log });
      await this.of(ServiceCIDR).cache.start();
      await repair();
      this.#chores.every(threeMinutes, "the repair of services' reservations", repair);
    }
    if (compactionInterval > 0) {
      const compactor = new Compactor(this.store);
      this.#chores.every(compactionInterval, "the compaction of the store", () => compactor.run());
    }
  }

  /** Cluster addresses and node ports, as Services reserve them. */
  get services(): ServiceStrategy {
    return this.#services;
  }

  /** Grows with every kind that comes or goes; what is derived from the set of kinds can be kept until it does. */
  get edition(): number {
    return this.#edition;
  }

  get collections(): Iterable<Collection> {
    return this.#collections.values();
  }

  /** Serves one more kind. Throws Fault `in-use` when its place is taken. */
  add(kind: Kind, lookup: TypeLookup, own?: Strategy): Collection {
    const { store, clock, log, freeze = false } = this.#options;
    const resource = new Resource(kind, lookup, { freeze });
    const name = resourceText(resource.name);
    if (this.#collections.has(name)) throw new Fault("in-use", `${name} is served already`);
    const given = own ?? this.#options.strategies?.[name] ?? this.#strategies.get(name);
    const cache = new WatchCache({ resource, store, clock, log });
    const collection = new Collection({ resource, cache, store, strategy: given ?? plainStrategy });
    this.#collections.set(name, collection);
    for (const served of resource.served.values()) this.#served.set(`${served.apiVersion}/${served.plural}`, served);
    this.#edition += 1;
    return collection;
  }

  /** Stops serving a kind; its objects stay in the store. */
  async remove(kind: KindRef<unknown>): Promise<void> {
    const name = resourceText(kind);
    const collection = this.#collections.get(name);
    if (!collection) return;
    this.#forget(name, collection);
    await collection.cache[Symbol.asyncDispose]();
  }

  /** Serves a kind in another way from now on: watches end at once, those who are reading get their answers. */
  replace(kind: Kind, lookup: TypeLookup, own?: Strategy): Collection {
    const name = resourceText(kind);
    const before = this.#collections.get(name);
    if (before) {
      this.#forget(name, before);
      before.cache.retire();
      const timer = this.clock.after(leavingTime, () => {
        this.#leaving.delete(before);
        void before.cache[Symbol.asyncDispose]();
      });
      this.#leaving.set(before, timer);
    }
    return this.add(kind, lookup, own);
  }

  #forget(name: string, { resource }: Collection): void {
    this.#collections.delete(name);
    for (const { apiVersion, plural } of resource.served.values()) this.#served.delete(`${apiVersion}/${plural}`);
    this.#edition += 1;
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
    await this.#chores[Symbol.asyncDispose]();
    for (const timer of this.#leaving.values()) timer[Symbol.dispose]();
    const all = [...this.#collections.values(), ...this.#leaving.keys()];
    await Promise.all(all.map(({ cache }) => cache[Symbol.asyncDispose]()));
  }
}

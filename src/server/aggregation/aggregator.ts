import { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import { APIService } from "../../api/apiregistration/api-service.ts";
import { Service } from "../../api/core/service.ts";
import { EndpointSlice } from "../../api/discovery/endpoint-slice.ts";
import { backoffDelay } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import { isStatus } from "../../machinery/status-error.ts";
import type { Registry } from "../../registry/registry.ts";
import type { FrontProxyOptions } from "../authentication/client-certificates.ts";
import { Maker } from "../bootstrap/bootstrap.ts";
import type { Catalog } from "../discovery/catalog.ts";
import type { RequestInfo } from "../request-info.ts";
import type { ServiceResolver } from "../webhooks/service-resolver.ts";
import { discoveryCheck, serviceFault, versionPath } from "./availability.ts";
import { type Availability, withCondition } from "./conditions.ts";
import { LocalServices } from "./local-services.ts";
import { type RemoteDocuments, readDocuments } from "./remote-documents.ts";
import { type ProxyClient, RemoteServer } from "./remote-server.ts";

export interface AggregatorOptions {
  readonly registry: Registry;
  readonly catalog: Catalog;
  readonly services: ServiceResolver;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The apiVersions that come with the server. */
  readonly builtIn: ReadonlySet<string>;
  /** How this server proves who it is to aggregated ones. */
  readonly client?: ProxyClient;
  /** Whose headers aggregated servers may believe. */
  readonly frontProxy?: FrontProxyOptions;
}

/** A group version that another server answers for. */
export interface RemoteVersion {
  readonly group: string;
  readonly version: string;
  readonly groupPriority: number;
  readonly versionPriority: number;
  readonly server: RemoteServer;
  /** The last that the server said about itself. */
  readonly documents?: RemoteDocuments;
}

interface Entry extends RemoteVersion {
  readonly service: APIService;
  documents?: RemoteDocuments;
  failures: number;
  timer?: Disposable;
}

const recheck = 30_000;
const retries = { base: 500, factor: 2, max: recheck };

/**
 * Knows which group versions other servers answer for, how they are, and the way to them.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/
 */
export class Aggregator implements Disposable {
  readonly #options: AggregatorOptions;
  readonly #local: LocalServices;
  readonly #maker: Maker;
  /** By APIService name, `v1.example.com`. */
  readonly #remote = new Map<string, Entry>();
  readonly #following: Disposable[] = [];
  readonly #unavailable;
  #edition = 0;
  #localTimer: Disposable | undefined;
  #closed = false;

  constructor(options: AggregatorOptions) {
    this.#options = options;
    this.#local = new LocalServices(options.registry, options.catalog, options.builtIn);
    this.#maker = new Maker(options.registry);
    this.#unavailable = options.metrics.gauge(
      "aggregator_unavailable_apiservice",
      "Whether an aggregated server is not available.",
      ["name"],
    );
  }

  /** Registers what this server serves itself, and follows from now on what others serve. */
  async start(): Promise<void> {
    const { registry } = this.#options;
    const { cache, resource } = registry.of(APIService);
    await cache.start();
    await this.#local.reconcile();
    for (const { object } of cache.range(resource.range)) this.#follow(object as unknown as APIService);
    this.#following.push(
      cache.subscribe({}, ({ type, held }) => {
        const service = held.object as unknown as APIService;
        if (type === "DELETED") this.#forget(service.metadata.name ?? "");
        else this.#follow(service);
        if (type === "DELETED") this.#reconcileSoon();
      }),
    );
    for (const kind of [Service, EndpointSlice]) {
      const collection = registry.of(kind);
      await collection.cache.start();
      const changed = collection.cache.subscribe({}, ({ held }) => {
        if (this.#remote.size === 0) return;
        const { name = "", namespace = "", labels } = held.object.metadata;
        this.#serviceChanged(namespace, labels?.["kubernetes.io/service-name"] ?? name);
      });
      this.#following.push(changed);
    }
    const definitions = registry.of(CustomResourceDefinition);
    await definitions.cache.start();
    this.#following.push(definitions.cache.subscribe({}, () => this.#reconcileSoon()));
  }

  /** Grows with every change of what others serve. */
  get edition(): number {
    return this.#edition;
  }

  /** What others serve. */
  get versions(): Iterable<RemoteVersion> {
    return this.#remote.values();
  }

  /** The server that answers a request; undefined when it is this one. */
  serverOf(info: RequestInfo): RemoteServer | undefined {
    if (this.#remote.size === 0) return undefined;
    if (info.isResource) return this.#remote.get(`${info.version}.${info.group}`)?.server;
    const [, root, group, version] = info.path.split("/");
    return root === "apis" && version ? this.#remote.get(`${version}.${group}`)?.server : undefined;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#localTimer?.[Symbol.dispose]();
    for (const one of this.#following.splice(0)) one[Symbol.dispose]();
    for (const name of [...this.#remote.keys()]) this.#forget(name);
  }

  #follow(service: APIService): void {
    const { name = "" } = service.metadata;
    const known = this.#remote.get(name);
    if (known?.server.serves(service)) return;
    this.#forget(name);
    if (!service.spec.service) return;
    const { services, clock, client, frontProxy } = this.#options;
    const { group = "", version = "", groupPriorityMinimum = 0, versionPriority = 0 } = service.spec;
    const server = new RemoteServer({
      service,
      services,
      clock,
      ...(client ? { client } : {}),
      ...(frontProxy ? { frontProxy } : {}),
    });
    const entry: Entry = {
      service,
      server,
      group,
      version,
      groupPriority: groupPriorityMinimum,
      versionPriority,
      failures: 0,
    };
    this.#remote.set(name, entry);
    this.#edition += 1;
    this.#checkSoon(entry, 0);
  }

  #forget(name: string): void {
    const known = this.#remote.get(name);
    if (!known) return;
    this.#remote.delete(name);
    known.timer?.[Symbol.dispose]();
    known.server[Symbol.dispose]();
    this.#edition += 1;
  }

  #serviceChanged(namespace: string, name: string): void {
    for (const entry of this.#remote.values()) {
      const { service } = entry.service.spec;
      if (service?.namespace === namespace && service.name === name) this.#checkSoon(entry, 0);
    }
  }

  #checkSoon(entry: Entry, ms: number): void {
    entry.timer?.[Symbol.dispose]();
    entry.timer = this.#options.clock.after(ms, () => {
      this.#check(entry).catch((error: unknown) => {
        const name = entry.service.metadata.name;
        this.#options.log.warn("an APIService could not be checked", { name, error: errorMessage(error) });
        if (this.#isCurrent(entry)) this.#checkSoon(entry, recheck);
      });
    });
  }

  #isCurrent(entry: Entry): boolean {
    return !this.#closed && this.#remote.get(entry.service.metadata.name ?? "") === entry;
  }

  async #check(entry: Entry): Promise<void> {
    const { registry, clock, log } = this.#options;
    const { service, server } = entry;
    const path = versionPath(service.spec);
    let list: unknown;
    const found: Availability =
      (await serviceFault(registry, service)) ??
      (await discoveryCheck(async () => {
        list = await server.document(path);
        return list;
      }, path));
    if (!this.#isCurrent(entry)) return;
    const well = found.status === "True";
    if (well) entry.documents = await readDocuments(server, entry, list, log);
    if (!this.#isCurrent(entry)) return;
    server.available = well;
    this.#edition += 1;
    entry.failures = well ? 0 : entry.failures + 1;
    this.#checkSoon(entry, well ? recheck : backoffDelay(retries, entry.failures));
    const name = service.metadata.name ?? "";
    this.#unavailable.set({ name }, well ? 0 : 1);
    try {
      await this.#maker.status(APIService, name, (object) => withCondition(object, clock.now(), found));
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
  }

  // Definitions are settled in several steps, and come in crowds.
  #reconcileSoon(): void {
    if (this.#localTimer || this.#closed) return;
    this.#localTimer = this.#options.clock.after(50, () => {
      this.#localTimer = undefined;
      this.#local.reconcile().catch((error: unknown) => {
        this.#options.log.warn("local APIServices could not be registered", { error: errorMessage(error) });
      });
    });
  }
}

import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { Random } from "../../lib/random.ts";
import { follow, type ObjectFeed } from "../feed.ts";
import { Upkeep, type UpkeepStatus } from "../upkeep.ts";
import type { ProxyBackend } from "./backend.ts";
import { isEmpty } from "./front.ts";
import type { HealthCheck, PlanContext } from "./plan.ts";
import type { EndpointSliceInput, HostPortPodInput, ProxyNodeInput, ServiceInput } from "./service-input.ts";
import { ProxyTable } from "./table.ts";

/** What the proxy follows. */
export interface ProxyFeeds {
  readonly services: ObjectFeed<ServiceInput>;
  readonly endpointSlices: ObjectFeed<EndpointSliceInput>;
  /** Pods of this node, for host ports. */
  readonly pods: ObjectFeed<HostPortPodInput>;
}

export interface ServiceProxyOptions {
  readonly feeds: ProxyFeeds;
  /** Of which this one's zone may change; without them it stays what it was at the start. */
  readonly nodes?: ObjectFeed<ProxyNodeInput>;
  readonly backend: ProxyBackend;
  readonly context: PlanContext;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics?: Metrics;
  /** Milliseconds in which changes are gathered before they are applied together. */
  readonly gather?: number;
  /** Milliseconds between comparisons with the kernel. */
  readonly resyncEvery?: number;
  /** Told after each step which health checks there are now. */
  readonly onHealthChecks?: (checks: readonly HealthCheck[]) => void;
}

/** A running proxy. */
export interface ServiceProxy extends AsyncDisposable {
  /** Resolves when the kernel first holds everything that existed at the start. */
  ready(): Promise<void>;
  status(): UpkeepStatus;
}

/** Keeps the backend in line with the services, slices and pods of the feeds. Disposing removes what it made. */
export function openServiceProxy(options: ServiceProxyOptions): ServiceProxy {
  return new Loop(options);
}

class Loop implements ServiceProxy {
  readonly #options: ServiceProxyOptions;
  readonly #table: ProxyTable;
  readonly #subscriptions: Disposable[];
  readonly #upkeep: Upkeep;

  constructor(options: ServiceProxyOptions) {
    const { feeds, nodes, context, clock, random, log, gather, resyncEvery } = options;
    const table = new ProxyTable(context);
    this.#options = options;
    this.#table = table;
    const upkeep = new Upkeep({
      ...{ what: "services", clock, random, log, gather, resyncEvery },
      synced: () =>
        Promise.all([feeds.services.synced(), feeds.endpointSlices.synced(), feeds.pods.synced(), nodes?.synced()]),
      dirty: () => table.dirty,
      step: (turn) => this.#step(turn),
    });
    this.#upkeep = upkeep;
    const touched =
      <T>(change: (object: T) => void) =>
      (object: T) => {
        change(object);
        upkeep.touch();
      };
    // A node tells of itself every few seconds, nearly always nothing that counts here.
    const placed = (node: ProxyNodeInput) => {
      table.setNode(node);
      if (table.dirty) upkeep.touch();
    };
    this.#subscriptions = [
      follow(
        feeds.services,
        touched((service: ServiceInput) => table.setService(service)),
        touched((service: ServiceInput) => table.deleteService(service)),
      ),
      follow(
        feeds.endpointSlices,
        touched((slice: EndpointSliceInput) => table.setSlice(slice)),
        touched((slice: EndpointSliceInput) => table.deleteSlice(slice)),
      ),
      ...(nodes ? [follow(nodes, placed, () => {})] : []),
      follow(
        feeds.pods,
        touched((pod: HostPortPodInput) => table.setPod(pod)),
        touched((pod: HostPortPodInput) => table.deletePod(pod)),
      ),
    ];
  }

  ready(): Promise<void> {
    return this.#upkeep.ready();
  }

  status(): UpkeepStatus {
    return this.#upkeep.status();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
    await this.#upkeep[Symbol.asyncDispose]();
    await this.#options.backend[Symbol.asyncDispose]();
  }

  async #step({ first, resync }: { readonly first: boolean; readonly resync: boolean }): Promise<void> {
    const { backend, clock, metrics, log } = this.#options;
    const change = this.#table.drain();
    const began = clock.monotonic();
    // The first step is taken even when empty: it clears away what an earlier process left.
    if (first || !isEmpty(change)) await backend.apply(change);
    if (resync) {
      const { repaired } = await backend.resync();
      if (repaired > 0 && !first) log.warn("the kernel's service table differed and was repaired", { repaired });
    }
    metrics
      ?.histogram("kubeproxy_sync_proxy_rules_duration_seconds", "How long it took to apply changes of services.")
      .observe((clock.monotonic() - began) / 1000);
    metrics
      ?.gauge("kubeproxy_sync_proxy_rules_last_timestamp_seconds", "When services were last applied.")
      .set(clock.now() / 1000);
    this.#options.onHealthChecks?.(this.#table.healthChecks());
  }
}

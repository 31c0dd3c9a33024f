import { Backoff } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { Random } from "../../lib/random.ts";
import { follow, type ObjectFeed } from "../feed.ts";
import type { ProxyBackend } from "./backend.ts";
import { isEmpty } from "./front.ts";
import type { HealthCheck, PlanContext } from "./plan.ts";
import type { EndpointSliceInput, HostPortPodInput, ServiceInput } from "./service-input.ts";
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
  /** Milliseconds since the epoch of the last step that succeeded, undefined before the first; and the trouble since, if any. */
  status(): { readonly lastApplied: number | undefined; readonly trouble: string | undefined };
}

/** Keeps the backend in line with the services, slices and pods of the feeds. Disposing removes what it made. */
export function openServiceProxy(options: ServiceProxyOptions): ServiceProxy {
  return new Loop(options);
}

class Loop implements ServiceProxy {
  readonly #options: ServiceProxyOptions;
  readonly #table: ProxyTable;
  readonly #subscriptions: Disposable[];
  readonly #closing = new AbortController();
  readonly #ready = Promise.withResolvers<void>();
  readonly #running: Promise<void>;
  #wake: () => void = () => {};
  #lastApplied: number | undefined;
  #trouble: string | undefined;

  constructor(options: ServiceProxyOptions) {
    this.#options = options;
    this.#table = new ProxyTable(options.context);
    this.#ready.promise.catch(() => {});
    const { feeds } = options;
    const touched =
      <T>(change: (object: T) => void) =>
      (object: T) => {
        change(object);
        this.#wake();
      };
    const table = this.#table;
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
      follow(
        feeds.pods,
        touched((pod: HostPortPodInput) => table.setPod(pod)),
        touched((pod: HostPortPodInput) => table.deletePod(pod)),
      ),
    ];
    this.#running = this.#run();
  }

  ready(): Promise<void> {
    return this.#ready.promise;
  }

  status() {
    return { lastApplied: this.#lastApplied, trouble: this.#trouble };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
    this.#closing.abort();
    this.#wake();
    await this.#running;
    await this.#options.backend[Symbol.asyncDispose]();
  }

  async #run(): Promise<void> {
    const { feeds, clock, random, log } = this.#options;
    const { signal } = this.#closing;
    const backoff = new Backoff({ base: 250, factor: 2, max: 30_000, jitter: 0.2 }, random);
    try {
      // Half a picture must not be applied: it would take away what an earlier process set up.
      await Promise.race([
        Promise.all([feeds.services.synced(), feeds.endpointSlices.synced(), feeds.pods.synced()]),
        aborted(signal),
      ]);
    } catch (error) {
      this.#ready.reject(error);
      return;
    }
    let first = true;
    let nextResync = clock.monotonic() + this.#resyncWait();
    while (!signal.aborted) {
      try {
        const due = clock.monotonic() >= nextResync || this.#trouble !== undefined;
        await this.#step(first, due);
        if (due) nextResync = clock.monotonic() + this.#resyncWait();
        if (first) this.#ready.resolve();
        first = false;
        this.#trouble = undefined;
        backoff.succeeded("apply");
        await this.#changeOr(nextResync - clock.monotonic());
        await clock.sleep(this.#options.gather ?? 20, signal).catch(() => {});
      } catch (error) {
        this.#trouble = errorMessage(error);
        log.error("services could not be applied", { error: this.#trouble });
        await clock.sleep(backoff.failed("apply"), signal).catch(() => {});
      }
    }
    this.#ready.reject(signal.reason);
  }

  async #step(first: boolean, resync: boolean): Promise<void> {
    const { backend, clock, metrics, log } = this.#options;
    const change = this.#table.drain();
    const began = clock.monotonic();
    // The first step is taken even when empty: it clears away what an earlier process left.
    if (first || !isEmpty(change)) await backend.apply(change);
    if (resync) {
      const { repaired } = await backend.resync();
      if (repaired > 0 && !first) log.warn("the kernel's service table differed and was repaired", { repaired });
    }
    this.#lastApplied = clock.now();
    metrics
      ?.histogram("kubeproxy_sync_proxy_rules_duration_seconds", "How long it took to apply changes of services.")
      .observe((clock.monotonic() - began) / 1000);
    metrics
      ?.gauge("kubeproxy_sync_proxy_rules_last_timestamp_seconds", "When services were last applied.")
      .set(this.#lastApplied / 1000);
    this.#options.onHealthChecks?.(this.#table.healthChecks());
  }

  #changeOr(milliseconds: number): Promise<void> {
    if (this.#table.dirty || this.#closing.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(Math.max(0, milliseconds), () => this.#wake());
      this.#wake = () => {
        timer[Symbol.dispose]();
        this.#wake = () => {};
        resolve();
      };
    });
  }

  #resyncWait(): number {
    // Spread, so that the nodes of one machine do not compare at the same moment.
    return (this.#options.resyncEvery ?? 300_000) * (0.8 + 0.4 * this.#options.random.next());
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../lib/clock.ts";
import { Fault } from "../../lib/fault.ts";
import { silentLog } from "../../lib/log.ts";
import { seededRandom } from "../../lib/random.ts";
import { MemoryFeed } from "../testing/memory-feed.ts";
import type { ProxyBackend } from "./backend.ts";
import type { ProxyChange } from "./front.ts";
import { ModelProxy } from "./model-backend.ts";
import type { HealthCheck } from "./plan.ts";
import type { EndpointSliceInput, HostPortPodInput, ProxyNodeInput, ServiceInput } from "./service-input.ts";
import { openServiceProxy, type ServiceProxy } from "./service-proxy.ts";

let open: ServiceProxy | undefined;
afterEach(async () => {
  await open?.[Symbol.asyncDispose]();
  open = undefined;
});

/** A clock whose waits are short, so that retries need no patience. */
const hasty = {
  ...systemClock,
  sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(Math.min(ms, 1), signal),
};

class LateFeed<T extends ServiceInput> extends MemoryFeed<T> {
  readonly #synced = Promise.withResolvers<void>();
  override synced(): Promise<void> {
    return this.#synced.promise;
  }
  sync(): void {
    this.#synced.resolve();
  }
}

/** A model proxy that writes down what it is told, and fails when told to. */
class Recording extends ModelProxy {
  readonly applied: ProxyChange[] = [];
  resyncs = 0;
  failures = 0;
  constructor() {
    super({ podRanges: [], serviceRanges: [], nodeAddresses: [], random: seededRandom(1), now: () => 0 });
  }
  override async apply(change: ProxyChange): Promise<void> {
    await super.apply(change);
    this.applied.push(change);
    if (this.failures-- > 0) throw new Fault("internal", "the kernel said no");
  }
  override async resync(): Promise<{ readonly repaired: number }> {
    this.resyncs++;
    return super.resync();
  }
}

function start(
  backend: ProxyBackend,
  onHealthChecks?: (checks: readonly HealthCheck[]) => void,
  nodes?: MemoryFeed<ProxyNodeInput>,
) {
  const services = new LateFeed<ServiceInput>();
  const endpointSlices = new MemoryFeed<EndpointSliceInput>();
  const pods = new MemoryFeed<HostPortPodInput>();
  open = openServiceProxy({
    feeds: { services, endpointSlices, pods },
    ...(nodes ? { nodes } : {}),
    backend,
    context: { node: { name: "here" }, family: "IPv4" },
    clock: hasty,
    random: seededRandom(1),
    log: silentLog,
    gather: 1,
    onHealthChecks,
  });
  return { services, endpointSlices, pods, proxy: open };
}

const service = (name: string, clusterIP: string, extra: object = {}): ServiceInput => ({
  metadata: { namespace: "ns", name },
  spec: { clusterIP, ports: [{ port: 80 }], ...extra },
});

describe("the proxy's loop", () => {
  test("applies nothing before it has seen everything, and then all at once", async () => {
    const backend = new Recording();
    const { services, proxy } = start(backend);
    services.set(service("a", "10.96.0.1"));
    await systemClock.sleep(20);
    expect(backend.applied).toEqual([]);
    services.set(service("b", "10.96.0.2"));
    services.sync();
    await proxy.ready();
    expect(backend.applied.map((change) => change.put.length)).toEqual([2]);
  });

  test("takes its first step even when there is nothing, to clear what another process left", async () => {
    const backend = new Recording();
    const { services, proxy } = start(backend);
    services.sync();
    await proxy.ready();
    expect(backend.applied).toHaveLength(1);
  });

  test("tries again after a fault, compares with the kernel then, and says what is wrong meanwhile", async () => {
    const backend = new Recording();
    const { services, proxy } = start(backend);
    services.sync();
    await proxy.ready();
    backend.failures = 1;
    const before = backend.resyncs;
    services.set(service("a", "10.96.0.1"));
    for (let i = 0; i < 100 && backend.resyncs === before; i++) await systemClock.sleep(2);
    await systemClock.sleep(5);
    expect(backend.resyncs).toBe(before + 1);
    expect([...backend.wanted().fronts.keys()]).toEqual(["10.96.0.1/tcp/80"]);
    expect(proxy.status().trouble).toBeUndefined();
  });

  test("hands on the health checks of services", async () => {
    const seen: (readonly HealthCheck[])[] = [];
    const { services, proxy } = start(new Recording(), (checks) => seen.push(checks));
    services.set(
      service("a", "10.96.0.1", { type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: 32000 }),
    );
    services.sync();
    await proxy.ready();
    expect(seen.at(-1)).toEqual([{ port: 32000, namespace: "ns", name: "a", localEndpoints: 0 }]);
  });

  test("looks at hints again when its node is said to be in another zone", async () => {
    const backend = new Recording();
    const nodes = new MemoryFeed<ProxyNodeInput>();
    const { services, endpointSlices, proxy } = start(backend, undefined, nodes);
    services.set(service("a", "10.96.0.1"));
    endpointSlices.set({
      metadata: { namespace: "ns", name: "a-1", labels: { "kubernetes.io/service-name": "a" } },
      addressType: "IPv4",
      endpoints: ["z1", "z2"].map((name, index) => {
        return { addresses: [`10.244.0.${index}`], hints: { forZones: [{ name }] } };
      }),
      ports: [{ port: 8080 }],
    });
    services.sync();
    await proxy.ready();
    expect(backend.applied.at(-1)?.put[0]?.targets).toHaveLength(2);
    nodes.set({ metadata: { name: "here", labels: { "topology.kubernetes.io/zone": "z2" } } });
    while (backend.applied.length < 2) await systemClock.sleep(1);
    expect(backend.applied.at(-1)?.put[0]?.targets).toEqual([{ ip: "10.244.0.1", port: 8080 }]);
  });

  test("ends when it is disposed before it began", async () => {
    const { proxy } = start(new Recording());
    const ready = proxy.ready();
    await proxy[Symbol.asyncDispose]();
    open = undefined;
    await expect(ready).rejects.toBeDefined();
  });
});

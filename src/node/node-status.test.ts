import { describe, expect, test } from "vitest";
import { Lease } from "../api/coordination/lease.ts";
import { Node } from "../api/core/node.ts";
import { Fault } from "../lib/fault.ts";
import { silentLog } from "../lib/log.ts";
import { seededRandom } from "../lib/random.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { allocatableOf, NodeReporter, registerNode } from "./node-status.ts";
import type { ContainerRuntime } from "./runtime/runtime.ts";
import { SimulatedRuntime } from "./runtime/simulated.ts";
import { FakeApi } from "./testing/fake-api.ts";
import { dawn } from "./testing/samples.ts";

const capacity = { cpu: 2, memory: 2 ** 33, ephemeralStorage: 2 ** 36, pods: 110 };

/** The node `one` in a make-believe API, and who reports it; `runtime` replaces calls of a simulated runtime. */
function openReporter(runtime: Partial<ContainerRuntime> = {}) {
  const clock = new VirtualClock(dawn);
  const api = new FakeApi({ clock });
  api.put(Node, { metadata: { name: "one", namespace: "" }, spec: {}, status: {} });
  const simulated = new SimulatedRuntime({ clock, random: seededRandom(1) });
  const reporter = new NodeReporter({
    client: api.client,
    clock,
    log: silentLog,
    runtime: Object.assign(simulated, runtime),
    nodeName: "one",
    addresses: ["10.254.0.1", "fd00:254::1"],
    kubeletPort: 10250,
    capacity,
    labels: {},
    allocatable: allocatableOf(capacity, { cpu: 0.5, memory: 100 * 2 ** 20, ephemeralStorage: 0 }),
    version: "v1.35.0",
  });
  const settled = async () => {
    for (let round = 0; round < 20; round++) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    api,
    reporter,
    status: () => api.get(Node, "one")?.status,
    ready: () => api.get(Node, "one")?.status?.conditions?.find(({ type }) => type === "Ready"),
    lease: () => api.get(Lease, "one", "kube-node-lease"),
    written: () => api.writes.filter((call) => call === "updateStatus Node one").length,
    pass: (seconds: number) => clock.pass(seconds * 1000, settled),
  };
}

describe("a node's status", () => {
  test("says what the node has, what is left of it for pods, and where it is", async () => {
    const { reporter, status } = openReporter();
    await reporter.report();
    expect(status()).toMatchObject({
      addresses: [
        { type: "InternalIP", address: "10.254.0.1" },
        { type: "InternalIP", address: "fd00:254::1" },
        { type: "Hostname", address: "one" },
      ],
      capacity: { cpu: "2", memory: "8388608Ki", pods: "110" },
      allocatable: { cpu: "1500m", memory: "8286208Ki", pods: "110" },
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
      nodeInfo: { kubeletVersion: "v1.35.0", containerRuntimeVersion: "simulated://1.0.0" },
    });
  });

  test.each([
    {
      name: "that does not answer",
      answer: async () => {
        throw new Fault("unavailable", "no such socket");
      },
      message: "container runtime is down: no such socket",
    },
    {
      name: "without a network",
      answer: async () => ({
        conditions: [
          { type: "RuntimeReady", status: true, reason: "", message: "" },
          { type: "NetworkReady", status: false, reason: "NoConfig", message: "cni config uninitialized" },
        ],
        handlers: [],
        features: {},
      }),
      message:
        "container runtime network not ready: NetworkReady=false reason:NoConfig message:cni config uninitialized",
    },
  ])("is not ready with a runtime $name", async ({ answer, message }) => {
    const { reporter, ready } = openReporter({ status: answer as unknown as ContainerRuntime["status"] });
    await reporter.report();
    expect(ready()).toMatchObject({ status: "False", reason: "KubeletNotReady", message });
  });

  test("says what its runtime can do, and keeps what an administrator says that the node has", async () => {
    const { api, reporter, status } = openReporter({
      status: (async () => ({
        conditions: [],
        handlers: [{ name: "runc", recursiveReadonlyMounts: true, userNamespaces: false }],
        features: { supplementalGroupsPolicy: true },
      })) as unknown as ContainerRuntime["status"],
    });
    api.change(Node, "one", (node) => ({ ...node, status: { capacity: { "example.com/dongle": "4", cpu: "99" } } }));
    await reporter.report();
    expect(status()).toMatchObject({
      features: { supplementalGroupsPolicy: true },
      runtimeHandlers: [{ name: "runc", features: { recursiveReadOnlyMounts: true, userNamespaces: false } }],
      capacity: { "example.com/dongle": "4", cpu: "2" },
      allocatable: { "example.com/dongle": "4", cpu: "1500m" },
    });
  });

  test("keeps the conditions of others, and since when its own hold", async () => {
    const { api, reporter, status, ready, pass } = openReporter();
    await reporter.report();
    const since = ready()?.lastTransitionTime;
    const network = { type: "NetworkUnavailable", status: "False" } as const;
    api.change(Node, "one", (node) => ({
      ...node,
      status: { ...node.status, conditions: [...(node.status?.conditions ?? []), network] },
    }));
    await pass(301);
    await reporter.report();
    expect(status()?.conditions).toContainEqual(network);
    expect(ready()).toMatchObject({ lastTransitionTime: since, lastHeartbeatTime: "2026-01-01T00:05:01Z" });
  });

  test("names the largest images", async () => {
    const image = (size: number) => ({ id: `${size}`, repoTags: [`app:${size}`], repoDigests: [], sizeBytes: size });
    const images = Array.from({ length: 60 }, (_, index) => image(index));
    const { reporter, status } = openReporter({ listImages: async () => images as never });
    await reporter.report();
    expect(status()?.images).toHaveLength(50);
    expect(status()?.images?.[0]).toEqual({ names: ["app:59"], sizeBytes: 59 });
  });

  test("is told although others write to the node at the same moment", async () => {
    const { api, reporter, ready } = openReporter();
    writeBeside(api, 3);
    await reporter.report();
    expect(ready()?.status).toBe("True");
    expect(api.get(Node, "one")?.spec.podCIDR).toBe("10.244.0.0/24");
  });

  test("that others keep getting in the way of is told in the next round", async () => {
    const { api, reporter, ready } = openReporter();
    writeBeside(api, 5);
    await reporter.report();
    expect(ready()).toBeUndefined();
    await reporter.report();
    expect(ready()?.status).toBe("True");
  });
});

/** Has somebody else write to the node right before each of the next status writes. */
function writeBeside(api: FakeApi, times: number): void {
  let left = times;
  api.before = (call) => {
    if (call !== "updateStatus Node one" || left-- <= 0) return;
    api.change(Node, "one", (node) => ({ ...node, spec: { podCIDR: `10.244.${left}.0/24` } }));
  };
}

describe("a node that runs", () => {
  test("is told again every five minutes when nothing changed, and renews its lease every ten seconds", async () => {
    const { reporter, lease, written, pass } = openReporter();
    await reporter.start();
    expect(lease()).toMatchObject({
      metadata: { ownerReferences: [{ kind: "Node", name: "one" }] },
      spec: { holderIdentity: "one", leaseDurationSeconds: 40, renewTime: "2026-01-01T00:00:00.000000Z" },
    });
    await pass(300);
    expect(written()).toBe(1);
    expect(lease()?.spec?.renewTime).toBe("2026-01-01T00:05:00.000000Z");
    await pass(20);
    expect(written()).toBe(2);
    await reporter[Symbol.asyncDispose]();
  });

  test("goes on telling after the API was away", async () => {
    const { api, reporter, lease, pass } = openReporter();
    await reporter.start();
    api.before = () => {
      throw new Fault("unavailable", "no route");
    };
    await pass(60);
    expect(lease()?.spec?.renewTime).toBe("2026-01-01T00:00:00.000000Z");
    api.before = undefined;
    await pass(10);
    expect(lease()?.spec?.renewTime).toBe("2026-01-01T00:01:10.000000Z");
    await reporter[Symbol.asyncDispose]();
  });
});

describe("registering", () => {
  const labels = { "kubernetes.io/hostname": "two" };
  const register = (api: FakeApi, clock: VirtualClock) =>
    registerNode({ client: api.client, nodeName: "two", labels, clock, log: silentLog }, new AbortController().signal);

  test("makes a node that takes no pods before it is ready", async () => {
    const clock = new VirtualClock(dawn);
    const made = await register(new FakeApi({ clock }), clock);
    expect(made.metadata.labels).toEqual(labels);
    expect(made.spec.taints).toEqual([{ key: "node.kubernetes.io/not-ready", effect: "NoSchedule" }]);
  });

  test("leaves a known node as it is but for its labels", async () => {
    const clock = new VirtualClock(dawn);
    const api = new FakeApi({ clock });
    api.put(Node, { metadata: { name: "two", labels: { own: "x" } }, spec: { unschedulable: true }, status: {} });
    const known = await register(api, clock);
    expect(known.metadata.labels).toEqual({ own: "x", ...labels });
    expect(known.spec).toEqual({ unschedulable: true });
    const writes = api.writes.length;
    await register(api, clock);
    expect(api.writes).toHaveLength(writes);
  });

  test("waits for an API server that is not there yet", async () => {
    const clock = new VirtualClock(dawn);
    const api = new FakeApi({ clock });
    let failures = 3;
    api.before = () => {
      if (failures-- > 0) throw new Fault("unavailable", "connection refused");
    };
    const registered = register(api, clock);
    const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
    await clock.pass(1000, settled);
    expect((await registered).metadata.name).toBe("two");
  });
});

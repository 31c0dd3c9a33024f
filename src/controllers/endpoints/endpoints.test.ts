import { describe, expect, test } from "vitest";
import { Endpoints } from "../../api/core/endpoints.ts";
import { Node } from "../../api/core/node.ts";
import { Pod } from "../../api/core/pod.ts";
import { Service } from "../../api/core/service.ts";
import { EndpointSlice } from "../../api/discovery/endpoint-slice.ts";
import type { FakeCluster } from "../framework/testing/fake-cluster.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { endpointSliceController } from "./endpoint-slices.ts";
import { endpointsController } from "./endpoints.ts";

const labels = { app: "web" };
const service = (cluster: FakeCluster, spec: Partial<Service["spec"]> = {}, more: object = {}) =>
  cluster.put(Service, {
    metadata: { name: "web", namespace: "default", ...more },
    spec: {
      selector: labels,
      ports: [{ port: 80, protocol: "TCP", targetPort: 8080 }],
      clusterIP: "10.96.0.9",
      ...spec,
    },
  });
interface Sample {
  readonly ready?: boolean;
  readonly phase?: "Running" | "Succeeded";
  readonly node?: string;
  readonly spec?: Partial<Pod["spec"]>;
  readonly deleting?: boolean;
}
const pod = (cluster: FakeCluster, name: string, ip: string, sample: Sample = {}) => {
  const { ready = true, phase = "Running", node = "n1", spec = {}, deleting } = sample;
  const deletion = deleting ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {};
  return cluster.put(Pod, {
    metadata: { name, namespace: "default", labels, ...deletion },
    spec: { nodeName: node, containers: [{ name: "c", ports: [{ name: "http", containerPort: 9000 }] }], ...spec },
    status: { phase, podIP: ip, podIPs: [{ ip }], conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  });
};
const start = (given: (cluster: FakeCluster) => void) => run([endpointSliceController, endpointsController], { given });
const slices = ({ cluster }: Harness) => cluster.all(EndpointSlice);
const addresses = (harness: Harness) =>
  slices(harness)
    .flatMap(({ endpoints }) => endpoints ?? [])
    .map(({ addresses: [address], conditions }) => `${address} ${conditions?.ready}`)
    .sort();
const subsets = ({ cluster }: Harness) => cluster.get(Endpoints, "web")?.subsets;

test("the pods behind a Service stand in one slice and in the older object", async () => {
  await using harness = await start((cluster) => {
    cluster.put(Node, { metadata: { name: "n1", labels: { "topology.kubernetes.io/zone": "z1" } }, spec: {} });
    service(cluster, {}, { labels: { team: "shop" } });
    pod(cluster, "a", "10.244.0.1");
    pod(cluster, "b", "10.244.0.2", { ready: false });
    pod(cluster, "done", "10.244.0.3", { phase: "Succeeded" });
  });
  const [slice, ...others] = slices(harness);
  expect(others).toEqual([]);
  expect(slice).toMatchObject({
    addressType: "IPv4",
    ports: [{ name: "", port: 8080, protocol: "TCP" }],
    metadata: {
      labels: {
        team: "shop",
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
      },
      ownerReferences: [{ kind: "Service", name: "web", controller: true }],
    },
  });
  expect(slice?.endpoints?.find(({ addresses: [address] }) => address === "10.244.0.1")).toMatchObject({
    conditions: { ready: true, serving: true, terminating: false },
    targetRef: { kind: "Pod", name: "a", namespace: "default" },
    nodeName: "n1",
    zone: "z1",
  });
  expect(addresses(harness)).toEqual(["10.244.0.1 true", "10.244.0.2 false"]);
  expect(subsets(harness)).toMatchObject([
    {
      addresses: [{ ip: "10.244.0.1", targetRef: { name: "a" } }],
      notReadyAddresses: [{ ip: "10.244.0.2" }],
      ports: [{ port: 8080, protocol: "TCP" }],
    },
  ]);
});

test.each([
  ["PreferClose", { forZones: [{ name: "z1" }] }],
  ["PreferSameZone", { forZones: [{ name: "z1" }] }],
  ["PreferSameNode", { forZones: [{ name: "z1" }], forNodes: [{ name: "n1" }] }],
  [undefined, undefined],
])("trafficDistribution %s is written as hints of ready endpoints", async (trafficDistribution, hints) => {
  await using harness = await start((cluster) => {
    cluster.put(Node, { metadata: { name: "n1", labels: { "topology.kubernetes.io/zone": "z1" } }, spec: {} });
    service(cluster, { trafficDistribution });
    pod(cluster, "a", "10.244.0.1");
    pod(cluster, "b", "10.244.0.2", { ready: false });
  });
  const endpoints = slices(harness).flatMap((slice) => slice.endpoints ?? []);
  const hintOf = (ip: string) => endpoints.find(({ addresses: [address] }) => address === ip)?.hints;
  expect(hintOf("10.244.0.1")).toEqual(hints);
  expect(hintOf("10.244.0.2")).toBeUndefined();
});

test("a change of readiness, labels or life is followed", async () => {
  await using harness = await start((cluster) => {
    service(cluster);
    pod(cluster, "a", "10.244.0.1");
    pod(cluster, "b", "10.244.0.2");
  });
  const { cluster } = harness;
  const known = cluster.get(Pod, "a")!;
  cluster.change(Pod, known, { status: { ...known.status, conditions: [{ type: "Ready", status: "False" }] } });
  await harness.settle();
  expect(addresses(harness)).toEqual(["10.244.0.1 false", "10.244.0.2 true"]);
  cluster.change(Pod, known, { metadata: { ...known.metadata, labels: {} } });
  cluster.remove(Pod, cluster.get(Pod, "b")!);
  await harness.settle();
  expect(addresses(harness)).toEqual([]);
  expect(slices(harness)).toHaveLength(1);
  expect(subsets(harness)).toEqual([]);
});

test("a pod on its way out still serves but takes no new traffic", async () => {
  await using harness = await start((cluster) => {
    service(cluster);
    pod(cluster, "a", "10.244.0.1", { deleting: true });
  });
  expect(slices(harness)[0]?.endpoints?.[0]?.conditions).toEqual({ ready: false, serving: true, terminating: true });
  expect(subsets(harness)).toEqual([]);
});

describe("ports", () => {
  test("a named target is looked up in each pod, and pods that differ stand in slices of their own", async () => {
    await using harness = await start((cluster) => {
      service(cluster, { ports: [{ name: "web", port: 80, protocol: "TCP", targetPort: "http" }] });
      pod(cluster, "a", "10.244.0.1");
      pod(cluster, "b", "10.244.0.2", {
        spec: { containers: [{ name: "c", ports: [{ name: "http", containerPort: 9001 }] }] },
      });
      pod(cluster, "without", "10.244.0.3", { spec: { containers: [{ name: "c" }] } });
    });
    expect(
      slices(harness)
        .map(({ ports }) => ports?.[0]?.port)
        .sort(),
    ).toEqual([9000, 9001]);
    expect(addresses(harness)).toHaveLength(2);
    expect(subsets(harness)?.map(({ ports }) => ports?.[0]?.port)).toEqual([9000, 9001]);
  });
});

test("the older object packs pods by the ports that all of them have in common", async () => {
  await using harness = await start((cluster) => {
    service(cluster, {
      ports: [
        { name: "web", port: 80, protocol: "TCP", targetPort: "http" },
        { name: "dns", port: 53, protocol: "UDP", targetPort: 5353 },
      ],
    });
    pod(cluster, "a", "10.244.0.1");
    pod(cluster, "b", "10.244.0.2", {
      spec: { containers: [{ name: "c", ports: [{ name: "http", containerPort: 9001 }] }] },
    });
  });
  const packed = subsets(harness)?.map(({ ports, addresses: of }) => [
    ports?.map(({ port }) => port),
    of?.map(({ ip }) => ip),
  ]);
  expect(packed).toHaveLength(3);
  expect(packed).toEqual(
    expect.arrayContaining([
      [[9000], ["10.244.0.1"]],
      [[9001], ["10.244.0.2"]],
      [[5353], ["10.244.0.1", "10.244.0.2"]],
    ]),
  );
});

test("a headless Service's pods have the names they ask for, and its endpoints its mark", async () => {
  await using harness = await start((cluster) => {
    service(cluster, { clusterIP: "None" });
    pod(cluster, "a", "10.244.0.1", { spec: { containers: [], hostname: "a-0", subdomain: "web" } });
  });
  expect(slices(harness)[0]?.endpoints?.[0]?.hostname).toBe("a-0");
  expect(slices(harness)[0]?.metadata.labels).toHaveProperty(["service.kubernetes.io/headless"], "");
});

describe("slices", () => {
  const many = (cluster: FakeCluster, from: number, to: number) => {
    for (let index = from; index < to; index += 1) {
      pod(cluster, `p${index}`, `10.244.${Math.floor(index / 250)}.${index % 250}`);
    }
  };

  test("hold at most a hundred endpoints, and few are touched by a change", async () => {
    await using harness = await start((cluster) => {
      service(cluster);
      many(cluster, 0, 250);
    });
    expect(
      slices(harness)
        .map(({ endpoints }) => endpoints?.length)
        .sort(),
    ).toEqual([100, 100, 50]);
    const before = harness.cluster.calls.length;
    many(harness.cluster, 250, 251);
    await harness.settle();
    const written = harness.cluster.calls.slice(before).filter(({ kind }) => kind === "EndpointSlice");
    expect(written).toEqual([{ verb: "update", kind: "EndpointSlice", name: expect.any(String) }]);
    expect(addresses(harness)).toHaveLength(251);
  });

  test("an older object holds at most a thousand, and says so", async () => {
    await using harness = await start((cluster) => {
      service(cluster);
      many(cluster, 0, 1003);
    });
    expect(subsets(harness)?.[0]?.addresses).toHaveLength(1000);
    const { annotations } = harness.cluster.get(Endpoints, "web")!.metadata;
    expect(annotations?.["endpoints.kubernetes.io/over-capacity"]).toBe("truncated");
    expect(addresses(harness)).toHaveLength(1003);
  });
});

test("a Service without a selector, or with another's name, is left to whoever fills it", async () => {
  await using harness = await start((cluster) => {
    cluster.put(Service, { metadata: { name: "bare", namespace: "default" }, spec: { ports: [{ port: 80 }] } });
    cluster.put(Endpoints, { metadata: { name: "bare", namespace: "default" }, subsets: [] });
    service(cluster, { type: "ExternalName", externalName: "example.com" });
    pod(cluster, "a", "10.244.0.1");
  });
  await harness.settle();
  expect(harness.cluster.calls).toEqual([]);
});

test("the older object goes with its Service, unless somebody made it by hand", async () => {
  await using harness = await start((cluster) => {
    service(cluster);
    cluster.put(Endpoints, { metadata: { name: "own", namespace: "default" }, subsets: [] });
  });
  harness.cluster.remove(Service, harness.cluster.get(Service, "web")!);
  await harness.settle();
  expect(harness.cluster.all(Endpoints).map(({ metadata }) => metadata.name)).toEqual(["own"]);
});

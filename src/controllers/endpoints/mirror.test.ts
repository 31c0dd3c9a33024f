import { expect, test } from "vitest";
import { Endpoints } from "../../api/core/endpoints.ts";
import { Service } from "../../api/core/service.ts";
import { EndpointSlice } from "../../api/discovery/endpoint-slice.ts";
import type { FakeCluster } from "../framework/testing/fake-cluster.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { endpointSliceMirroringController } from "./mirror.ts";

const named = { name: "outside", namespace: "default" };
const service = (cluster: FakeCluster, spec: Partial<Service["spec"]> = {}) =>
  cluster.put(Service, { metadata: named, spec: { ports: [{ port: 80 }], ...spec } });
const endpoints = (cluster: FakeCluster, ...ips: readonly string[]) =>
  cluster.put(Endpoints, {
    metadata: { ...named, labels: { team: "shop" } },
    subsets: [
      { addresses: ips.map((ip) => ({ ip })), notReadyAddresses: [{ ip: "192.0.2.9" }], ports: [{ port: 80 }] },
    ],
  });
const start = (given: (cluster: FakeCluster) => void) => run([endpointSliceMirroringController], { given });
const mirrored = ({ cluster }: Harness) =>
  cluster
    .all(EndpointSlice)
    .flatMap((slice) =>
      (slice.endpoints ?? []).map(
        ({ addresses: [ip], conditions }) => `${slice.addressType} ${ip} ${conditions?.ready}`,
      ),
    )
    .sort();

test("hand-made Endpoints are mirrored by family, and followed", async () => {
  await using harness = await start((cluster) => {
    service(cluster);
    endpoints(cluster, "192.0.2.1", "2001:db8::1");
  });
  expect(mirrored(harness)).toEqual(["IPv4 192.0.2.1 true", "IPv4 192.0.2.9 false", "IPv6 2001:db8::1 true"]);
  expect(harness.cluster.all(EndpointSlice)[0]?.metadata.labels).toEqual({
    team: "shop",
    "kubernetes.io/service-name": "outside",
    "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
  });
  const known = harness.cluster.get(Endpoints, "outside")!;
  harness.cluster.change(Endpoints, known, { subsets: [{ addresses: [{ ip: "192.0.2.2" }], ports: [{ port: 80 }] }] });
  await harness.settle();
  expect(mirrored(harness)).toEqual(["IPv4 192.0.2.2 true"]);
});

test.each([
  {
    name: "of a Service that selects its pods",
    given: (cluster: FakeCluster) =>
      void [service(cluster, { selector: { app: "web" } }), endpoints(cluster, "192.0.2.1")],
  },
  { name: "without a Service", given: (cluster: FakeCluster) => void endpoints(cluster, "192.0.2.1") },
  {
    name: "that say so themselves",
    given: (cluster: FakeCluster) => {
      service(cluster);
      const labels = { "endpointslice.kubernetes.io/skip-mirror": "true" };
      cluster.put(Endpoints, { metadata: { ...named, labels }, subsets: [{ addresses: [{ ip: "192.0.2.1" }] }] });
    },
  },
])("Endpoints $name are not mirrored", async ({ given }) => {
  await using harness = await start(given);
  expect(mirrored(harness)).toEqual([]);
});

test("slices go when the Service begins to select", async () => {
  await using harness = await start((cluster) => {
    service(cluster);
    endpoints(cluster, "192.0.2.1");
  });
  const known = harness.cluster.get(Service, "outside")!;
  harness.cluster.change(Service, known, { spec: { ...known.spec, selector: { app: "web" } } });
  await harness.settle();
  expect(harness.cluster.all(EndpointSlice)).toEqual([]);
});

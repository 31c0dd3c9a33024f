import { expect, test } from "vitest";
import { Service } from "../../api/core/service.ts";
import type { FakeCluster } from "../framework/testing/fake-cluster.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { loadBalancerController } from "./service-load-balancer.ts";

const balanced = (cluster: FakeCluster, name: string, age: number, spec: Partial<Service["spec"]> = {}) =>
  cluster.put(Service, {
    metadata: { name, namespace: "default", creationTimestamp: `2026-01-01T00:00:${10 - age}0Z` },
    spec: { type: "LoadBalancer", ports: [{ port: 80, protocol: "TCP" }], ...spec },
  });
const ingress = ({ cluster }: Harness, name: string) =>
  (cluster.get(Service, name)?.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip);
const start = (given: (cluster: FakeCluster) => void) => run([loadBalancerController(["192.0.2.1"])], { given });

test("a LoadBalancer is answered on the nodes' addresses", async () => {
  await using harness = await start((cluster) => {
    balanced(cluster, "web", 9);
    balanced(cluster, "inner", 8, { type: "ClusterIP" });
    balanced(cluster, "other", 7, { loadBalancerClass: "example.com/other" });
  });
  expect(ingress(harness, "web")).toEqual(["192.0.2.1"]);
  expect(ingress(harness, "inner")).toEqual([]);
  expect(ingress(harness, "other")).toEqual([]);
  expect(harness.events()).toContain("EnsuredLoadBalancer: Ensured load balancer");
});

test("a port is the older Service's; the younger one is told, and has it when the older one is gone", async () => {
  await using harness = await start((cluster) => {
    balanced(cluster, "older", 9);
    balanced(cluster, "younger", 8);
    balanced(cluster, "another", 8, { ports: [{ port: 443, protocol: "TCP" }] });
  });
  expect(ingress(harness, "older")).toEqual(["192.0.2.1"]);
  expect(ingress(harness, "younger")).toEqual([]);
  expect(ingress(harness, "another")).toEqual(["192.0.2.1"]);
  expect(harness.events().join()).toContain("taken on the nodes' addresses by service default/older");
  harness.cluster.remove(Service, harness.cluster.get(Service, "older")!);
  await harness.settle();
  expect(ingress(harness, "younger")).toEqual(["192.0.2.1"]);
});

test("a Service that is no LoadBalancer any more is no longer answered", async () => {
  await using harness = await start((cluster) => balanced(cluster, "web", 9));
  const known = harness.cluster.get(Service, "web")!;
  await harness.cluster.client.update(Service, { ...known, spec: { ...known.spec, type: "ClusterIP" } });
  await harness.settle();
  expect(ingress(harness, "web")).toEqual([]);
});

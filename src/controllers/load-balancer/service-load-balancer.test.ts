import { describe, expect, test } from "vitest";
import { Service } from "../../api/core/service.ts";
import type { FakeCluster } from "../framework/testing/fake-cluster.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { readAddressPool } from "./address-pool.ts";
import { loadBalancerController } from "./service-load-balancer.ts";

const balanced = (cluster: FakeCluster, name: string, age: number, spec: Partial<Service["spec"]> = {}) =>
  cluster.put(Service, {
    metadata: { name, namespace: "default", creationTimestamp: `2026-01-01T00:00:${10 - age}0Z` },
    spec: { type: "LoadBalancer", ports: [{ port: 80, protocol: "TCP" }], ...spec },
  });
const ingress = ({ cluster }: Harness, name: string) =>
  (cluster.get(Service, name)?.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip);
const start = (given: (cluster: FakeCluster) => void) =>
  run([loadBalancerController({ nodeAddresses: ["192.0.2.1"] })], { given });

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

test("a LoadBalancer is answered on the nodes' addresses of its own families", async () => {
  const nodeAddresses = ["192.0.2.1", "2001:db8::1"];
  await using harness = await run([loadBalancerController({ nodeAddresses })], {
    given: (cluster) => {
      balanced(cluster, "four", 9);
      balanced(cluster, "six", 8, { ipFamilies: ["IPv6"], ports: [{ port: 81, protocol: "TCP" }] });
      balanced(cluster, "both", 7, { ipFamilies: ["IPv6", "IPv4"], ports: [{ port: 82, protocol: "TCP" }] });
    },
  });
  expect(ingress(harness, "four")).toEqual(["192.0.2.1"]);
  expect(ingress(harness, "six")).toEqual(["2001:db8::1"]);
  expect(ingress(harness, "both")).toEqual(["2001:db8::1", "192.0.2.1"]);
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

describe("with a pool", () => {
  const withPool = (text: string, given: (cluster: FakeCluster) => void) =>
    run([loadBalancerController({ nodeAddresses: ["192.0.2.1"], pool: readAddressPool(text) })], { given });
  const all = (harness: Harness) =>
    harness.cluster.all(Service).flatMap(({ metadata }) => ingress(harness, metadata.name));

  test("each Service has an address of its own, and keeps it", async () => {
    await using harness = await withPool("198.51.100.1-198.51.100.9", (cluster) => {
      balanced(cluster, "one", 9);
      balanced(cluster, "two", 8);
      balanced(cluster, "other", 7, { loadBalancerClass: "example.com/other" });
    });
    expect(all(harness).sort()).toEqual(["198.51.100.1", "198.51.100.2"]);
    const before = ingress(harness, "two");
    harness.cluster.remove(Service, harness.cluster.get(Service, "one")!);
    await harness.settle();
    expect(ingress(harness, "two")).toEqual(before);
  });

  test("the address that is asked for is given, unless it is another's or not of the pool", async () => {
    await using harness = await withPool("198.51.100.1-198.51.100.9", (cluster) => {
      balanced(cluster, "one", 9, { loadBalancerIP: "198.51.100.7" });
      balanced(cluster, "two", 8, { loadBalancerIP: "198.51.100.7" });
      balanced(cluster, "three", 7, { loadBalancerIP: "203.0.113.1" });
    });
    expect(ingress(harness, "one")).toEqual(["198.51.100.7"]);
    expect(ingress(harness, "two")).toEqual([]);
    expect(ingress(harness, "three")).toEqual([]);
    expect(harness.events().join("\n")).toContain("198.51.100.7 that it asks for is service default/one's");
    expect(harness.events().join("\n")).toContain("203.0.113.1 that it asks for is not in the pool");
    harness.cluster.remove(Service, harness.cluster.get(Service, "one")!);
    await harness.settle();
    expect(ingress(harness, "two")).toEqual(["198.51.100.7"]);
  });

  test("when none is left, a Service waits for one", async () => {
    await using harness = await withPool("198.51.100.1", (cluster) => {
      balanced(cluster, "one", 9);
      balanced(cluster, "two", 8);
    });
    expect(all(harness)).toEqual(["198.51.100.1"]);
    expect(harness.events().join()).toContain("no address of IPv4 is left in the pool");
    const holder = harness.cluster.all(Service).find(({ metadata }) => ingress(harness, metadata.name).length > 0)!;
    harness.cluster.remove(Service, holder);
    await harness.settle();
    expect(all(harness)).toEqual(["198.51.100.1"]);
  });

  test("a Service of both families has an address of each", async () => {
    await using harness = await withPool("198.51.100.0/30,2001:db8::1", (cluster) =>
      balanced(cluster, "both", 9, { ipFamilies: ["IPv6", "IPv4"] }),
    );
    expect(ingress(harness, "both")).toEqual(["2001:db8::1", "198.51.100.1"]);
  });
});

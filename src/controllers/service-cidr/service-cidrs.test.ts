import { describe, expect, test } from "vitest";
import { IPAddress } from "../../api/networking/ip-address.ts";
import { ServiceCIDR } from "../../api/networking/service-cidr.ts";
import type { FakeCluster } from "../framework/testing/fake-cluster.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { cidrFinalizer, serviceCidrController } from "./service-cidrs.ts";

const range = (cluster: FakeCluster, name: string, ...cidrs: readonly string[]) =>
  cluster.put(ServiceCIDR, { metadata: { name, finalizers: [cidrFinalizer] }, spec: { cidrs } });
const address = (cluster: FakeCluster, name: string) =>
  cluster.put(IPAddress, {
    metadata: { name, labels: { "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io" } },
    spec: { parentRef: { resource: "services", namespace: "default", name: "web" } },
  });
const start = (given: (cluster: FakeCluster) => void) => run([serviceCidrController], { given });
const ready = ({ cluster }: Harness, name: string) => {
  const [condition] = cluster.get(ServiceCIDR, name)?.status?.conditions ?? [];
  return condition && `${condition.type}=${condition.status} ${condition.reason}`;
};
const remove = async (harness: Harness, name: string) => {
  await harness.cluster.client.delete(ServiceCIDR, { name });
  await harness.settle();
};

test("a range is held and said to be ready", async () => {
  await using harness = await start((cluster) =>
    cluster.put(ServiceCIDR, { metadata: { name: "more" }, spec: { cidrs: ["10.9.0.0/24"] } }),
  );
  const more = harness.cluster.get(ServiceCIDR, "more");
  expect(more?.metadata.finalizers).toEqual([cidrFinalizer]);
  expect(more?.status?.conditions).toMatchObject([
    { type: "Ready", status: "True", message: "Kubernetes Service CIDR is ready" },
  ]);
});

describe("a range that is deleted", () => {
  test("goes ten seconds later when nobody has an address of it", async () => {
    await using harness = await start((cluster) => {
      range(cluster, "more", "10.9.0.0/24");
      address(cluster, "10.8.0.7");
    });
    await remove(harness, "more");
    expect(harness.cluster.get(ServiceCIDR, "more")).toBeDefined();
    await harness.pass(11_000);
    expect(harness.cluster.get(ServiceCIDR, "more")).toBeUndefined();
  });

  test("stays while somebody has an address of it, and says so", async () => {
    await using harness = await start((cluster) => {
      range(cluster, "more", "10.9.0.0/24");
      address(cluster, "10.9.0.7");
    });
    await remove(harness, "more");
    await harness.pass(60_000);
    expect(ready(harness, "more")).toBe("Ready=False Terminating");
    harness.cluster.remove(IPAddress, harness.cluster.get(IPAddress, "10.9.0.7")!);
    await harness.pass(11_000);
    expect(harness.cluster.get(ServiceCIDR, "more")).toBeUndefined();
  });

  test.each([
    { name: "the whole range", other: "10.8.0.0/15" },
    { name: "the same range", other: "10.9.0.0/24" },
    { name: "every address that is taken", other: "10.9.0.0/28" },
  ])("goes when another has $name", async ({ other }) => {
    await using harness = await start((cluster) => {
      range(cluster, "more", "10.9.0.0/24");
      address(cluster, "10.9.0.7");
    });
    await remove(harness, "more");
    expect(ready(harness, "more")).toBe("Ready=False Terminating");
    range(harness.cluster, "other", other);
    await harness.pass(11_000);
    expect(harness.cluster.get(ServiceCIDR, "more")).toBeUndefined();
    expect(ready(harness, "other")).toBe("Ready=True ");
  });

  test("counts addresses of both families", async () => {
    await using harness = await start((cluster) => {
      range(cluster, "dual", "10.9.0.0/24", "fd00:9::/112");
      range(cluster, "v4", "10.9.0.0/16");
      address(cluster, "fd00:9::7");
    });
    await remove(harness, "dual");
    await harness.pass(11_000);
    expect(ready(harness, "dual")).toBe("Ready=False Terminating");
  });
});

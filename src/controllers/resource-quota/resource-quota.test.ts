import { expect, test } from "vitest";
import { Deployment } from "../../api/apps/deployment.ts";
import { ConfigMap } from "../../api/core/config-map.ts";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { Pod } from "../../api/core/pod.ts";
import { resourceCounted } from "../../api/core/quota-usage.ts";
import { ResourceQuota } from "../../api/core/resource-quota.ts";
import { Service } from "../../api/core/service.ts";
import type { KindRef, KubeObject } from "../../machinery/object.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { deployment } from "../framework/testing/samples.ts";
import { resourceQuotaController } from "./resource-quota.ts";

const kinds = [
  Pod,
  Service,
  ConfigMap,
  PersistentVolumeClaim,
  Deployment,
] as readonly unknown[] as readonly KindRef<KubeObject>[];
const start = () => run([resourceQuotaController(kinds)]);
const named = (name: string) => ({ name, namespace: "default" });
const quota = ({ cluster }: Harness, name: string, spec: ResourceQuota["spec"]) =>
  cluster.client.create(ResourceQuota, { metadata: named(name), spec });
const used = ({ cluster }: Harness, name: string) => cluster.get(ResourceQuota, name)?.status?.used;

test("what a quota limits is counted as it comes and goes", async () => {
  await using harness = await start();
  const { cluster } = harness;
  const hard = {
    "requests.cpu": "4",
    "limits.memory": "8Gi",
    pods: "10",
    configmaps: "10",
    "count/deployments.apps": "3",
    persistentvolumeclaims: "2",
    "requests.storage": "10Gi",
    "services.nodeports": "2",
  };
  await quota(harness, "early", { hard });
  await harness.settle();
  expect(cluster.get(ResourceQuota, "early")?.status?.hard).toEqual(hard);
  expect(new Set(Object.values(used(harness, "early") ?? {}))).toEqual(new Set(["0"]));

  const resources = { requests: { cpu: "500m" }, limits: { cpu: "1", memory: "1Gi" } };
  const pod = cluster.put(Pod, { metadata: named("a"), spec: { containers: [{ name: "c", resources }] } });
  cluster.put(ConfigMap, { metadata: named("c") });
  cluster.put(Deployment, deployment());
  cluster.put(Service, { metadata: named("s"), spec: { type: "NodePort", ports: [{ port: 80 }] } });
  cluster.put(PersistentVolumeClaim, {
    metadata: named("v"),
    spec: { resources: { requests: { storage: "3Gi" } } },
  });
  await quota(harness, "compute", { hard });
  await harness.settle();
  expect(used(harness, "compute")).toEqual({
    "requests.cpu": "500m",
    "limits.memory": "1Gi",
    pods: "1",
    configmaps: "1",
    "count/deployments.apps": "1",
    persistentvolumeclaims: "1",
    "requests.storage": "3Gi",
    "services.nodeports": "1",
  });
  cluster.change(Pod, pod, { status: { phase: "Succeeded" } });
  cluster.remove(ConfigMap, cluster.get(ConfigMap, "c")!);
  await harness.settle();
  expect(used(harness, "compute")).toMatchObject({ "requests.cpu": "0", pods: "0", configmaps: "0" });
});

test("a scope leaves pods out, and a changed limit is taken over", async () => {
  await using harness = await start();
  harness.cluster.put(Pod, { metadata: named("best"), spec: { containers: [{ name: "c" }] } });
  const resources = { requests: { cpu: "1" } };
  harness.cluster.put(Pod, { metadata: named("burst"), spec: { containers: [{ name: "c", resources }] } });
  await quota(harness, "best", { hard: { pods: "5" }, scopes: ["BestEffort"] });
  await harness.settle();
  expect(used(harness, "best")).toEqual({ pods: "1" });
  const known = harness.cluster.get(ResourceQuota, "best")!;
  await harness.cluster.client.update(ResourceQuota, { ...known, spec: { ...known.spec, hard: { pods: "9" } } });
  await harness.settle();
  expect(harness.cluster.get(ResourceQuota, "best")?.status?.hard).toEqual({ pods: "9" });
});

test("a booking is left alone by its own news, and set right after a while if it came to nothing", async () => {
  await using harness = await start();
  await quota(harness, "q", { hard: { configmaps: "5" } });
  await harness.settle();
  const known = harness.cluster.get(ResourceQuota, "q")!;
  harness.cluster.change(ResourceQuota, known, { status: { hard: { configmaps: "5" }, used: { configmaps: "3" } } });
  await harness.pass(200_000);
  expect(used(harness, "q")).toEqual({ configmaps: "3" });
  await harness.pass(100_000);
  expect(used(harness, "q")).toEqual({ configmaps: "0" });
});

test.each([
  { name: "requests.nvidia.com/gpu", resource: "pods" },
  { name: "hugepages-2Mi", resource: "pods" },
  { name: "count/jobs.batch", resource: "jobs.batch" },
  { name: "services.loadbalancers", resource: "services" },
  { name: "gold.storageclass.storage.k8s.io/requests.storage", resource: "persistentvolumeclaims" },
  { name: "unheard", resource: undefined },
])("$name counts $resource", ({ name, resource }) => {
  expect(resourceCounted(name)).toBe(resource);
});

import { expect, test } from "vitest";
import { ControllerRevision } from "../api/apps/controller-revision.ts";
import { DaemonSet } from "../api/apps/daemon-set.ts";
import { Deployment } from "../api/apps/deployment.ts";
import { StatefulSet } from "../api/apps/stateful-set.ts";
import { CronJob } from "../api/batch/cron-job.ts";
import { Job } from "../api/batch/job.ts";
import { Endpoints } from "../api/core/endpoints.ts";
import { PersistentVolume } from "../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../api/core/persistent-volume-claim.ts";
import { Pod } from "../api/core/pod.ts";
import { ResourceQuota } from "../api/core/resource-quota.ts";
import { Service } from "../api/core/service.ts";
import { EndpointSlice } from "../api/discovery/endpoint-slice.ts";
import { PodDisruptionBudget } from "../api/policy/pod-disruption-budget.ts";
import { ClusterRole } from "../api/rbac/cluster-role.ts";
import type { KindRef } from "../machinery/object.ts";
import { addNodes, playKubelets } from "./scripted-kubelet.ts";
import { openTestCluster, type TestCluster } from "./test-cluster.ts";

const nodes = ["n1", "n2"];
const template = (image = "img:1", more: object = {}) => ({
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "c", image }], ...more },
});
const named = (name: string) => ({ namespace: "default", name });
const all = async <T>({ client }: TestCluster, kind: KindRef<T>) =>
  (await client.list(kind, { namespace: "default" })).items;

test("a StatefulSet has its pods, claims and revisions, rolls on and rolls back", async () => {
  await using cluster = await openTestCluster();
  await addNodes(cluster, ...nodes);
  await cluster.client.create(StatefulSet, {
    metadata: named("db"),
    spec: {
      replicas: 2,
      serviceName: "db",
      selector: { matchLabels: { app: "web" } },
      template: template(),
      volumeClaimTemplates: [
        {
          metadata: { name: "data" },
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
        } as never,
      ],
    },
  });
  await playKubelets(cluster, nodes);
  expect((await all(cluster, Pod)).map(({ metadata }) => metadata.name).sort()).toEqual(["db-0", "db-1"]);
  expect((await all(cluster, PersistentVolumeClaim)).map(({ metadata }) => metadata.name).sort()).toEqual([
    "data-db-0",
    "data-db-1",
  ]);
  expect((await cluster.client.get(StatefulSet, named("db"))).status).toMatchObject({
    readyReplicas: 2,
    availableReplicas: 2,
  });
  await cluster.client.patch(StatefulSet, named("db"), {
    type: "strategic",
    body: { spec: { template: { spec: { containers: [{ name: "c", image: "img:2" }] } } } },
  });
  await playKubelets(cluster, nodes);
  expect((await all(cluster, Pod)).map(({ spec }) => spec.containers[0]?.image)).toEqual(["img:2", "img:2"]);
  const [first] = [...(await all(cluster, ControllerRevision))].sort((a, b) => a.revision - b.revision);
  // What `kubectl rollout undo` sends.
  await cluster.client.patch(StatefulSet, named("db"), { type: "strategic", body: first?.data ?? {} });
  await playKubelets(cluster, nodes);
  expect((await all(cluster, Pod)).map(({ spec }) => spec.containers[0]?.image)).toEqual(["img:1", "img:1"]);
});

test("a Deployment's annotations count as a change to follow, the revision that is written on it does not", async () => {
  await using cluster = await openTestCluster();
  await cluster.client.create(Deployment, {
    metadata: named("web"),
    spec: { replicas: 1, selector: { matchLabels: { app: "web" } }, template: template() },
  });
  await cluster.settle();
  const made = await cluster.client.get(Deployment, named("web"));
  expect(made.metadata.annotations).toEqual({ "deployment.kubernetes.io/revision": "1" });
  expect([made.metadata.generation, made.status?.observedGeneration]).toEqual([1, 1]);
  const body = { metadata: { annotations: { team: "shop" } } };
  await cluster.client.patch(Deployment, named("web"), { type: "merge", body });
  await cluster.settle();
  const changed = await cluster.client.get(Deployment, named("web"));
  expect([changed.metadata.generation, changed.status?.observedGeneration]).toEqual([2, 2]);
});

test("a DaemonSet has one pod per node and follows its template", async () => {
  await using cluster = await openTestCluster();
  await addNodes(cluster, ...nodes);
  await cluster.client.create(DaemonSet, {
    metadata: named("agent"),
    spec: { selector: { matchLabels: { app: "web" } }, template: template() },
  });
  // The scheduler would bind each pod to the node it is meant for; here they are bound in turn.
  await playKubelets(cluster, nodes);
  expect(await all(cluster, Pod)).toHaveLength(2);
  await cluster.client.patch(DaemonSet, named("agent"), {
    type: "strategic",
    body: { spec: { template: { spec: { containers: [{ name: "c", image: "img:2" }] } } } },
  });
  await cluster.settle();
  const status = (await cluster.client.get(DaemonSet, named("agent"))).status;
  expect(status).toMatchObject({ desiredNumberScheduled: 2, observedGeneration: 2 });
});

test("a Job completes, and its pods are let go; a CronJob makes Jobs on time", async () => {
  await using cluster = await openTestCluster();
  await addNodes(cluster, ...nodes);
  await cluster.client.create(Job, {
    metadata: named("once"),
    spec: { completions: 3, parallelism: 2, template: template("img:1", { restartPolicy: "Never" }) },
  });
  await playKubelets(cluster, nodes, () => ({ phase: "Succeeded" }));
  const job = await cluster.client.get(Job, named("once"));
  expect(job.status).toMatchObject({ succeeded: 3, ready: 0, terminating: 0 });
  expect(job.status?.conditions?.map(({ type, status }) => `${type} ${status}`)).toEqual([
    "SuccessCriteriaMet True",
    "Complete True",
  ]);
  await cluster.client.delete(Job, named("once"), { propagationPolicy: "Background" });
  await cluster.pass(1000);
  expect(await all(cluster, Pod)).toEqual([]);

  await cluster.client.create(CronJob, {
    metadata: named("often"),
    spec: {
      schedule: "*/5 * * * *",
      jobTemplate: { spec: { template: template("img:1", { restartPolicy: "Never" }) } },
    },
  });
  for (let minute = 0; minute < 30; minute += 1) {
    await cluster.pass(60_000);
    await playKubelets(cluster, nodes, () => ({ phase: "Succeeded" }));
  }
  const jobs = await all(cluster, Job);
  expect(jobs).toHaveLength(3);
  expect((await cluster.client.get(CronJob, named("often"))).status?.lastScheduleTime).toBe("2026-01-01T00:30:00Z");
});

test("a Service's endpoints follow its pods", async () => {
  await using cluster = await openTestCluster();
  await addNodes(cluster, ...nodes);
  await cluster.client.create(Service, {
    metadata: named("web"),
    spec: { selector: { app: "web" }, ports: [{ port: 80, targetPort: 8080 }], type: "LoadBalancer" },
  });
  await cluster.client.create(Pod, { metadata: { ...named("p"), labels: { app: "web" } }, spec: template().spec });
  await playKubelets(cluster, nodes);
  const [slice] = (await all(cluster, EndpointSlice)).filter(
    ({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === "web",
  );
  expect(slice?.endpoints?.map(({ addresses, conditions }) => [addresses[0], conditions?.ready])).toEqual([
    ["10.244.0.9", true],
  ]);
  expect((await cluster.client.get(Endpoints, named("web"))).subsets?.[0]?.addresses?.[0]?.ip).toBe("10.244.0.9");
  expect((await cluster.client.get(Service, named("web"))).status?.loadBalancer?.ingress?.[0]?.ip).toBe("192.0.2.1");
});

test("claims are bound, kept while they are used, and let go with their namespace", async () => {
  await using cluster = await openTestCluster();
  await addNodes(cluster, ...nodes);
  await cluster.client.create(PersistentVolume, {
    metadata: { name: "v" },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      hostPath: { path: "/data" },
      persistentVolumeReclaimPolicy: "Retain",
    },
  });
  const claim = {
    metadata: named("c"),
    spec: { accessModes: ["ReadWriteOnce"], storageClassName: "", resources: { requests: { storage: "1Gi" } } },
  } as const;
  await cluster.client.create(PersistentVolumeClaim, claim);
  await cluster.settle();
  expect((await cluster.client.get(PersistentVolumeClaim, named("c"))).status).toMatchObject({ phase: "Bound" });
  expect((await cluster.client.get(PersistentVolume, { name: "v" })).status).toMatchObject({ phase: "Bound" });
  await cluster.client.delete(PersistentVolumeClaim, named("c"));
  await cluster.settle();
  expect((await cluster.client.get(PersistentVolume, { name: "v" })).status).toMatchObject({ phase: "Released" });
});

test("quota is counted, budgets are kept, and the roles of every cluster are gathered", async () => {
  await using cluster = await openTestCluster();
  await addNodes(cluster, ...nodes);
  await cluster.client.create(ResourceQuota, { metadata: named("q"), spec: { hard: { pods: "2" } } });
  await cluster.client.create(PodDisruptionBudget, {
    metadata: named("b"),
    spec: { minAvailable: 1, selector: { matchLabels: { app: "web" } } },
  });
  await cluster.settle();
  for (const name of ["a", "b"]) {
    await cluster.client.create(Pod, { metadata: { ...named(name), labels: { app: "web" } }, spec: template().spec });
  }
  const third = { metadata: named("c"), spec: template().spec };
  await expect(cluster.client.create(Pod, third)).rejects.toMatchObject({ reason: "Forbidden" });
  await playKubelets(cluster, nodes);
  expect((await cluster.client.get(ResourceQuota, named("q"))).status?.used).toEqual({ pods: "2" });
  expect((await cluster.client.get(PodDisruptionBudget, named("b"))).status).toMatchObject({ disruptionsAllowed: 1 });
  const evict = (name: string) =>
    cluster.client.createSubresource(Pod, named(name), "eviction", {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: named(name),
    });
  await evict("a");
  await expect(evict("b")).rejects.toMatchObject({ reason: "TooManyRequests" });
  await playKubelets(cluster, nodes);
  expect((await cluster.client.get(ResourceQuota, named("q"))).status?.used).toEqual({ pods: "1" });
  const edit = await cluster.client.get(ClusterRole, { name: "edit" });
  expect(edit.rules?.length).toBeGreaterThan(5);
});

import { expect, test } from "vitest";
import { Deployment } from "../api/apps/deployment.ts";
import { ReplicaSet } from "../api/apps/replica-set.ts";
import { ConfigMap } from "../api/core/config-map.ts";
import { Event } from "../api/core/event.ts";
import { Namespace } from "../api/core/namespace.ts";
import { Node } from "../api/core/node.ts";
import { Pod } from "../api/core/pod.ts";
import { ServiceAccount } from "../api/core/service-account.ts";
import { addNodes, playKubelets, renewLeases } from "./scripted-kubelet.ts";
import { openTestCluster, type TestCluster } from "./test-cluster.ts";

const web = (image: string, replicas = 3) => ({
  metadata: { name: "web", namespace: "default" },
  spec: {
    replicas,
    selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image }] } },
  },
});
const key = { namespace: "default", name: "web" };
const items = async <T>({ client }: TestCluster, kind: Parameters<TestCluster["client"]["list"]>[0]) =>
  (await client.list(kind, { namespace: "default" })).items as readonly T[];

test("a Deployment rolls out, rolls on and is deleted with all it made, on the real API server", async () => {
  await using cluster = await openTestCluster();
  await addNodes(cluster, "n1", "n2");
  await cluster.client.create(Deployment, web("img:1"));
  await playKubelets(cluster, ["n1", "n2"]);
  const first = await cluster.client.get(Deployment, key);
  expect(first.status).toMatchObject({ observedGeneration: 1, replicas: 3, updatedReplicas: 3, availableReplicas: 3 });
  expect(first.status?.conditions?.map(({ type, reason }) => `${type} ${reason}`).sort()).toEqual([
    "Available MinimumReplicasAvailable",
    "Progressing NewReplicaSetAvailable",
  ]);

  await cluster.client.patch(Deployment, key, {
    type: "strategic",
    body: { spec: { template: { spec: { containers: [{ name: "c", image: "img:2" }] } } } },
  });
  await playKubelets(cluster, ["n1", "n2"]);
  const sets = await items<ReplicaSet>(cluster, ReplicaSet);
  expect(sets.map(({ spec }) => spec.replicas).sort()).toEqual([0, 3]);
  const pods = await items<Pod>(cluster, Pod);
  expect(pods.map(({ spec }) => spec.containers[0]?.image)).toEqual(["img:2", "img:2", "img:2"]);
  const events = await items<Event>(cluster, Event);
  expect(events.filter(({ reason }) => reason === "ScalingReplicaSet").length).toBeGreaterThan(2);
  expect(new Set(events.map(({ source }) => source?.component))).toContain("deployment-controller");

  await cluster.client.delete(Deployment, key, { propagationPolicy: "Foreground" });
  await playKubelets(cluster, ["n1", "n2"]);
  await cluster.pass(1000);
  expect(await items(cluster, Deployment)).toEqual([]);
  expect(await items(cluster, ReplicaSet)).toEqual([]);
  expect(await items(cluster, Pod)).toEqual([]);
});

test("a namespace gets its account and certificate, and is deleted with all it holds", async () => {
  await using cluster = await openTestCluster();
  await cluster.client.create(Namespace, { metadata: { name: "shop" }, spec: {} });
  await cluster.settle();
  await cluster.client.get(ServiceAccount, { namespace: "shop", name: "default" });
  await cluster.client.get(ConfigMap, { namespace: "shop", name: "kube-root-ca.crt" });
  await cluster.client.create(Deployment, { ...web("img:1"), metadata: { name: "web", namespace: "shop" } });
  await addNodes(cluster, "n1");
  await playKubelets(cluster, ["n1"]);
  await cluster.client.delete(Namespace, { name: "shop" });
  await playKubelets(cluster, ["n1"]);
  await cluster.pass(30_000);
  await expect(cluster.client.get(Namespace, { name: "shop" })).rejects.toMatchObject({ reason: "NotFound" });
});

test("a node gets a subnet, and when it goes silent its pods come again elsewhere", async () => {
  await using cluster = await openTestCluster();
  await addNodes(cluster, "n1", "n2");
  expect((await cluster.client.get(Node, { name: "n1" })).spec.podCIDR).toMatch(/^10\.244\.\d+\.0\/24$/);
  await cluster.client.create(Deployment, web("img:1", 2));
  await playKubelets(cluster, ["n1"]);
  for (let second = 0; second < 400; second += 10) {
    await renewLeases(cluster, ["n2"]);
    await cluster.pass(10_000);
  }
  await playKubelets(cluster, ["n2"], ({ spec }) => (spec.nodeName === "n1" ? { hold: true } : {}));
  const pods = await items<Pod>(cluster, Pod);
  const on = (name: string) => pods.filter(({ spec }) => spec.nodeName === name);
  expect(on("n2")).toHaveLength(2);
  expect(on("n1").every(({ metadata }) => metadata.deletionTimestamp)).toBe(true);
});

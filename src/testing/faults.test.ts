import { describe, expect, test } from "vitest";
import { Deployment } from "../api/apps/deployment.ts";
import { ReplicaSet } from "../api/apps/replica-set.ts";
import { StatefulSet } from "../api/apps/stateful-set.ts";
import { Job } from "../api/batch/job.ts";
import { Pod } from "../api/core/pod.ts";
import { isPodActive, isPodReady } from "../api/core/pod-state.ts";
import { seededRandom } from "../lib/random.ts";
import { type FaultRates, unreliable } from "./faults.ts";
import { addNodes, playKubelets, renewLeases } from "./scripted-kubelet.ts";
import { openTestCluster, type TestCluster } from "./test-cluster.ts";

const rates: FaultRates = { conflict: 0.05, lostRequest: 0.05, lostAnswer: 0.05, brokenWatch: 0.02 };
const seeds = Array.from({ length: Number(process.env.FAULT_SEEDS ?? 10) }, (_, index) => index + 1);
const nodes = ["n1", "n2", "n3"];
const labels = { app: "web" };
const template = (image: string, more: object = {}) => ({
  metadata: { labels },
  spec: { containers: [{ name: "c", image }], ...more },
});

/** A cluster in which everything that controllers do may fail, until `calm` is called. */
async function stormy(seed: number): Promise<TestCluster & { calm(): void }> {
  const random = seededRandom(seed * 7919);
  let storm = true;
  const cluster = await openTestCluster({ seed, disturb: (client) => unreliable(client, random, rates, () => storm) });
  await addNodes(cluster, ...nodes);
  const calm = () => {
    storm = false;
  };
  return Object.assign(cluster, { calm });
}

/** Lets kubelets work and time pass in turns, looking at the pods each time. */
async function live(
  cluster: TestCluster,
  rounds: number,
  look: (pods: readonly Pod[]) => void,
  phase?: "Succeeded",
): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    await renewLeases(cluster, nodes);
    await cluster.pass(2000);
    look((await cluster.client.list(Pod, { namespace: "default" })).items);
    await playKubelets(cluster, nodes, () => (phase ? { phase } : {}));
    look((await cluster.client.list(Pod, { namespace: "default" })).items);
  }
}

describe.each(seeds)("whatever fails (seed %i)", (seed) => {
  test("a rolling update keeps within its bounds and gets there", async () => {
    await using cluster = await stormy(seed);
    const rollingUpdate = { maxSurge: 2, maxUnavailable: 1 };
    await cluster.client.create(Deployment, {
      metadata: { name: "web", namespace: "default" },
      spec: {
        replicas: 5,
        selector: { matchLabels: labels },
        template: template("img:1"),
        strategy: { rollingUpdate },
      },
    });
    await live(cluster, 20, (pods) => expect(pods.filter(isPodActive).length).toBeLessThanOrEqual(7));
    await cluster.client.patch(
      Deployment,
      { namespace: "default", name: "web" },
      { type: "strategic", body: { spec: { template: template("img:2") } } },
    );
    await live(cluster, 40, (pods) => {
      expect(pods.filter(isPodActive).length).toBeLessThanOrEqual(7);
      expect(pods.filter((pod) => isPodActive(pod) && isPodReady(pod)).length).toBeGreaterThanOrEqual(4);
    });
    cluster.calm();
    await live(cluster, 60, () => {});
    const deployment = await cluster.client.get(Deployment, { namespace: "default", name: "web" });
    expect(deployment.status).toMatchObject({
      replicas: 5,
      updatedReplicas: 5,
      availableReplicas: 5,
      observedGeneration: 2,
    });
    const sets = (await cluster.client.list(ReplicaSet, { namespace: "default" })).items;
    expect(sets.map(({ spec }) => spec.replicas).sort()).toEqual([0, 5]);
  });

  test("a StatefulSet never has two pods of a name, nor one before its time", async () => {
    await using cluster = await stormy(seed);
    await cluster.client.create(StatefulSet, {
      metadata: { name: "db", namespace: "default" },
      spec: { replicas: 3, serviceName: "db", selector: { matchLabels: labels }, template: template("img:1") },
    });
    await live(cluster, 40, (pods) => {
      const names = pods.map(({ metadata }) => metadata.name);
      if (names.includes("db-2")) expect(names).toContain("db-0");
    });
    cluster.calm();
    await live(cluster, 60, () => {});
    const set = await cluster.client.get(StatefulSet, { namespace: "default", name: "db" });
    expect(set.status).toMatchObject({ replicas: 3, readyReplicas: 3, updatedReplicas: 3 });
  });

  test("an indexed Job runs every index to success once and counts each pod once", async () => {
    await using cluster = await stormy(seed);
    await cluster.client.create(Job, {
      metadata: { name: "j", namespace: "default" },
      spec: {
        completions: 6,
        parallelism: 3,
        completionMode: "Indexed",
        template: template("img:1", { restartPolicy: "Never" }),
      },
    });
    await live(cluster, 20, () => {}, "Succeeded");
    cluster.calm();
    await live(cluster, 60, () => {}, "Succeeded");
    const job = await cluster.client.get(Job, { namespace: "default", name: "j" });
    expect(job.status).toMatchObject({ succeeded: 6, completedIndexes: "0-5" });
    expect(job.status?.conditions?.some(({ type, status }) => type === "Complete" && status === "True")).toBe(true);
    const pods = (await cluster.client.list(Pod, { namespace: "default" })).items;
    expect(pods.flatMap(({ metadata }) => metadata.finalizers ?? [])).toEqual([]);
  });
});

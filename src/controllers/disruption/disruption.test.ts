import { describe, expect, test } from "vitest";
import { Deployment } from "../../api/apps/deployment.ts";
import { ReplicaSet } from "../../api/apps/replica-set.ts";
import { Pod } from "../../api/core/pod.ts";
import { PodDisruptionBudget } from "../../api/policy/pod-disruption-budget.ts";
import { timeOf } from "../../machinery/times.ts";
import type { FakeCluster } from "../framework/testing/fake-cluster.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { deployment, podStatus, template } from "../framework/testing/samples.ts";
import { disruptionController } from "./disruption.ts";

const owned = (kind: string, object: { metadata: { name: string; uid: string } }) => [
  { apiVersion: "apps/v1", kind, name: object.metadata.name, uid: object.metadata.uid, controller: true },
];
/** A Deployment of five, its ReplicaSet and its pods, so many of them ready. */
function workload(cluster: FakeCluster, ready = 5): void {
  const web = cluster.put(Deployment, deployment({ replicas: 5 }));
  const set = cluster.put(ReplicaSet, {
    metadata: { name: "web-1", namespace: "default", ownerReferences: owned("Deployment", web) },
    spec: { replicas: 5, template: template() },
  });
  for (let index = 0; index < 5; index += 1) {
    cluster.put(Pod, {
      metadata: {
        name: `p${index}`,
        namespace: "default",
        labels: { app: "web" },
        ownerReferences: owned("ReplicaSet", set),
      },
      spec: { containers: [] },
      status: podStatus(index < ready, 0),
    });
  }
}
const budget = (cluster: FakeCluster, spec: Partial<PodDisruptionBudget["spec"]>) =>
  cluster.put(PodDisruptionBudget, {
    metadata: { name: "b", namespace: "default" },
    spec: { selector: { matchLabels: { app: "web" } }, ...spec },
  });
const status = ({ cluster }: Harness) => cluster.get(PodDisruptionBudget, "b")?.status;
const start = (spec: Partial<PodDisruptionBudget["spec"]>, ready = 5) =>
  run([disruptionController], {
    given: (cluster) => {
      workload(cluster, ready);
      budget(cluster, spec);
    },
  });

describe("of five pods", () => {
  test.each([
    { name: "at least 2", spec: { minAvailable: 2 }, ready: 5, desired: 2, allowed: 3 },
    { name: "at least half, rounded up", spec: { minAvailable: "50%" }, ready: 5, desired: 3, allowed: 2 },
    { name: "all", spec: { minAvailable: "100%" }, ready: 5, desired: 5, allowed: 0 },
    { name: "at most 1 away", spec: { maxUnavailable: 1 }, ready: 5, desired: 4, allowed: 1 },
    { name: "at most 30% away, rounded up", spec: { maxUnavailable: "30%" }, ready: 5, desired: 3, allowed: 2 },
    { name: "none away", spec: { maxUnavailable: 0 }, ready: 5, desired: 5, allowed: 0 },
    { name: "one that is not ready counts as away", spec: { maxUnavailable: "30%" }, ready: 4, desired: 3, allowed: 1 },
    { name: "never fewer than none", spec: { maxUnavailable: 1 }, ready: 2, desired: 4, allowed: 0 },
  ])("$name", async ({ spec, ready, desired, allowed }) => {
    await using harness = await start(spec, ready);
    expect(status(harness)).toEqual({
      observedGeneration: 1,
      expectedPods: 5,
      currentHealthy: ready,
      desiredHealthy: desired,
      disruptionsAllowed: allowed,
      conditions: [
        {
          type: "DisruptionAllowed",
          status: allowed > 0 ? "True" : "False",
          reason: allowed > 0 ? "SufficientPods" : "InsufficientPods",
          message: "",
          observedGeneration: 1,
          lastTransitionTime: expect.any(String),
        },
      ],
    });
  });
});

test("an eviction that was allowed counts until the pod goes, or for two minutes", async () => {
  await using harness = await start({ maxUnavailable: 1 });
  const { cluster, clock } = harness;
  const known = cluster.get(PodDisruptionBudget, "b")!;
  const disruptedPods = { p0: timeOf(clock.now()) };
  cluster.change(PodDisruptionBudget, known, { status: { ...known.status, disruptedPods, disruptionsAllowed: 0 } });
  await harness.settle();
  expect(status(harness)).toMatchObject({ currentHealthy: 4, disruptionsAllowed: 0, disruptedPods });
  await harness.pass(121_000);
  expect(status(harness)).toMatchObject({ currentHealthy: 5, disruptionsAllowed: 1 });
  expect(status(harness)).not.toHaveProperty("disruptedPods");
  expect(harness.events()).toContain("NotDeleted: Pod was expected by PDB default/b to be deleted but it wasn't");
});

test("changes of pods are followed", async () => {
  await using harness = await start({ minAvailable: 4 });
  expect(status(harness)?.disruptionsAllowed).toBe(1);
  const pod = harness.cluster.get(Pod, "p0")!;
  harness.cluster.change(Pod, pod, { metadata: { ...pod.metadata, labels: {} } });
  await harness.settle();
  expect(status(harness)).toMatchObject({ expectedPods: 4, disruptionsAllowed: 0 });
});

test("pods that nothing brings back are told about, and one whose controller is unknown allows nothing", async () => {
  await using harness = await start({ maxUnavailable: 1 });
  const labels = { app: "web" };
  harness.cluster.put(Pod, { metadata: { name: "bare", namespace: "default", labels }, spec: { containers: [] } });
  await harness.settle();
  expect(harness.events().join()).toContain(
    "UnmanagedPods: Pods selected by this PodDisruptionBudget (selector: app=web)",
  );
  const ownerReferences = [{ apiVersion: "example.com/v1", kind: "Thing", name: "t", uid: "t", controller: true }];
  harness.cluster.put(Pod, {
    metadata: { name: "odd", namespace: "default", labels, ownerReferences },
    spec: { containers: [] },
  });
  await harness.settle();
  expect(status(harness)).toMatchObject({ disruptionsAllowed: 0, conditions: [{ reason: "SyncFailed" }] });
  expect(harness.events()).toContain(
    'CalculateExpectedPodCountFailed: Failed to calculate the number of expected pods: found no controllers for pod "odd"',
  );
});

test("a budget without pods says so", async () => {
  await using harness = await run([disruptionController], { given: (cluster) => budget(cluster, { minAvailable: 1 }) });
  expect(harness.events()).toContain("NoPods: No matching pods found");
  expect(status(harness)).toMatchObject({ expectedPods: 0, disruptionsAllowed: 0 });
});

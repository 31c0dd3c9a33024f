import { expect, test } from "vitest";
import { Deployment } from "../../src/api/apps/deployment.ts";
import { Node } from "../../src/api/core/node.ts";
import { Pod } from "../../src/api/core/pod.ts";
import { Service } from "../../src/api/core/service.ts";
import { StatusError } from "../../src/machinery/status-error.ts";
import { openSchedulerCluster } from "./scheduler-cluster.ts";

const notHelpful = (total: number, count = total) =>
  `preemption: 0/${total} nodes are available: ${count} Preemption is not helpful for scheduling.`;

test("a pod that fits nowhere is told why, by event and condition, and one that fits is bound", async () => {
  await using it = await openSchedulerCluster();
  await it.addNode("n1");
  await it.addNode("n2", { cpu: "2", memory: "2Gi" });
  await it.createPod("cpu", { cpu: "5" });
  const message = `0/2 nodes are available: 2 Insufficient cpu. ${notHelpful(2)}`;
  expect(await it.whyNot("cpu")).toBe(message);
  expect(await it.eventsOf("cpu")).toEqual([`FailedScheduling: ${message}`]);
  await it.createPod("fits", { cpu: "3" });
  expect(await it.places()).toEqual({ cpu: "", fits: "n1" });
  expect(await it.eventsOf("fits")).toEqual(["Scheduled: Successfully assigned default/fits to n1"]);
  const condition = (await it.pod("fits")).status?.conditions?.find(({ type }) => type === "PodScheduled");
  expect(condition?.status).toBe("True");
});

test("different reasons on different nodes are counted and sorted in one message", async () => {
  await using it = await openSchedulerCluster();
  await it.addNode("n1", { cpu: "1" });
  await it.addNode("n2", { spec: { taints: [{ key: "dedicated", value: "x", effect: "NoSchedule" }] } });
  await it.addNode("n3", { spec: { unschedulable: true } });
  await it.addNode("n4", { cpu: "1", labels: { disk: "ssd" } });
  await it.createPod("p", { cpu: "2" });
  expect(await it.whyNot("p")).toBe(
    `0/4 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable, 2 Insufficient cpu. ${notHelpful(4)}`,
  );
  await it.createPod("q", { cpu: "2", spec: { nodeSelector: { disk: "ssd" } } });
  expect(await it.whyNot("q")).toBe(
    `0/4 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable. ${notHelpful(4)}`,
  );
});

test("pods wait for a node to come, to be uncordoned, to get a label", async () => {
  await using it = await openSchedulerCluster();
  await it.createPod("p");
  await it.createPod("ssd", { spec: { nodeSelector: { disk: "ssd" } } });
  expect(await it.whyNot("p")).toBe("no nodes available to schedule pods");
  await it.addNode("n1", { spec: { unschedulable: true } });
  await it.cluster.pass(11_000);
  expect(await it.whyNot("p")).toBe(`0/1 nodes are available: 1 node(s) were unschedulable. ${notHelpful(1)}`);
  await it.client.patch(Node, { name: "n1" }, { type: "merge", body: { spec: { unschedulable: null } } });
  await it.cluster.pass(11_000);
  expect(await it.places()).toEqual({ p: "n1", ssd: "" });
  await it.client.patch(Node, { name: "n1" }, { type: "merge", body: { metadata: { labels: { disk: "ssd" } } } });
  await it.cluster.pass(11_000);
  expect(await it.places()).toEqual({ p: "n1", ssd: "n1" });
});

test("a pod that fits nowhere is not decided about again by the news that it does not fit", async () => {
  await using it = await openSchedulerCluster();
  await it.addNode("n1", { cpu: "1" });
  await it.createPod("big", { cpu: "5" });
  await it.cluster.pass(60_000);
  const decided = () => it.scheduler.decisionsOf({ namespace: "default", name: "big" }).length;
  expect(decided()).toBe(1);
  // Neither does anything else that is told of it; a label might matter to somebody.
  const key = { namespace: "default", name: "big" };
  const conditions = [{ type: "Ready", status: "False" }];
  await it.client.patch(Pod, key, { type: "strategic", body: { status: { conditions } } }, { subresource: "status" });
  await it.cluster.pass(60_000);
  expect(decided()).toBe(1);
});

test("a pod with scheduling gates waits for the last of them", async () => {
  await using it = await openSchedulerCluster();
  await it.addNode("n1");
  await it.createPod("gated", { spec: { schedulingGates: [{ name: "a.io/x" }] } });
  expect(await it.places()).toEqual({ gated: "" });
  await it.client.patch(
    Pod,
    { namespace: "default", name: "gated" },
    { type: "merge", body: { spec: { schedulingGates: null } } },
  );
  await it.cluster.settle();
  expect(await it.places()).toEqual({ gated: "n1" });
});

test("a pod of another scheduler is left alone, one that names its node is not scheduled", async () => {
  await using it = await openSchedulerCluster();
  await it.addNode("n1");
  await it.createPod("other", { spec: { schedulerName: "mine" } });
  await it.createPod("fixed", { spec: { nodeName: "n1" } });
  expect(await it.places()).toEqual({ other: "", fixed: "n1" });
  expect([await it.eventsOf("other"), await it.eventsOf("fixed")]).toEqual([[], []]);
});

test("several schedulers side by side serve the pods that name them, each by its own rules", async () => {
  const packing = {
    schedulerName: "packer",
    pluginConfig: [{ name: "NodeResourcesFit", args: { scoringStrategy: { type: "MostAllocated" } } }],
    plugins: { multiPoint: { disabled: [{ name: "NodeResourcesBalancedAllocation" }] } },
  };
  await using it = await openSchedulerCluster({ configuration: { profiles: [{}, packing] } });
  await it.addNode("n1");
  await it.addNode("n2");
  await it.createPod("first", { cpu: "1", spec: { nodeName: "n1" } });
  await it.createPod("packed", { cpu: "1", spec: { schedulerName: "packer" } });
  await it.createPod("spread", { cpu: "1" });
  expect(await it.places()).toEqual({ first: "n1", packed: "n1", spread: "n2" });
});

test("twelve replicas of a Deployment spread evenly over zones and their nodes", async () => {
  await using it = await openSchedulerCluster({ controllers: true });
  for (const zone of ["a", "b", "c"])
    for (const number of [1, 2]) await it.addNode(`${zone}${number}`, { cpu: "16", memory: "32Gi", pods: "100", zone });
  const labels = { app: "a" };
  await it.client.create(Service, {
    metadata: { name: "s", namespace: "default" },
    spec: { selector: labels, ports: [{ port: 80 }] },
  });
  await it.client.create(Deployment, {
    metadata: { name: "d", namespace: "default" },
    spec: {
      replicas: 12,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [{ name: "c", image: "img:1", resources: { requests: { cpu: "100m", memory: "100Mi" } } }],
        },
      },
    },
  } as never);
  await it.cluster.settle();
  const perNode: Record<string, number> = {};
  for (const node of Object.values(await it.places())) perNode[node] = (perNode[node] ?? 0) + 1;
  expect(perNode).toEqual({ a1: 2, a2: 2, b1: 2, b2: 2, c1: 2, c2: 2 });
});

test("a node takes no more pods than it may, however fast they come", async () => {
  await using it = await openSchedulerCluster();
  await it.addNode("n1", { pods: "2" });
  await it.addNode("n2", { cpu: "1" });
  await Promise.all(["a", "b", "c", "d", "e"].map((name) => it.createPod(name, { cpu: "600m" })));
  await it.cluster.settle();
  const places = Object.values(await it.places());
  expect(places.filter((node) => node === "n1")).toHaveLength(2);
  expect(places.filter((node) => node === "n2")).toHaveLength(1);
  const waiting = Object.entries(await it.places()).find(([, node]) => node === "");
  expect(await it.whyNot(waiting?.[0] ?? "")).toBe(
    "0/2 nodes are available: 1 Insufficient cpu, 1 Too many pods. preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.",
  );
});

test("a pod that goes makes room for one that waits", async () => {
  await using it = await openSchedulerCluster();
  await it.addNode("n1", { cpu: "1" });
  await it.createPod("first", { cpu: "1" });
  await it.createPod("second", { cpu: "1" });
  expect(await it.places()).toEqual({ first: "n1", second: "" });
  await it.client.delete(Pod, { namespace: "default", name: "first" }, { gracePeriodSeconds: 0 });
  await it.cluster.pass(2000);
  expect(await it.places()).toEqual({ second: "n1" });
});

test("a binding that fails is tried again after a while, and what it held is free meanwhile", async () => {
  let refusals = 2;
  await using it = await openSchedulerCluster({
    disturbScheduler: (client) =>
      ({
        ...client,
        async createSubresource(...args: Parameters<typeof client.createSubresource>) {
          if (args[2] === "binding" && refusals-- > 0) throw new StatusError("InternalError", "the store is away");
          return client.createSubresource(...args);
        },
      }) as typeof client,
  });
  await it.addNode("n1", { cpu: "1" });
  await it.createPod("p", { cpu: "1" });
  expect(await it.places()).toEqual({ p: "" });
  expect(await it.whyNot("p")).toBe("binding rejected: the store is away");
  await it.cluster.pass(5000);
  expect(await it.places()).toEqual({ p: "n1" });
});

test("a pod that is deleted while it is bound leaves nothing behind", async () => {
  let holdBack: (() => void) | undefined;
  await using it = await openSchedulerCluster({
    disturbScheduler: (client) =>
      ({
        ...client,
        async createSubresource(...args: Parameters<typeof client.createSubresource>) {
          if (args[2] === "binding" && args[1].name === "gone")
            await new Promise<void>((resolve) => (holdBack = resolve));
          return client.createSubresource(...args);
        },
      }) as typeof client,
  });
  await it.addNode("n1", { cpu: "1" });
  await it.createPod("gone", { cpu: "1" });
  await it.createPod("next", { cpu: "1" });
  expect(await it.places()).toEqual({ gone: "", next: "" });
  await it.client.delete(Pod, { namespace: "default", name: "gone" }, { gracePeriodSeconds: 0 });
  await it.cluster.settle();
  holdBack?.();
  await it.cluster.pass(11_000);
  expect(await it.places()).toEqual({ next: "n1" });
});

test("every decision can be asked for afterwards, and what would be decided now", async () => {
  await using it = await openSchedulerCluster();
  await it.addNode("n1", { cpu: "1" });
  await it.addNode("n2");
  await it.createPod("big", { cpu: "5" });
  const [decision] = it.scheduler.decisionsOf({ namespace: "default", name: "big" });
  expect(decision).toMatchObject({
    scheduler: "default-scheduler",
    feasible: 0,
    refusals: [
      { plugin: "NodeResourcesFit", rejection: { reasons: ["Insufficient cpu"] }, nodes: ["n1", "n2"], count: 2 },
    ],
  });
  await it.addNode("n3", { cpu: "8" });
  expect(await it.places()).toEqual({ big: "n3" });
  // Where it is counts as free when it is asked about itself.
  expect(it.scheduler.why(await it.pod("big"))).toMatchObject({
    node: "n3",
    choice: "n3",
    nodes: [
      { node: "n3", fits: true },
      { node: "n1", fits: false },
      { node: "n2", fits: false, objections: [{ plugin: "NodeResourcesFit" }] },
    ],
  });
  await it.createPod("small", { cpu: "1" });
  const [placed] = it.scheduler.decisionsOf({ namespace: "default", name: "small" });
  expect(placed?.scores[0]?.byPlugin).toHaveProperty("NodeResourcesFit");
  expect(it.scheduler.decisionsOf({ namespace: "default", name: "nobody" })).toEqual([]);
});

test("a plugin of the user's own has its say, holds pods back and lets them go", async () => {
  await using it = await openSchedulerCluster({
    configuration: { profiles: [{ plugins: { multiPoint: { enabled: [{ name: "Mine" }] } } }] },
    plugins: {
      Mine: () => ({
        name: "Mine",
        retryOn: [],
        filter: (_pod, { name }) => (name === "n1" ? { reasons: ["not mine"], preemptionHelps: false } : undefined),
        permit: (pod) => (pod.metadata.name === "held" ? { waitMs: 60_000 } : undefined),
      }),
    },
  });
  await it.addNode("n1");
  await it.addNode("n2");
  await it.createPod("free");
  const held = await it.createPod("held");
  expect(await it.places()).toEqual({ free: "n2", held: "" });
  it.scheduler.waitingPods.allow(held.metadata.uid, "Mine");
  await it.cluster.settle();
  expect(await it.places()).toEqual({ free: "n2", held: "n2" });
});

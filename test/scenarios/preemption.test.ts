import { expect, test } from "vitest";
import { Event } from "../../src/api/core/event.ts";
import { Pod } from "../../src/api/core/pod.ts";
import { PriorityClass } from "../../src/api/scheduling/priority-class.ts";
import { openSchedulerCluster, type SchedulerCluster } from "./scheduler-cluster.ts";

async function withClasses(it: SchedulerCluster): Promise<void> {
  for (const [name, value] of [
    ["high", 1000],
    ["mid", 100],
    ["low", 10],
  ] as const)
    await it.client.create(PriorityClass, { metadata: { name }, value });
  await it.cluster.settle();
}
const of = (priorityClassName: string, cpu: string, more: object = {}) => ({
  cpu,
  spec: { priorityClassName, ...more },
});
const finish = async (it: SchedulerCluster, name: string) => {
  await it.client.delete(Pod, { namespace: "default", name }, { gracePeriodSeconds: 0 });
  await it.cluster.pass(2000);
};

test("a pod of high priority replaces pods of low priority, with their grace", async () => {
  await using it = await openSchedulerCluster();
  await withClasses(it);
  await it.addNode("n1", { cpu: "2" });
  await it.createPod("low-1", of("low", "1"));
  await it.createPod("low-2", of("low", "1"));
  const high = await it.createPod("high", of("high", "2"));
  expect(await it.eventsOf("high")).toEqual(["FailedScheduling: 0/1 nodes are available: 1 Insufficient cpu."]);
  expect((await it.pod("high")).status?.nominatedNodeName).toBe("n1");
  for (const name of ["low-1", "low-2"]) {
    const victim = await it.pod(name);
    expect(victim.metadata.deletionTimestamp).toBeDefined();
    expect(victim.metadata.deletionGracePeriodSeconds).toBe(30);
    expect(victim.status?.conditions?.find(({ type }) => type === "DisruptionTarget")).toMatchObject({
      status: "True",
      reason: "PreemptionByScheduler",
    });
    expect(await it.eventsOf(name)).toContain(`Preempted: Preempted by pod ${high.metadata.uid} on node n1`);
  }
  await finish(it, "low-1");
  expect(await it.places()).toEqual({ "low-2": "n1", high: "" });
  await finish(it, "low-2");
  expect(await it.places()).toEqual({ high: "n1" });
});

test("a victim is told once, however often the pod that needs its place is decided about meanwhile", async () => {
  await using it = await openSchedulerCluster();
  await withClasses(it);
  await it.addNode("n1", { cpu: "1" });
  await it.createPod("low", of("low", "1"));
  await it.createPod("high", of("high", "1"));
  await it.cluster.pass(5000);
  const { items } = await it.client.list(Event, { namespace: "default" });
  expect(items.filter(({ reason }) => reason === "Preempted").map(({ count }) => count)).toEqual([1]);
});

test("pods that make room at the same time are decided about twice: to make it, and to take it", async () => {
  await using it = await openSchedulerCluster();
  await withClasses(it);
  const names = ["a", "b", "c", "d"];
  for (const name of names) {
    await it.addNode(`on-${name}`, { cpu: "1" });
    await it.createPod(`low-${name}`, of("low", "1", { terminationGracePeriodSeconds: 0 }));
  }
  await Promise.all(names.map((name) => it.createPod(name, of("high", "1"))));
  await it.cluster.pass(20_000);
  const places = Object.values(await it.places()).sort();
  expect(places).toEqual(["on-a", "on-b", "on-c", "on-d"]);
  const decided = names.map((name) => it.scheduler.decisionsOf({ namespace: "default", name }).length);
  expect(decided).toEqual([2, 2, 2, 2]);
});

test("room that was made for a pod is not taken by a lesser one that comes meanwhile, but by a greater one", async () => {
  await using it = await openSchedulerCluster();
  await withClasses(it);
  await it.addNode("n1", { cpu: "2" });
  await it.createPod("low", of("low", "2"));
  await it.createPod("mid", of("mid", "2"));
  expect((await it.pod("mid")).status?.nominatedNodeName).toBe("n1");
  await it.createPod("late", of("low", "2"));
  await it.createPod("high", of("high", "2"));
  expect((await it.pod("high")).status?.nominatedNodeName).toBe("n1");
  expect((await it.pod("mid")).status?.nominatedNodeName).toBeUndefined();
  await finish(it, "low");
  expect(await it.places()).toEqual({ mid: "", late: "", high: "n1" });
});

test("the node whose victims matter least is chosen", async () => {
  await using it = await openSchedulerCluster();
  await withClasses(it);
  for (const name of ["n1", "n2", "n3"]) await it.addNode(name, { cpu: "2" });
  const at = (node: string) => ({ nodeSelector: { "kubernetes.io/hostname": node } });
  await it.createPod("v1", of("mid", "2", at("n1")));
  await it.createPod("v2a", of("low", "1", at("n2")));
  await it.createPod("v2b", of("low", "1", at("n2")));
  await it.createPod("v3", of("low", "2", at("n3")));
  await it.createPod("high", of("high", "2"));
  expect((await it.pod("high")).status?.nominatedNodeName).toBe("n3");
});

test("a pod that must not preempt waits", async () => {
  await using it = await openSchedulerCluster();
  await withClasses(it);
  await it.client.create(PriorityClass, { metadata: { name: "polite" }, value: 2000, preemptionPolicy: "Never" });
  await it.cluster.settle();
  await it.addNode("n1", { cpu: "2" });
  await it.createPod("low", of("low", "2"));
  await it.createPod("polite", of("polite", "2"));
  expect(await it.whyNot("polite")).toBe(
    "0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.",
  );
  expect((await it.pod("low")).metadata.deletionTimestamp).toBeUndefined();
});

import { describe, expect, test } from "vitest";
import type { Pod } from "../../api/generated/core-v1.ts";
import type { PodDisruptionBudget } from "../../api/generated/policy-v1.ts";
import type { ClusterState } from "../framework/cluster-state.ts";
import { explain } from "../framework/explain.ts";
import { decision, type SamplePod, sampleCluster, sampleNode, samplePod } from "../testing/samples.ts";
import { defaultPreemption } from "./default-preemption.ts";
import { interPodAffinity } from "./inter-pod-affinity.ts";
import { nodeResourcesFit } from "./node-resources.ts";
import { taintToleration } from "./node-rules.ts";

const node = (name: string, more: object = {}) => sampleNode(name, { cpu: "2", ...more });
const on = (name: string, at: string, priority: number, cpu = "1", more: SamplePod = {}) =>
  samplePod({ name, node: at, priority, cpu, ...more });
const rescue = (pod: Pod, cluster: ClusterState, budgets: readonly PodDisruptionBudget[] = []) => {
  const plugins = [
    taintToleration,
    nodeResourcesFit(),
    interPodAffinity(),
    defaultPreemption({ of: () => budgets, revision: () => 0n }),
  ];
  const result = decision(pod, cluster, plugins);
  if (result.placed) return { node: result.node, victims: "none needed" };
  if (result.rescue?.kind === "preempt")
    return {
      node: result.rescue.node,
      victims: result.rescue.victims
        .map(({ metadata }) => metadata.name)
        .sort()
        .join(" "),
    };
  return explain(result);
};
const high = (cpu: string, more: SamplePod = {}) => samplePod({ name: "high", priority: 1000, cpu, ...more });
const budget = (app: string, disruptionsAllowed: number, more: object = {}) =>
  ({
    spec: { selector: { matchLabels: { app } } },
    status: { disruptionsAllowed, ...more },
  }) as unknown as PodDisruptionBudget;

describe("preemption", () => {
  test("evicts as few pods as make room, the least important ones", () => {
    const cluster = sampleCluster([node("a")], [on("mid", "a", 50), on("low", "a", 10)]);
    expect(rescue(high("1"), cluster)).toEqual({ node: "a", victims: "low" });
    expect(rescue(high("2"), cluster)).toEqual({ node: "a", victims: "low mid" });
  });

  test("leaves the cluster as it was", () => {
    const cluster = sampleCluster([node("a")], [on("low", "a", 10)]);
    rescue(high("2"), cluster);
    expect([cluster.node("a")?.cpu, cluster.node("a")?.pods.size]).toEqual([1000, 1]);
  });

  test("among pods of one priority spares those that run longest", () => {
    const started = (hour: number) => ({ status: { startTime: `2026-01-01T0${hour}:00:00Z` } });
    const cluster = sampleCluster(
      [node("a")],
      [on("old", "a", 1, "1", started(1)), on("young", "a", 1, "1", started(2))],
    );
    expect(rescue(high("1"), cluster)).toEqual({ node: "a", victims: "young" });
  });

  test.each([
    {
      name: "the node whose most important victim is the least important",
      pods: [on("a1", "a", 100, "2"), on("b1", "b", 10, "2")],
      node: "b",
    },
    {
      name: "then the node with the smaller sum of priorities, which is also that with fewer victims",
      pods: [on("a1", "a", 10), on("a2", "a", 10), on("b1", "b", 10, "2")],
      node: "b",
    },
    {
      name: "then the node whose victims started last",
      pods: [
        on("a1", "a", 10, "2", { status: { startTime: "2026-01-01T02:00:00Z" } }),
        on("b1", "b", 10, "2", { status: { startTime: "2026-01-01T01:00:00Z" } }),
      ],
      node: "a",
    },
  ])("chooses $name", ({ pods, node: chosen }) => {
    expect(rescue(high("2"), sampleCluster([node("a"), node("b")], pods))).toMatchObject({ node: chosen });
  });

  test("would rather not break a disruption budget, even at the price of more important pods", () => {
    const guarded = on("guarded", "a", 1, "2", { labels: { app: "web" } });
    const cluster = sampleCluster(
      [node("a"), node("b")],
      [guarded, on("other", "b", 100, "2", { labels: { app: "x" } })],
    );
    expect(rescue(high("2"), cluster)).toMatchObject({ node: "a" });
    expect(rescue(high("2"), cluster, [budget("web", 0)])).toMatchObject({ node: "b" });
    expect(rescue(high("2"), cluster, [budget("web", 1)])).toMatchObject({ node: "a" });
    expect(rescue(high("2"), cluster, [budget("web", 0, { disruptedPods: { guarded: "now" } })])).toMatchObject({
      node: "a",
    });
  });

  test("spares the guarded pod of a node where another one will do, and breaks a budget where nothing else helps", () => {
    const guarded = on("guarded", "a", 1, "1", { labels: { app: "web" } });
    const cluster = sampleCluster([node("a")], [guarded, on("other", "a", 100, "1", { labels: { app: "x" } })]);
    expect(rescue(high("1"), cluster, [budget("web", 0)])).toEqual({ node: "a", victims: "other" });
    expect(rescue(high("2"), cluster, [budget("web", 0)])).toEqual({ node: "a", victims: "guarded other" });
  });

  test("evicts what a pod's anti-affinity does not stand, and brings back who is innocent", () => {
    const affinity = {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { app: "web" } } },
        ],
      },
    };
    const cluster = sampleCluster(
      [node("a")],
      [on("web", "a", 1, "100m", { labels: { app: "web" } }), on("db", "a", 1, "100m")],
    );
    expect(rescue(high("100m", { spec: { affinity } as never }), cluster)).toEqual({ node: "a", victims: "web" });
  });

  test.each([
    {
      name: "nobody is less important",
      cluster: sampleCluster([node("a")], [on("same", "a", 1000, "2")]),
      pod: high("1"),
      text: "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
    },
    {
      name: "the nodes are too small or tainted",
      cluster: sampleCluster(
        [node("a"), node("b", { spec: { taints: [{ key: "x", effect: "NoSchedule" }] } })],
        [on("low", "a", 1)],
      ),
      pod: high("3"),
      text: "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s). preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
    },
    {
      name: "the evictable pods are not enough",
      cluster: sampleCluster([node("a")], [on("low", "a", 1), on("high-2", "a", 2000)]),
      pod: high("2"),
      text: "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 Insufficient cpu.",
    },
    {
      name: "the pod must not",
      cluster: sampleCluster([node("a")], [on("low", "a", 1, "2")]),
      pod: samplePod({
        priority: 1000,
        cpu: "1",
        spec: { preemptionPolicy: "Never", containers: high("1").spec.containers },
      }),
      text: "0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.",
    },
    {
      name: "it has done so already and waits for the pods to go",
      cluster: sampleCluster(
        [node("a")],
        [
          on("low", "a", 1, "2", {
            meta: { deletionTimestamp: "2026-01-01T00:00:00Z" },
            status: { conditions: [{ type: "DisruptionTarget", status: "True", reason: "PreemptionByScheduler" }] },
          }),
        ],
      ),
      pod: high("1", { status: { nominatedNodeName: "a" } }),
      text: "0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to a terminating pod on the nominated node.",
    },
  ])("does nothing when $name", ({ cluster, pod, text }) => {
    expect(rescue(pod, cluster)).toBe(text);
  });
});

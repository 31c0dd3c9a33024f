import { describe, expect, test } from "vitest";
import type { Pod } from "../../api/generated/core-v1.ts";
import { sampleCluster, sampleNode, samplePod, scores, verdicts } from "../testing/samples.ts";
import { balancedAllocation, nodeResourcesFit } from "./node-resources.ts";

const asking = (requests: Readonly<Record<string, string>>): Pod =>
  samplePod({ spec: { containers: [{ name: "c", resources: { requests } }] as never } });
const one = sampleNode("n", {
  cpu: "2",
  memory: "2Gi",
  pods: "3",
  more: { "ephemeral-storage": "1Gi", "a.io/gpu": "1" },
});
const fit = nodeResourcesFit();

describe("NodeResourcesFit", () => {
  test.each([
    { name: "what fits exactly fits", requests: { cpu: "1", memory: "2Gi" }, reasons: undefined, helps: true },
    { name: "too little CPU is left", requests: { cpu: "1001m" }, reasons: ["Insufficient cpu"], helps: true },
    { name: "the node has not so much CPU", requests: { cpu: "3" }, reasons: ["Insufficient cpu"], helps: false },
    {
      name: "several things are missing",
      requests: { cpu: "2", memory: "3Gi", "ephemeral-storage": "2Gi" },
      reasons: ["Insufficient cpu", "Insufficient memory", "Insufficient ephemeral-storage"],
      helps: false,
    },
    { name: "an extended resource that is there", requests: { "a.io/gpu": "1" }, reasons: undefined, helps: true },
    {
      name: "more of it than there is",
      requests: { "a.io/gpu": "2" },
      reasons: ["Insufficient a.io/gpu"],
      helps: false,
    },
    {
      name: "one that the node does not know",
      requests: { "b.io/tpu": "1" },
      reasons: ["Insufficient b.io/tpu"],
      helps: false,
    },
  ])("$name", ({ requests, reasons, helps }) => {
    const cluster = sampleCluster([one], [samplePod({ node: "n", cpu: "1" })]);
    const verdict = verdicts(fit, asking(requests as never), cluster).n;
    expect(verdict?.reasons).toEqual(reasons);
    if (verdict) expect(verdict.preemptionHelps).toBe(helps);
  });

  test("a node takes so many pods, whatever they ask for", () => {
    const cluster = sampleCluster(
      [one],
      [1, 2, 3].map(() => samplePod({ node: "n" })),
    );
    expect(verdicts(fit, samplePod(), cluster).n).toEqual({ reasons: ["Too many pods"], preemptionHelps: true });
  });

  test("a pod that asks for nothing fits on a node that is over-committed", () => {
    const cluster = sampleCluster([one], [samplePod({ node: "n", cpu: "5" })]);
    expect(verdicts(fit, samplePod(), cluster).n).toBeUndefined();
  });

  test("resources that an extender looks after are left to it", () => {
    const ignoring = nodeResourcesFit({ ignoredResources: ["b.io/tpu"], ignoredResourceGroups: ["c.io"] });
    expect(verdicts(ignoring, asking({ "b.io/tpu": "1", "c.io/x": "1" }), sampleCluster([one])).n).toBeUndefined();
  });

  test.each([
    { strategy: undefined, expected: { empty: 88, half: 38 } },
    { strategy: { type: "MostAllocated" as const }, expected: { empty: 11, half: 61 } },
    {
      strategy: {
        type: "RequestedToCapacityRatio" as const,
        shape: [
          { utilization: 0, score: 0 },
          { utilization: 100, score: 10 },
        ],
        resources: [{ name: "cpu", weight: 1 }],
      },
      expected: { empty: 10, half: 60 },
    },
    {
      strategy: {
        type: "RequestedToCapacityRatio" as const,
        shape: [
          { utilization: 20, score: 10 },
          { utilization: 60, score: 0 },
        ],
        resources: [{ name: "cpu", weight: 1 }],
      },
      expected: { empty: 100, half: 0 },
    },
    {
      strategy: {
        type: "LeastAllocated" as const,
        resources: [
          { name: "cpu", weight: 3 },
          { name: "memory", weight: 1 },
        ],
      },
      expected: { empty: 89, half: 39 },
    },
  ])("scores by $strategy.type", ({ strategy, expected }) => {
    const big = (name: string) => sampleNode(name, { cpu: "10", memory: "8Gi" });
    const cluster = sampleCluster([big("empty"), big("half")], [samplePod({ node: "half", cpu: "5", memory: "4Gi" })]);
    const plugin = nodeResourcesFit(strategy ? { scoringStrategy: strategy } : {});
    expect(scores(plugin, asking({ cpu: "1", memory: "1Gi" }), cluster)).toEqual(expected);
  });

  test("pods without requests spread as if they asked for a little", () => {
    const cluster = sampleCluster([sampleNode("a"), sampleNode("b")], [samplePod({ node: "a" })]);
    const { a, b } = scores(fit, samplePod(), cluster)!;
    expect(b).toBeGreaterThan(a!);
  });
});

describe("whether a pod that goes may help one that waits", () => {
  const helps = (pod: Pod, left: readonly Pod[]) => {
    const found = fit.retryOn.find((each) => typeof each !== "string" && each.on === "AssignedPod/delete");
    const place = sampleCluster([one], left).node("n")!;
    return (
      typeof found === "object" &&
      found.helps?.(pod, { event: "AssignedPod/delete", pod: samplePod({ node: "n" }), place })
    );
  };
  test("it does where there is room now", () => {
    expect(helps(asking({ cpu: "1" }), [samplePod({ node: "n", cpu: "1" })])).toBe(true);
    expect(helps(asking({ cpu: "1" }), [samplePod({ node: "n", cpu: "1500m" })])).toBe(false);
  });

  test("it does where the rest could be evicted, unless the pod waits for its victims or must not evict", () => {
    const important = (more: object) => samplePod({ priority: 10, cpu: "1", ...more });
    const left = [samplePod({ node: "n", cpu: "2", priority: 1 })];
    expect(helps(important({}), left)).toBe(true);
    expect(helps(important({ status: { nominatedNodeName: "other" } }), left)).toBe(false);
    expect(helps(samplePod({ priority: 0, cpu: "1" }), left)).toBe(false);
  });
});

describe("NodeResourcesBalancedAllocation", () => {
  const plugin = balancedAllocation();
  test("prefers nodes whose CPU and memory would be used alike", () => {
    const cluster = sampleCluster(
      [sampleNode("a", { cpu: "10", memory: "10Gi" }), sampleNode("b", { cpu: "10", memory: "10Gi" })],
      [samplePod({ node: "a", cpu: "6" })],
    );
    expect(scores(plugin, asking({ cpu: "1", memory: "1Gi" }), cluster)).toEqual({ a: 70, b: 100 });
  });

  test("has nothing to say about a pod that asks for nothing", () => {
    expect(scores(plugin, samplePod(), sampleCluster([one]))).toBeUndefined();
  });

  test("takes more resources into account where it is told to", () => {
    const three = balancedAllocation({ resources: ["cpu", "memory", "a.io/gpu"].map((name) => ({ name, weight: 1 })) });
    const cluster = sampleCluster([sampleNode("a", { cpu: "10", memory: "10Gi", more: { "a.io/gpu": "10" } })]);
    expect(scores(three, asking({ cpu: "1", memory: "1Gi", "a.io/gpu": "10" }), cluster)).toEqual({ a: 57 });
  });
});

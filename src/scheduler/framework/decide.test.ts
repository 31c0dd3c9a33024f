import { describe, expect, test } from "vitest";
import { decision, sampleCluster, sampleNode, samplePod } from "../testing/samples.ts";
import { bestOf, decide, type NoPlace, sampleSize } from "./decide.ts";
import { explain } from "./explain.ts";
import { Nominations } from "./nominations.ts";
import { definePlugin, fits, type Plugin, ready, reject, skip } from "./plugin.ts";
import { podInfo } from "./pod-info.ts";
import { profileOf } from "./profile.ts";

const nodes = (count: number) => Array.from({ length: count }, (_, index) => sampleNode(`n${index}`));
const only = (name: string, ...names: string[]) =>
  definePlugin({
    name,
    retryOn: [],
    filter: (_pod, node) => (names.includes(node.name) ? fits : reject(`not ${name}`)),
  });
const scorer = (name: string, points: Readonly<Record<string, number>>) =>
  definePlugin({ name, retryOn: [], score: (_pod, node) => points[node.name] ?? 0 });
const text = (given: ReturnType<typeof decision>) => explain(given as NoPlace);

describe("deciding", () => {
  test("takes the node with the highest weighted sum", () => {
    const cluster = sampleCluster(nodes(3));
    const profile = profileOf("p", [
      { plugin: scorer("A", { n0: 10, n1: 20 }), weight: 1 },
      { plugin: scorer("B", { n0: 10 }), weight: 3 },
    ]);
    expect(decision(samplePod(), cluster, profile)).toMatchObject({
      placed: true,
      node: "n0",
      feasible: 3,
      scores: {
        totals: [40, 20, 0],
        parts: [
          { plugin: "A", scores: [10, 20, 0] },
          { plugin: "B", scores: [30, 0, 0] },
        ],
      },
    });
  });

  test("asks no scores where there is one node to choose", () => {
    const unasked = definePlugin({ name: "S", retryOn: [], score: () => expect.unreachable("scored") });
    expect(decision(samplePod(), sampleCluster(nodes(3)), [only("F", "n1"), unasked])).toMatchObject({
      node: "n1",
      feasible: 1,
    });
  });

  test("names the first plugin that refused each node, and groups equal reasons", () => {
    const result = decision(samplePod(), sampleCluster(nodes(3)), [only("F", "n1"), only("G", "n0")]);
    expect(result).toMatchObject({
      placed: false,
      refusals: [
        { plugin: "G", rejection: { reasons: ["not G"] }, nodes: ["n1"] },
        { plugin: "F", rejection: { reasons: ["not F"] }, nodes: ["n0", "n2"] },
      ].toReversed(),
    });
    expect(text(result)).toBe("0/3 nodes are available: 1 not G, 2 not F.");
  });

  test("a plugin with nothing to check is left out", () => {
    const idle = definePlugin({ name: "I", retryOn: [], prepareFilter: () => skip, filter: () => reject("never") });
    expect(decision(samplePod(), sampleCluster(nodes(1)), [idle])).toMatchObject({ placed: true });
  });

  test("a plugin that refuses before any node is looked at speaks for all", () => {
    const no = definePlugin({
      name: "N",
      retryOn: [],
      prepareFilter: () => ({ kind: "rejected", rejection: reject("no such claim", { preemptionHelps: false }) }),
    });
    const result = decision(samplePod(), sampleCluster(nodes(2)), [no]);
    expect(result).toMatchObject({ placed: false, refused: { plugin: "N" }, refusals: [] });
    expect(text(result)).toBe("0/2 nodes are available: no such claim.");
  });

  test("only nodes that a plugin names are looked at; the others are counted", () => {
    const naming = definePlugin({
      name: "NodeAffinity",
      retryOn: [],
      prepareFilter: () => ready(undefined, new Set(["n1", "gone"])),
    });
    expect(decision(samplePod(), sampleCluster(nodes(3)), [naming])).toMatchObject({ node: "n1", evaluated: 1 });
    expect(text(decision(samplePod(), sampleCluster(nodes(3)), [naming, only("F", "n0")]))).toBe(
      "0/3 nodes are available: 1 not F, 2 node(s) didn't satisfy plugin(s) [NodeAffinity].",
    );
  });

  test("plugins that name different nodes leave none", () => {
    const naming = (name: string, node: string) =>
      definePlugin({ name, retryOn: [], prepareFilter: () => ready(undefined, new Set([node])) });
    expect(text(decision(samplePod(), sampleCluster(nodes(2)), [naming("B", "n0"), naming("A", "n1")]))).toBe(
      "0/2 nodes are available: node(s) didn't satisfy plugin(s) [A B] simultaneously.",
    );
  });

  test("without nodes nothing is available", () => {
    expect(text(decision(samplePod(), sampleCluster([]), []))).toBe("no nodes available to schedule pods");
  });

  test("the search begins where the last one ended and stops when enough nodes fit", () => {
    const cluster = sampleCluster(nodes(400));
    const profile = profileOf("p", [{ plugin: scorer("A", {}), weight: 1 }]);
    const { decision: result, looked } = decide(samplePod(), profile, cluster, { random: () => 0, start: 390 });
    expect(looked).toBe(188);
    expect(result).toMatchObject({ feasible: 188, evaluated: 188 });
    if (result.placed) expect(result.scores?.nodes[0]).toBe("n390");
  });

  test("a node that was cleared for the pod is taken without looking further", () => {
    const pod = samplePod({ status: { nominatedNodeName: "n2" } });
    expect(decision(pod, sampleCluster(nodes(3)), [scorer("A", { n0: 100 })])).toMatchObject({ node: "n2" });
    expect(decision(pod, sampleCluster(nodes(3)), [only("F", "n0", "n1"), scorer("A", { n0: 100 })])).toMatchObject({
      node: "n0",
    });
  });

  test("a pod leaves room for those that wait for the node and go before it", () => {
    const room: Plugin = definePlugin({
      name: "R",
      retryOn: [],
      filter: (_pod, node) => (node.pods.size === 0 ? fits : reject("full")),
    });
    const nominations = new Nominations();
    nominations.set(podInfo(samplePod({ priority: 10 })), "n0");
    const place = (priority: number) =>
      decide(samplePod({ priority }), profileOf("p", [{ plugin: room, weight: 0 }]), sampleCluster(nodes(1)), {
        random: () => 0,
        start: 0,
        nominations,
      }).decision.placed;
    expect([place(9), place(10), place(11)]).toEqual([false, false, true]);
  });

  test("what a rescuer says is added to the text", () => {
    const rescuer = definePlugin({
      name: "R",
      retryOn: [],
      rescue: () => ({ kind: "none", message: "preemption: no." }),
    });
    expect(text(decision(samplePod(), sampleCluster(nodes(1)), [only("F"), rescuer]))).toBe(
      "0/1 nodes are available: 1 not F. preemption: no.",
    );
  });
});

test.each([
  { nodes: 0, enough: 0 },
  { nodes: 99, enough: 99 },
  { nodes: 100, enough: 100 },
  { nodes: 250, enough: 120 },
  { nodes: 1000, enough: 420 },
  { nodes: 5000, enough: 500 },
  { nodes: 10_000, enough: 500 },
])("of $nodes nodes $enough that fit are enough", ({ nodes: count, enough }) => {
  expect(sampleSize(count)).toBe(enough);
});

test("a profile's own share of nodes stands in for that, from 100 nodes on", () => {
  expect([sampleSize(5000, 30), sampleSize(200, 10), sampleSize(5000, 100)]).toEqual([1500, 100, 5000]);
});

test("among equal scores each has its chance", () => {
  expect(bestOf([1, 3, 3, 2], () => 0.6)).toBe(1);
  expect(bestOf([1, 3, 3, 2], () => 0.4)).toBe(2);
});

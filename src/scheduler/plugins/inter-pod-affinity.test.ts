import { describe, expect, test } from "vitest";
import type { Affinity, Pod } from "../../api/generated/core-v1.ts";
import { passing, type SamplePod, sampleCluster, sampleNode, samplePod, scores, verdicts } from "../testing/samples.ts";
import { interPodAffinity } from "./inter-pod-affinity.ts";

const zone = "topology.kubernetes.io/zone";
const host = "kubernetes.io/hostname";
const plugin = interPodAffinity();
const nodes = [
  sampleNode("x1", { zone: "x" }),
  sampleNode("x2", { zone: "x" }),
  sampleNode("y1", { zone: "y" }),
  sampleNode("none"),
];
const term = (app: string, topologyKey: string, more: object = {}) => ({
  topologyKey,
  labelSelector: { matchLabels: { app } },
  ...more,
});
const podWith = (app: string, affinity: object | undefined, more: SamplePod = {}): Pod =>
  samplePod({ labels: { app }, ...more, ...(affinity ? { spec: { affinity: affinity as Affinity } } : {}) });
const near = (...terms: object[]) => ({ podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } });
const away = (...terms: object[]) => ({ podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } });
const wish = (kind: "podAffinity" | "podAntiAffinity", weight: number, podAffinityTerm: object) => ({
  [kind]: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight, podAffinityTerm }] },
});

describe("required pod affinity", () => {
  test("goes where a matching pod is, within the topology", () => {
    const cluster = sampleCluster(nodes, [podWith("db", undefined, { node: "x1" })]);
    expect(passing(plugin, podWith("web", near(term("db", zone))), cluster)).toEqual(["x1", "x2"]);
    expect(passing(plugin, podWith("web", near(term("db", host))), cluster)).toEqual(["x1"]);
    expect(verdicts(plugin, podWith("web", near(term("db", zone))), cluster).y1).toEqual({
      reasons: ["node(s) didn't match pod affinity rules"],
      preemptionHelps: false,
    });
  });

  test("one pod must match all terms", () => {
    const cluster = sampleCluster(nodes, [
      samplePod({ node: "x1", labels: { app: "db", tier: "a" } }),
      samplePod({ node: "y1", labels: { app: "db" } }),
    ]);
    const both = near(term("db", zone), { topologyKey: zone, labelSelector: { matchLabels: { tier: "a" } } });
    expect(passing(plugin, podWith("web", both), cluster)).toEqual(["x1", "x2"]);
  });

  test("the first of a group that wants to be together may go anywhere with the label, a later one not", () => {
    const pod = podWith("web", near(term("web", zone)));
    const cluster = sampleCluster(nodes);
    expect(passing(plugin, pod, cluster)).toEqual(
      ["x1", "y1", "x2"].sort(
        (a, b) => cluster.nodes.findIndex((n) => n.name === a) - cluster.nodes.findIndex((n) => n.name === b),
      ),
    );
    cluster.setPod(podWith("web", undefined, { node: "y1" }));
    expect(passing(plugin, pod, cluster)).toEqual(["y1"]);
  });

  test("a pod that wants company which is nowhere fits nowhere", () => {
    expect(passing(plugin, podWith("web", near(term("db", zone))), sampleCluster(nodes))).toEqual([]);
  });

  test("is about the pod's namespace unless it says otherwise", () => {
    const cluster = sampleCluster(nodes, [podWith("db", undefined, { node: "x1", namespace: "other" })], {
      other: { team: "x" },
    });
    expect(passing(plugin, podWith("web", near(term("db", host))), cluster)).toEqual([]);
    const named = near(term("db", host, { namespaces: ["other"] }));
    const selected = near(term("db", host, { namespaceSelector: { matchLabels: { team: "x" } } }));
    expect(passing(plugin, podWith("web", named), cluster)).toEqual(["x1"]);
    expect(passing(plugin, podWith("web", selected), cluster)).toEqual(["x1"]);
  });
});

describe("required pod anti-affinity", () => {
  test("keeps away from matching pods, and a node without the label is nowhere near them", () => {
    const cluster = sampleCluster(nodes, [podWith("db", undefined, { node: "x1" })]);
    expect(passing(plugin, podWith("web", away(term("db", zone))), cluster).toSorted()).toEqual(["none", "y1"]);
    expect(verdicts(plugin, podWith("web", away(term("db", zone))), cluster).x2).toEqual({
      reasons: ["node(s) didn't match pod anti-affinity rules"],
      preemptionHelps: true,
    });
  });

  test("of pods that are there keeps others away", () => {
    const cluster = sampleCluster(nodes, [podWith("db", away(term("web", zone)), { node: "x1" })]);
    expect(passing(plugin, podWith("web", undefined), cluster).toSorted()).toEqual(["none", "y1"]);
    expect(passing(plugin, podWith("other", undefined), cluster)).toHaveLength(4);
    expect(verdicts(plugin, podWith("web", undefined), cluster).x1?.reasons).toEqual([
      "node(s) didn't satisfy existing pods anti-affinity rules",
    ]);
  });

  test("ends with the pod that stated it", () => {
    const there = podWith("db", away(term("web", zone)), { node: "x1" });
    const cluster = sampleCluster(nodes, [there]);
    cluster.removePod(there.metadata.uid);
    expect(passing(plugin, podWith("web", undefined), cluster)).toHaveLength(4);
  });
});

describe("preferred terms", () => {
  test("draw to domains with matching pods and away from others", () => {
    const cluster = sampleCluster(nodes, [
      podWith("db", undefined, { node: "x1" }),
      podWith("db", undefined, { node: "x1" }),
    ]);
    expect(scores(plugin, podWith("web", wish("podAffinity", 10, term("db", zone))), cluster)).toEqual({
      x1: 100,
      x2: 100,
      y1: 0,
      none: 0,
    });
    expect(scores(plugin, podWith("web", wish("podAntiAffinity", 10, term("db", host))), cluster)).toEqual({
      x1: 0,
      x2: 100,
      y1: 100,
      none: 100,
    });
  });

  test("of pods that are there count too, and so does what they require", () => {
    const fond = podWith("db", wish("podAffinity", 3, term("web", host)), { node: "x2" });
    const bound = podWith("db", near(term("web", host)), { node: "y1" });
    const cluster = sampleCluster(nodes, [fond, bound]);
    expect(scores(plugin, podWith("web", undefined), cluster)).toEqual({ x1: 0, x2: 100, y1: 33, none: 0 });
    expect(scores(interPodAffinity({ hardPodAffinityWeight: 6 }), podWith("web", undefined), cluster)).toMatchObject({
      x2: 50,
      y1: 100,
    });
    expect(
      scores(interPodAffinity({ ignorePreferredTermsOfExistingPods: true }), podWith("web", undefined), cluster),
    ).toBeUndefined();
  });

  test("nobody has an opinion", () => {
    expect(
      scores(plugin, podWith("web", undefined), sampleCluster(nodes, [podWith("db", undefined, { node: "x1" })])),
    ).toBeUndefined();
  });
});

describe("whether a change may help a waiting pod", () => {
  const hint = (on: string, pod: Pod, other: Pod) => {
    const found = plugin.retryOn.find((each) => typeof each !== "string" && each.on === on);
    return typeof found === "object" ? found.helps?.(pod, { event: found.on, pod: other }) : undefined;
  };
  test("company that came, or a pod that was in the way and went", () => {
    expect(hint("AssignedPod/add", podWith("web", near(term("db", zone))), podWith("db", undefined))).toBe(true);
    expect(hint("AssignedPod/add", podWith("web", near(term("db", zone))), podWith("x", undefined))).toBe(false);
    expect(hint("AssignedPod/delete", podWith("web", away(term("db", zone))), podWith("db", undefined))).toBe(true);
    expect(hint("AssignedPod/delete", podWith("web", undefined), podWith("db", away(term("web", zone))))).toBe(true);
    expect(hint("AssignedPod/delete", podWith("web", undefined), podWith("db", undefined))).toBe(false);
  });
});

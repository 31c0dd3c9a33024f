import { describe, expect, test } from "vitest";
import type { Pod, TopologySpreadConstraint } from "../../api/generated/core-v1.ts";
import {
  decision,
  passing,
  type SamplePod,
  sampleCluster,
  sampleNode,
  samplePod,
  scores,
  verdicts,
} from "../testing/samples.ts";
import { livingPods, type PodLikeness } from "./pod-likeness.ts";
import { podTopologySpread } from "./pod-topology-spread.ts";

const zone = "topology.kubernetes.io/zone";
const host = "kubernetes.io/hostname";
const nobody: PodLikeness = () => undefined;
const webs: PodLikeness = (pod) =>
  pod.metadata.labels?.app === "web" ? livingPods("default", "web", (labels) => labels?.app === "web") : undefined;
const plugin = podTopologySpread(nobody);
const nodes = [sampleNode("x1", { zone: "x" }), sampleNode("x2", { zone: "x" }), sampleNode("y1", { zone: "y" })];
const constraint = (more: Partial<TopologySpreadConstraint> = {}): TopologySpreadConstraint => ({
  topologyKey: zone,
  maxSkew: 1,
  whenUnsatisfiable: "DoNotSchedule",
  labelSelector: { matchLabels: { app: "web" } },
  ...more,
});
const spreading = (constraints: readonly TopologySpreadConstraint[], more: SamplePod = {}): Pod =>
  samplePod({ labels: { app: "web" }, ...more, spec: { topologySpreadConstraints: constraints, ...more.spec } });
const web = (node: string, more: SamplePod = {}) => samplePod({ labels: { app: "web" }, node, ...more });

describe("a constraint that must hold", () => {
  test("keeps the numbers of domains within the skew", () => {
    const cluster = sampleCluster(nodes, [web("x1")]);
    expect(passing(plugin, spreading([constraint()]), cluster)).toEqual(["y1"]);
    expect(passing(plugin, spreading([constraint({ maxSkew: 2 })]), cluster)).toHaveLength(3);
    expect(verdicts(plugin, spreading([constraint()]), cluster).x2?.reasons).toEqual([
      "node(s) didn't match pod topology spread constraints",
    ]);
  });

  test("refuses nodes without the label, and no eviction changes that", () => {
    const cluster = sampleCluster([...nodes, sampleNode("none")]);
    expect(verdicts(plugin, spreading([constraint()]), cluster).none).toEqual({
      reasons: ["node(s) didn't match pod topology spread constraints (missing required label)"],
      preemptionHelps: false,
    });
  });

  test("a pod that does not match its own selector does not count itself", () => {
    const cluster = sampleCluster(nodes, [web("x1")]);
    expect(passing(plugin, spreading([constraint()], { labels: { app: "db" } }), cluster)).toHaveLength(3);
  });

  test("counts neither pods of other namespaces nor those that are going", () => {
    const cluster = sampleCluster(nodes, [
      web("x1", { namespace: "other" }),
      web("x1", { meta: { deletionTimestamp: "2026-01-01T00:00:00Z" } }),
    ]);
    expect(passing(plugin, spreading([constraint()]), cluster)).toHaveLength(3);
  });

  test("all constraints must hold", () => {
    const cluster = sampleCluster(nodes, [web("y1"), web("x1")]);
    expect(passing(plugin, spreading([constraint(), constraint({ topologyKey: host })]), cluster)).toEqual(["x2"]);
  });

  test("domains that the pod cannot reach do not hold it back, unless it says that they count", () => {
    const cluster = sampleCluster(nodes, [web("x1")]);
    const bound = (more: object) => spreading([constraint(more)], { spec: { nodeSelector: { [zone]: "x" } } });
    expect(passing(plugin, bound({}), cluster)).toContain("x2");
    expect(passing(plugin, bound({ nodeAffinityPolicy: "Ignore" }), cluster)).not.toContain("x2");
  });

  test("tainted nodes count, unless it says that taints are honoured", () => {
    const tainted = sampleNode("y1", { zone: "y", spec: { taints: [{ key: "a", effect: "NoSchedule" }] } });
    const cluster = sampleCluster([nodes[0]!, nodes[1]!, tainted], [web("x1")]);
    expect(passing(plugin, spreading([constraint()]), cluster)).toEqual(["y1"]);
    expect(passing(plugin, spreading([constraint({ nodeTaintsPolicy: "Honor" })]), cluster)).toContain("x2");
  });

  test("with too few domains the least is taken for none", () => {
    const cluster = sampleCluster(nodes, [web("x1"), web("y1")]);
    expect(passing(plugin, spreading([constraint({ minDomains: 2 })]), cluster)).toHaveLength(3);
    expect(passing(plugin, spreading([constraint({ minDomains: 3 })]), cluster)).toEqual([]);
  });

  test("matchLabelKeys spread each revision for itself", () => {
    const cluster = sampleCluster(nodes, [web("x1", { labels: { app: "web", rev: "1" } })]);
    const pod = (rev: string) => spreading([constraint({ matchLabelKeys: ["rev"] })], { labels: { app: "web", rev } });
    expect(passing(plugin, pod("1"), cluster)).toEqual(["y1"]);
    expect(passing(plugin, pod("2"), cluster)).toHaveLength(3);
  });
});

describe("spreading as a wish", () => {
  const soft = (more: Partial<TopologySpreadConstraint> = {}) =>
    constraint({ whenUnsatisfiable: "ScheduleAnyway", ...more });

  test("prefers domains with fewer pods", () => {
    const cluster = sampleCluster(nodes, [web("x1"), web("x1"), web("y1")]);
    const { x1, x2, y1 } = scores(plugin, spreading([soft()]), cluster)!;
    expect(x1).toBe(x2);
    expect(y1).toBeGreaterThan(x1!);
  });

  test("gives nothing to nodes that lack the label", () => {
    const cluster = sampleCluster([...nodes, sampleNode("none")]);
    expect(scores(plugin, spreading([soft()]), cluster)).toEqual({ x1: 100, x2: 100, y1: 100, none: 0 });
  });

  test("refuses nobody", () => {
    const cluster = sampleCluster([...nodes, sampleNode("none")], [web("x1"), web("x1")]);
    expect(passing(plugin, spreading([soft()]), cluster)).toHaveLength(4);
  });

  test("by default pods of one set spread over hosts and zones", () => {
    const byDefault = podTopologySpread(webs);
    const cluster = sampleCluster([...nodes, sampleNode("y2", { zone: "y" })]);
    const placed: string[] = [];
    for (let count = 0; count < 8; count++) {
      const pod = samplePod({ labels: { app: "web" } });
      const result = decision(pod, cluster, [byDefault]);
      if (!result.placed) throw new Error("not placed");
      placed.push(result.node);
      cluster.assume(pod, result.node);
    }
    expect(placed.toSorted()).toEqual(["x1", "x1", "x2", "x2", "y1", "y1", "y2", "y2"]);
  });

  test("by default nodes without zones spread over hosts", () => {
    const cluster = sampleCluster([sampleNode("a"), sampleNode("b")], [web("a")]);
    const { a, b } = scores(podTopologySpread(webs), samplePod({ labels: { app: "web" } }), cluster)!;
    expect(b).toBeGreaterThan(a!);
  });

  test("a pod of no set is not spread, and a list of defaults stands in for the system's", () => {
    expect(scores(podTopologySpread(webs), samplePod({ labels: { app: "db" } }), sampleCluster(nodes))).toBeUndefined();
    const hard = podTopologySpread(webs, {
      defaultingType: "List",
      defaultConstraints: [{ topologyKey: zone, maxSkew: 1, whenUnsatisfiable: "DoNotSchedule" }],
    });
    expect(passing(hard, samplePod({ labels: { app: "web" } }), sampleCluster(nodes, [web("x1")]))).toEqual(["y1"]);
  });
});

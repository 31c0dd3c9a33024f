import { describe, expect, test } from "vitest";
import type { Pod } from "../../api/generated/core-v1.ts";
import type { Labels } from "../../machinery/labels.ts";
import { livingPods } from "../plugins/pod-likeness.ts";
import { sampleCluster, sampleNode, samplePod } from "../testing/samples.ts";
import { affinityTerm, allOf } from "./affinity-terms.ts";

const zone = "topology.kubernetes.io/zone";
const term = (labels: Readonly<Record<string, string>>, more: object = {}) =>
  ({ topologyKey: zone, labelSelector: { matchLabels: labels }, ...more }) as never;

describe("the index of placed pods", () => {
  test("counts pods by node and by domain, and follows when nodes move to another domain", () => {
    const pods = [1, 2, 3].map((each) => samplePod({ node: each === 3 ? "b" : "a", labels: { app: "web" } }));
    const cluster = sampleCluster(
      [sampleNode("a", { zone: "x" }), sampleNode("b", { zone: "y" }), sampleNode("c")],
      pods,
    );
    const counts = cluster.index.count(livingPods("default", "w", (labels) => labels?.app === "web"));
    const zones = cluster.index.topology(zone);
    const inZone = (value: string) =>
      counts.in(zones).reduce((sum, count, domain) => (zones.valueOf(domain) === value ? sum + count : sum), 0);
    expect([inZone("x"), inZone("y")]).toEqual([2, 1]);
    cluster.setPod(samplePod({ node: "b", labels: { app: "web" } }));
    expect([inZone("x"), inZone("y")]).toEqual([2, 2]);
    cluster.setNode(sampleNode("a", { zone: "y" }));
    expect([inZone("x"), inZone("y")]).toEqual([0, 4]);
    cluster.setNode(sampleNode("a"));
    expect([inZone("x"), inZone("y")]).toEqual([0, 2]);
  });

  test("keeps more nodes apart than its arrays had room for at first", () => {
    const nodes = Array.from({ length: 200 }, (_, index) => sampleNode(`n${index}`));
    const cluster = sampleCluster(nodes.slice(0, 2));
    const counts = cluster.index.count(livingPods("default", "all", () => true));
    const hosts = cluster.index.topology("kubernetes.io/hostname");
    for (const node of nodes) cluster.setNode(node);
    cluster.setPod(samplePod({ node: "n199" }));
    const { slot } = cluster.node("n199")!;
    expect([counts.at(slot), counts.in(hosts)[hosts.domainOf[slot]!], counts.total]).toEqual([1, 1, 1]);
  });

  test("only looks at pods of the namespaces that a question is about", () => {
    const cluster = sampleCluster(
      [sampleNode("a")],
      [samplePod({ node: "a" }), samplePod({ node: "a", namespace: "b" })],
    );
    expect(cluster.index.count(livingPods("b", "all", () => true)).total).toBe(1);
  });

  test("groups equal terms of many pods, and forgets a group with its last pod", () => {
    const away = {
      affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term({ app: "web" })] } },
    };
    const pods = [1, 2].map(() => samplePod({ node: "a", spec: away }));
    const cluster = sampleCluster([sampleNode("a")], pods);
    const groups = () => [...cluster.index.terms].map(({ kind, counts }) => `${kind} ${counts.total}`);
    expect(groups()).toEqual(["requiredAntiAffinity 2"]);
    cluster.removePod(pods[0]!.metadata.uid);
    expect(groups()).toEqual(["requiredAntiAffinity 1"]);
    cluster.removePod(pods[1]!.metadata.uid);
    expect([groups(), cluster.index.hasTerms]).toEqual([[], false]);
  });

  test("an answer that depends on namespaces' labels is found anew when they change", () => {
    const labels: Record<string, Readonly<Record<string, string>>> = { other: {} };
    const cluster = sampleCluster(
      [sampleNode("a")],
      [samplePod({ node: "a", namespace: "other", labels: { app: "web" } })],
      labels,
    );
    const question = () =>
      affinityTerm(
        term({ app: "web" }, { namespaceSelector: { matchLabels: { team: "x" } } }),
        samplePod(),
        cluster.index.namespaceLabels,
      );
    expect(cluster.index.count(question()).total).toBe(0);
    labels.other = { team: "x" };
    cluster.index.namespacesChanged();
    expect(cluster.index.count(question()).total).toBe(1);
  });
});

describe("an affinity term", () => {
  const owner = samplePod({ labels: { app: "web", version: "2" } });
  const others = (namespace: string, labels: Readonly<Record<string, string>>): Pod => samplePod({ namespace, labels });
  const spaces = (name: string): Labels => (name === "blue" ? { color: "blue" } : {});
  test.each([
    { name: "is about its owner's namespace", of: term({ app: "web" }), yes: ["default"] },
    {
      name: "or about those it names",
      of: term({ app: "web" }, { namespaces: ["blue", "red"] }),
      yes: ["blue", "red"],
    },
    {
      name: "or about those with labels",
      of: term({ app: "web" }, { namespaceSelector: { matchLabels: { color: "blue" } } }),
      yes: ["blue"],
    },
    {
      name: "or about all, by an empty selector",
      of: term({ app: "web" }, { namespaceSelector: {} }),
      yes: ["default", "blue", "red"],
    },
    {
      name: "or about both those named and those with labels",
      of: term({ app: "web" }, { namespaces: ["red"], namespaceSelector: { matchLabels: { color: "blue" } } }),
      yes: ["blue", "red"],
    },
    { name: "matches no pod without a selector", of: { topologyKey: zone } as never, yes: [] },
  ])("$name", ({ of, yes }) => {
    const compiled = affinityTerm(of, owner, spaces);
    expect(["default", "blue", "red"].filter((name) => compiled.matches(others(name, { app: "web" })))).toEqual(yes);
  });

  test("is narrowed by the labels that its owner has under given keys", () => {
    const same = affinityTerm(term({ app: "web" }, { matchLabelKeys: ["version", "none"] }), owner, spaces);
    const different = affinityTerm(term({ app: "web" }, { mismatchLabelKeys: ["version"] }), owner, spaces);
    const pod = (version: string) => others("default", { app: "web", version });
    expect([same.matches(pod("2")), same.matches(pod("1"))]).toEqual([true, false]);
    expect([different.matches(pod("2")), different.matches(pod("1"))]).toEqual([false, true]);
    expect(same.key).not.toBe(different.key);
  });

  test("several together are true of pods of which each is", () => {
    const all = allOf([term({ app: "web" }), term({ tier: "x" })].map((each) => affinityTerm(each, owner, spaces)));
    expect(all.matches(others("default", { app: "web", tier: "x" }))).toBe(true);
    expect(all.matches(others("default", { app: "web" }))).toBe(false);
  });
});

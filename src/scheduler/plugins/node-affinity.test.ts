import { describe, expect, test } from "vitest";
import { termMatches } from "../../api/core/node-selection.ts";
import type { NodeSelectorTerm } from "../../api/generated/core-v1.ts";
import { decision, passing, sampleCluster, sampleNode, samplePod, scores, verdicts } from "../testing/samples.ts";
import { nodeAffinity } from "./node-affinity.ts";

const cluster = sampleCluster([
  sampleNode("n1", { labels: { size: "4", disk: "ssd" } }),
  sampleNode("n2", { labels: { size: "8" } }),
  sampleNode("n3", { labels: { size: "big" } }),
]);
const requiring = (...nodeSelectorTerms: object[]) =>
  samplePod({
    spec: {
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } as never,
    },
  });
const expression = (key: string, operator: string, ...values: string[]) => ({
  matchExpressions: [{ key, operator, values }],
});
const field = (...values: string[]) => ({ matchFields: [{ key: "metadata.name", operator: "In", values }] });
const plugin = nodeAffinity();

describe("NodeAffinity", () => {
  test.each([
    { name: "In", term: expression("disk", "In", "hdd", "ssd"), on: ["n1"] },
    { name: "NotIn, also without the label", term: expression("disk", "NotIn", "ssd"), on: ["n2", "n3"] },
    { name: "Exists", term: expression("disk", "Exists"), on: ["n1"] },
    { name: "DoesNotExist", term: expression("disk", "DoesNotExist"), on: ["n2", "n3"] },
    { name: "Gt compares whole numbers", term: expression("size", "Gt", "5"), on: ["n2"] },
    { name: "Lt does not hold for what is no number", term: expression("size", "Lt", "100"), on: ["n1", "n2"] },
    { name: "a node's name", term: field("n2", "n3"), on: ["n2", "n3"] },
    {
      name: "all requirements of a term",
      term: { ...expression("size", "Gt", "1"), ...field("n1", "n3") },
      on: ["n1"],
    },
    { name: "a term without requirements selects nothing", term: {}, on: [] },
  ])("$name", ({ term, on }) => {
    const pod = requiring(term);
    const fit = cluster.nodes.filter((node) => termMatches(term as NodeSelectorTerm, node)).map(({ name }) => name);
    expect(fit).toEqual(on);
    const found = on.length > 0 ? decision(pod, cluster, [plugin]) : undefined;
    if (found?.placed) expect(on).toContain(found.node);
  });

  test("any of several terms is enough", () => {
    expect(passing(plugin, requiring(expression("disk", "Exists"), expression("size", "Gt", "5")), cluster)).toEqual([
      "n1",
      "n2",
    ]);
  });

  test("a node selector and affinity must both hold", () => {
    const pod = samplePod({ spec: { nodeSelector: { disk: "ssd" } } });
    expect(passing(plugin, pod, cluster)).toEqual(["n1"]);
    const both = requiring(expression("size", "Gt", "5"));
    expect(passing(plugin, { ...both, spec: { ...both.spec, nodeSelector: { disk: "ssd" } } }, cluster)).toEqual([]);
    expect(verdicts(plugin, pod, cluster).n2).toEqual({
      reasons: ["node(s) didn't match Pod's node affinity/selector"],
      preemptionHelps: false,
    });
  });

  test("a pod that names nodes in every term is held against these alone", () => {
    const nodesOf = (...terms: object[]) => {
      const prepared = plugin.prepareFilter!(requiring(...terms), cluster);
      return prepared.kind === "ready" ? prepared.nodes && [...prepared.nodes] : prepared.kind;
    };
    expect(nodesOf(field("n1"), field("n2"))).toEqual(["n1", "n2"]);
    expect(nodesOf(field("n1"), expression("disk", "Exists"))).toBeUndefined();
    expect(nodesOf({ matchFields: [...field("n1").matchFields, ...field("n2").matchFields] })).toBe("rejected");
  });

  test("prefers nodes by the weights of the terms they match", () => {
    const preferring = (...terms: [number, object][]) =>
      samplePod({
        spec: {
          affinity: {
            nodeAffinity: {
              preferredDuringSchedulingIgnoredDuringExecution: terms.map(([weight, preference]) => ({
                weight,
                preference,
              })),
            },
          } as never,
        },
      });
    const pod = preferring([10, expression("size", "Gt", "1")], [30, expression("disk", "Exists")]);
    expect(scores(plugin, pod, cluster)).toEqual({ n1: 100, n2: 25, n3: 0 });
    expect(scores(plugin, samplePod(), cluster)).toBeUndefined();
  });

  test("a profile's added affinity holds for every pod", () => {
    const added = nodeAffinity({
      addedAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [expression("disk", "Exists")] },
      } as never,
    });
    expect(verdicts(added, samplePod(), cluster).n2?.reasons).toEqual([
      "node(s) didn't match scheduler-enforced node affinity",
    ]);
    expect(passing(added, samplePod(), cluster)).toEqual(["n1"]);
  });
});

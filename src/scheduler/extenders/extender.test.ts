import { describe, expect, test } from "vitest";
import { Fault } from "../../lib/fault.ts";
import { explain } from "../framework/explain.ts";
import { definePlugin } from "../framework/plugin.ts";
import { profileOf } from "../framework/profile.ts";
import { sampleCluster, sampleNode, samplePod } from "../testing/samples.ts";
import { decideWithExtenders } from "./decide-with-extenders.ts";
import { Extender } from "./extender.ts";
import type { ExtenderConfiguration } from "./extender-configuration.ts";

type Answers = Readonly<Record<string, unknown>>;
const extender = (answers: Answers, more: Partial<ExtenderConfiguration> = {}) => {
  const calls: { readonly url: string; readonly body: unknown; readonly timeoutMs: number }[] = [];
  const configuration = {
    urlPrefix: "http://x/api/",
    filterVerb: "filter",
    prioritizeVerb: "points",
    bindVerb: "bind",
    nodeCacheCapable: true,
    ...more,
  };
  const made = new Extender(configuration, async (url, body, { timeoutMs }) => {
    calls.push({ url, body, timeoutMs });
    const answer = answers[url.slice(url.lastIndexOf("/") + 1)];
    if (answer instanceof Error) throw answer;
    return answer;
  });
  return { made, calls };
};
const nodes = ["a", "b", "c"].map((name) => sampleNode(name));
const points = definePlugin({ name: "S", retryOn: [], score: (_pod, { name }) => (name === "a" ? 40 : 0) });
const decide = async (...extenders: Extender[]) => {
  const warnings: string[] = [];
  const options = { random: () => 0.99, start: 0, warn: (text: string) => warnings.push(text) };
  const profile = profileOf("p", [{ plugin: points, weight: 1 }]);
  const { decision } = await decideWithExtenders(samplePod(), profile, sampleCluster(nodes), extenders, options);
  return { decision, warnings };
};
const all = { nodenames: ["a", "b", "c"] };

describe("an extender", () => {
  test("takes nodes away and gives points, up to ten, on the plugins' scale", async () => {
    const { made } = extender({ filter: { nodenames: ["a", "b"] }, points: [{ host: "b", score: 5 }] });
    const { decision } = await decide(made);
    expect(decision).toMatchObject({ node: "b", feasible: 2, scores: { totals: [40, 50] } });
  });

  test("says why it refuses nodes, and whether evictions would help", async () => {
    const { made } = extender({
      filter: {
        nodenames: [],
        failedNodes: { a: "no luck", b: "no luck" },
        failedAndUnresolvableNodes: { c: "never" },
      },
    });
    const { decision } = await decide(made);
    expect(decision).toMatchObject({ placed: false });
    if (!decision.placed) expect(explain(decision)).toBe("0/3 nodes are available: 1 never, 2 no luck.");
    const helps = decision.refusals.map(({ rejection, nodes: refused }) => [refused, rejection.preemptionHelps]);
    expect(helps).toEqual([
      [["c"], false],
      [["a"], true],
      [["b"], true],
    ]);
  });

  test("that knows the nodes gets names, another one the nodes themselves", async () => {
    const knowing = extender({ filter: all, points: [] });
    const other = extender({ filter: { nodes: { items: nodes } }, points: [] }, { nodeCacheCapable: false });
    await decide(knowing.made, other.made);
    expect(knowing.calls[0]).toMatchObject({
      url: "http://x/api/filter",
      body: { nodenames: ["a", "b", "c"], nodes: null },
      timeoutMs: 5000,
    });
    expect(other.calls[0]?.body).toMatchObject({ nodenames: null, nodes: { items: nodes } });
  });

  test("that does not answer stops the pod, unless it is ignorable", async () => {
    const gone = { filter: new Fault("unavailable", "gone") };
    await expect(decide(extender(gone).made)).rejects.toThrow("gone");
    const { decision, warnings } = await decide(extender({ ...gone, points: [] }, { ignorable: true }).made);
    expect(decision.placed).toBe(true);
    expect(warnings).toEqual(["extender http://x/api/ is left out: gone"]);
    await expect(decide(extender({ filter: { error: "broken" } }).made)).rejects.toThrow("broken");
  });

  test("that gives no points is gone without", async () => {
    const { decision, warnings } = await decide(extender({ filter: all, points: new Fault("timeout", "late") }).made);
    expect(decision).toMatchObject({ node: "a" });
    expect(warnings).toHaveLength(1);
  });

  test("binds where it is asked to", async () => {
    const { made, calls } = extender({ bind: {} }, { httpTimeout: "2s" });
    const pod = samplePod({ name: "p" });
    await made.bind(pod, "a");
    expect(calls[0]).toEqual({
      url: "http://x/api/bind",
      body: { podName: "p", podNamespace: "default", podUID: pod.metadata.uid, node: "a" },
      timeoutMs: 2000,
    });
    await expect(extender({ bind: { error: "taken" } }).made.bind(pod, "a")).rejects.toThrow("taken");
  });

  test("with resources of its own is asked only about pods that want them", () => {
    const { made } = extender({}, { managedResources: [{ name: "a.io/gpu" }] });
    const asking = (resources: object) => samplePod({ spec: { containers: [{ name: "c", resources }] as never } });
    expect(made.concerns(samplePod())).toBe(false);
    expect(made.concerns(asking({ limits: { "a.io/gpu": "1" } }))).toBe(true);
    expect(extender({}).made.concerns(samplePod())).toBe(true);
  });
});

import { expect, test } from "vitest";
import { sampleCluster, sampleNode, samplePod, scores } from "../testing/samples.ts";
import { livingPods } from "./pod-likeness.ts";
import { selectorSpread } from "./selector-spread.ts";

const plugin = selectorSpread((pod) =>
  pod.metadata.labels?.app === "web" ? livingPods("default", "web", (labels) => labels?.app === "web") : undefined,
);
const web = (node?: string) => samplePod({ labels: { app: "web" }, ...(node ? { node } : {}) });

test("nodes with fewer pods of the set score higher, zones counting twice as much", () => {
  const nodes = [sampleNode("x1", { zone: "x" }), sampleNode("x2", { zone: "x" }), sampleNode("y1", { zone: "y" })];
  const cluster = sampleCluster(nodes, [web("x1"), web("x1"), web("y1")]);
  expect(scores(plugin, web(), cluster)).toEqual({ x1: 0, x2: 33, y1: 50 });
});

test("without zones nodes alone decide, and a pod of no set is not spread", () => {
  const cluster = sampleCluster([sampleNode("a"), sampleNode("b")], [web("a")]);
  expect(scores(plugin, web(), cluster)).toEqual({ a: 0, b: 100 });
  expect(scores(plugin, samplePod(), cluster)).toBeUndefined();
});

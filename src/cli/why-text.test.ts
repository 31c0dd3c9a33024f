import { expect, test } from "vitest";
import type { NodeVerdict, PodExplanation } from "../cluster/explain-pod.ts";
import { explanationText } from "./why-text.ts";

const one: NodeVerdict = {
  node: "one",
  fits: true,
  objections: [],
  score: { total: 150, byPlugin: { NodeResourcesFit: 50, NodeAffinity: 100 } },
};
const two: NodeVerdict = {
  node: "two",
  fits: false,
  objections: [
    { plugin: "NodeResourcesFit", reasons: ["Insufficient cpu"], mends: ["needs 500m more cpu"] },
    { plugin: "TaintToleration", reasons: ["taint"], mends: ["taint a=b:NoSchedule is not tolerated"] },
  ],
};
const base: PodExplanation = {
  pod: { namespace: "default", name: "web", uid: "u" },
  scheduler: "default-scheduler",
  message: "0/1 nodes are available: 1 Insufficient cpu.",
  nodes: [two],
  history: [],
};

test("a bound pod is shown with the scores of all nodes that fit and what the others lack", () => {
  const history = [{ ...base, time: 0, feasible: 1, scores: [], refusals: [], message: "Successfully assigned" }];
  expect(explanationText({ ...base, node: "one", choice: "one", nodes: [one, two], history })).toBe(
    `Pod default/web is bound to one; 1 of 2 nodes would do.

NODE THAT FITS   SCORE   NodeResourcesFit   NodeAffinity
one              150     50                 100

NODE THAT DOES NOT   REFUSED BY         WHAT WOULD HAVE TO CHANGE
two                  NodeResourcesFit   needs 500m more cpu
                     TaintToleration    taint a=b:NoSchedule is not tolerated

DECIDED AT                 DECISION
1970-01-01T00:00:00.000Z   Successfully assigned`,
  );
});

test("a pod that fits nowhere, or is held back, says so first, and who would go to make room", () => {
  const text = explanationText({ ...base, victims: ["default/low"] });
  expect(text).toContain("Pod default/web fits on none of 1 nodes.\ndefault-scheduler: 0/1 nodes are available");
  expect(text).toContain("To make room, these pods would go: default/low.");
  const held = { plugin: "SchedulingGates", reasons: ["gate"], mends: ["gate"] };
  expect(explanationText({ ...base, held })).toContain("Pod default/web is held back by SchedulingGates.");
});

test("of many nodes the first are shown, and how many more there are", () => {
  const nodes = Array.from({ length: 25 }, (_, index) => ({ ...two, node: `n${index}` }));
  expect(explanationText({ ...base, nodes })).toContain("... and 5 more; -o json has them all");
});

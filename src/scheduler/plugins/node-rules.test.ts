import { describe, expect, test } from "vitest";
import { tolerates } from "../../api/core/tolerations.ts";
import type { Taint, Toleration } from "../../api/generated/core-v1.ts";
import { passing, sampleCluster, sampleNode, samplePod, scores, verdicts } from "../testing/samples.ts";
import { nodeName, nodePorts, nodeUnschedulable, schedulingGates, taintToleration } from "./node-rules.ts";

const taint = (key: string, value = "", effect = "NoSchedule") => ({ key, value, effect }) as Taint;

describe("a toleration", () => {
  const of: readonly { name: string; toleration: Partial<Toleration>; taint: Taint; yes: boolean }[] = [
    {
      name: "of the same key, value and effect",
      toleration: { key: "a", value: "x", effect: "NoSchedule" },
      taint: taint("a", "x"),
      yes: true,
    },
    { name: "of another value does not", toleration: { key: "a", value: "y" }, taint: taint("a", "x"), yes: false },
    { name: "of another key does not", toleration: { key: "b", value: "x" }, taint: taint("a", "x"), yes: false },
    {
      name: "of another effect does not",
      toleration: { key: "a", value: "x", effect: "NoExecute" },
      taint: taint("a", "x"),
      yes: false,
    },
    {
      name: "without an effect covers all",
      toleration: { key: "a", value: "x" },
      taint: taint("a", "x", "NoExecute"),
      yes: true,
    },
    {
      name: "that exists covers every value",
      toleration: { key: "a", operator: "Exists" },
      taint: taint("a", "x"),
      yes: true,
    },
    {
      name: "without a key that exists covers everything",
      toleration: { operator: "Exists" },
      taint: taint("a", "x"),
      yes: true,
    },
    {
      name: "without a key but with a value covers nothing",
      toleration: { value: "x" },
      taint: taint("a", "x"),
      yes: false,
    },
    {
      name: "without a value covers a taint without one",
      toleration: { key: "a" },
      taint: { key: "a", effect: "NoSchedule" },
      yes: true,
    },
  ];
  test.each(of)("$name", ({ toleration, taint: given, yes }) => {
    expect(tolerates(toleration as Toleration, given)).toBe(yes);
  });
});

describe("TaintToleration", () => {
  const cluster = sampleCluster([
    sampleNode("free"),
    sampleNode("no", { spec: { taints: [taint("a", "x")] } }),
    sampleNode("out", { spec: { taints: [taint("b", "", "NoExecute")] } }),
    sampleNode("rather-not", { spec: { taints: [taint("c", "", "PreferNoSchedule")] } }),
  ]);

  test("keeps pods off nodes with taints they do not tolerate, and says so without naming them", () => {
    expect(passing(taintToleration, samplePod(), cluster)).toEqual(["free", "rather-not"]);
    expect(verdicts(taintToleration, samplePod(), cluster).no).toEqual({
      reasons: ["node(s) had untolerated taint(s)"],
      preemptionHelps: false,
      detail: taint("a", "x"),
    });
    const tolerant = samplePod({ spec: { tolerations: [{ key: "b", operator: "Exists" }] } });
    expect(passing(taintToleration, tolerant, cluster)).toEqual(["free", "out", "rather-not"]);
  });

  test("prefers nodes that do not mind", () => {
    expect(scores(taintToleration, samplePod(), cluster)).toMatchObject({ free: 100, "rather-not": 0 });
  });
});

test("cordoned nodes take only pods that tolerate it", () => {
  const cluster = sampleCluster([sampleNode("a", { spec: { unschedulable: true } }), sampleNode("b")]);
  expect(verdicts(nodeUnschedulable, samplePod(), cluster).a?.reasons).toEqual(["node(s) were unschedulable"]);
  const daemon = samplePod({
    spec: { tolerations: [{ key: "node.kubernetes.io/unschedulable", operator: "Exists" }] },
  });
  expect(passing(nodeUnschedulable, daemon, cluster)).toEqual(["a", "b"]);
});

test("a pod that names its node goes there or nowhere", () => {
  const cluster = sampleCluster([sampleNode("a"), sampleNode("b")]);
  expect(passing(nodeName, samplePod({ node: "b" }), cluster)).toEqual(["b"]);
  expect(passing(nodeName, samplePod(), cluster)).toEqual(["a", "b"]);
});

test("no two pods of a node have the same host port", () => {
  const withPort = (hostPort: number, more: object = {}) =>
    ({ containers: [{ name: "c", ports: [{ containerPort: 80, hostPort, ...more }] }] }) as never;
  const taken = [samplePod({ node: "a", spec: withPort(80, { hostIP: "10.0.0.1" }) })];
  const cluster = sampleCluster([sampleNode("a"), sampleNode("b")], taken);
  expect(verdicts(nodePorts, samplePod({ spec: withPort(80) }), cluster).a?.reasons).toEqual([
    "node(s) didn't have free ports for the requested pod ports",
  ]);
  expect(passing(nodePorts, samplePod({ spec: withPort(80, { hostIP: "10.0.0.2" }) }), cluster)).toEqual(["a", "b"]);
  expect(passing(nodePorts, samplePod({ spec: withPort(80, { protocol: "UDP" }) }), cluster)).toEqual(["a", "b"]);
  expect(passing(nodePorts, samplePod(), cluster)).toEqual(["a", "b"]);
});

test("a pod with scheduling gates waits, and is told for which", () => {
  const pod = samplePod({ spec: { schedulingGates: [{ name: "x" }, { name: "y" }] } });
  expect(schedulingGates.preEnqueue?.(pod)?.reasons).toEqual(["waiting for scheduling gates: [x y]"]);
  expect(schedulingGates.preEnqueue?.(samplePod())).toBeUndefined();
});

import { expect, test } from "vitest";
import type { Pod } from "../api/generated/core-v1.ts";
import type { ClusterState } from "./framework/cluster-state.ts";
import { profileOf } from "./framework/profile.ts";
import { interPodAffinity } from "./plugins/inter-pod-affinity.ts";
import { nodeAffinity } from "./plugins/node-affinity.ts";
import { nodeResourcesFit } from "./plugins/node-resources.ts";
import { nodeName, nodePorts, nodeUnschedulable, taintToleration } from "./plugins/node-rules.ts";
import { sampleCluster, sampleNode, samplePod } from "./testing/samples.ts";
import { type ExplainOptions, explainPod } from "./why.ts";

const plugins = [
  ...[nodeUnschedulable, nodeName, taintToleration, nodeAffinity(), nodePorts],
  ...[nodeResourcesFit(), interPodAffinity()],
];
const profile = profileOf(
  "default-scheduler",
  plugins.map((plugin) => ({ plugin, weight: 1 })),
);

function why(pod: Pod, cluster: ClusterState, gate?: ExplainOptions["gate"]) {
  return explainPod(pod, profile, cluster, { random: () => 0, now: 0, history: [], gate });
}

/** What would have to change on each node. */
function mends(pod: Pod, cluster: ClusterState) {
  return why(pod, cluster).nodes.map(({ node, objections }) => [node, ...objections.flatMap((each) => each.mends)]);
}

test("a pod that fits nowhere is told what each node lacks, the nearest one first", () => {
  const taints = [{ key: "dedicated", value: "db", effect: "NoSchedule" as const }];
  const cluster = sampleCluster([
    sampleNode("big", { cpu: "8", spec: { taints, unschedulable: true } }),
    sampleNode("small", { cpu: "1500m", memory: "1Gi" }),
    sampleNode("tiny", { cpu: "500m", memory: "256Mi" }),
  ]);
  expect(mends(samplePod({ cpu: "2", memory: "512Mi" }), cluster)).toEqual([
    ["small", "needs 500m more cpu (1500m of 1500m are free, 2 are asked for; more than the whole node has)"],
    ["big", "the node is cordoned: kubectl uncordon big", "taint dedicated=db:NoSchedule is not tolerated"],
    [
      "tiny",
      "needs 1500m more cpu (500m of 500m are free, 2 are asked for; more than the whole node has)",
      "needs 256Mi more memory (256Mi of 256Mi are free, 512Mi are asked for; more than the whole node has)",
    ],
  ]);
});

test("labels are named with what they are and ought to be; of several terms the nearest", () => {
  const cluster = sampleCluster([sampleNode("one", { labels: { zone: "c", disk: "hdd" } }), sampleNode("two")]);
  const nodeSelectorTerms = [
    {
      matchExpressions: [
        { key: "zone", operator: "In" as const, values: ["a", "b"] },
        { key: "gpu", operator: "Exists" as const },
      ],
    },
    { matchExpressions: [{ key: "zone", operator: "In" as const, values: ["a", "b"] }] },
  ];
  const nodeAffinityOfPod = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } };
  const pod = samplePod({ spec: { nodeSelector: { disk: "ssd" }, affinity: { nodeAffinity: nodeAffinityOfPod } } });
  expect(mends(pod, cluster)).toEqual([
    ["one", "label disk must be one of (ssd), it is hdd", "label zone must be one of (a, b), it is c"],
    ["two", "label disk in (ssd) is missing", "label zone in (a, b) is missing"],
  ]);
});

test("taken ports and missing company are named", () => {
  const labels = { app: "db" };
  const ports = [{ containerPort: 80, hostPort: 80 }];
  const spec = { containers: [{ name: "c", image: "i", ports }] };
  const cluster = sampleCluster([sampleNode("one")], [samplePod({ name: "web", node: "one", spec })]);
  expect(mends(samplePod({ spec }), cluster)).toEqual([["one", "host port 80/TCP is taken by pod default/web"]]);
  const term = { labelSelector: { matchLabels: labels }, topologyKey: "kubernetes.io/hostname" };
  const podAffinity = { requiredDuringSchedulingIgnoredDuringExecution: [term] };
  expect(mends(samplePod({ spec: { affinity: { podAffinity } } }), cluster)).toEqual([
    ["one", "there must be pods with app=db in kubernetes.io/hostname=one"],
  ]);
});

test("a bound pod is asked about as if it were not there, and every node that fits has its scores", () => {
  const pod = samplePod({ name: "p", node: "one", cpu: "3" });
  const cluster = sampleCluster([sampleNode("one"), sampleNode("two", { cpu: "16" })], [pod]);
  expect(why(pod, cluster)).toMatchObject({
    node: "one",
    choice: "two",
    nodes: [
      { node: "two", fits: true, score: { byPlugin: { NodeResourcesFit: 89 } } },
      { node: "one", fits: true, score: { byPlugin: { NodeResourcesFit: 61 } } },
    ],
  });
});

test("a pod that is held back is told by what, and no choice is shown", () => {
  const cluster = sampleCluster([sampleNode("one")]);
  const rejection = { reasons: ["waiting for scheduling gates: [quota]"], preemptionHelps: false };
  const told = why(samplePod(), cluster, { plugin: "SchedulingGates", rejection });
  expect(told).toMatchObject({ message: "waiting for scheduling gates: [quota]", held: { plugin: "SchedulingGates" } });
  expect(told.choice).toBeUndefined();
});

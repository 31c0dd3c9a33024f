import { expect, test } from "vitest";
import type { Node, Pod } from "../../api/generated/core-v1.ts";
import { seededRandom } from "../../lib/random.ts";
import { defaultPreemption } from "../plugins/default-preemption.ts";
import { interPodAffinity } from "../plugins/inter-pod-affinity.ts";
import { nodeAffinity } from "../plugins/node-affinity.ts";
import { nodeResourcesFit } from "../plugins/node-resources.ts";
import { nodePorts, nodeUnschedulable, taintToleration } from "../plugins/node-rules.ts";
import { sampleCluster, sampleNode, samplePod } from "../testing/samples.ts";
import { decide } from "./decide.ts";
import { Nominations } from "./nominations.ts";
import { podInfo } from "./pod-info.ts";
import { profileOf } from "./profile.ts";

const profile = (ports = nodePorts) =>
  profileOf(
    "p",
    [
      nodeUnschedulable,
      taintToleration,
      nodeAffinity({}),
      ports,
      nodeResourcesFit(),
      interPodAffinity(),
      defaultPreemption({ of: () => [], revision: () => 0n }),
    ].map((plugin) => ({ plugin, weight: 1 })),
  );

/** One of the few sorts of pods, so that equal ones are asked about again and again. */
function anyPod(below: (count: number) => number): Pod {
  const cpu = `${1 + below(3)}`;
  const priority = below(3);
  const labels = { app: "abc"[below(3)]! };
  const containers = [
    {
      name: "c",
      image: "i",
      resources: { requests: { cpu } },
      ...(below(4) === 0 ? { ports: [{ containerPort: 80, hostPort: 80 }] } : {}),
    },
  ];
  const term = { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: labels } };
  const affinity =
    below(6) === 0 ? { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } : undefined;
  const nodeSelector = below(5) === 0 ? { "topology.kubernetes.io/zone": "z1" } : undefined;
  return samplePod({
    labels,
    priority,
    spec: { containers, ...(affinity ? { affinity } : {}), ...(nodeSelector ? { nodeSelector } : {}) } as object,
  });
}

test.each([1, 2, 3, 4])("what is remembered of nodes is what asking anew would say (seed %i)", (seed) => {
  const random = seededRandom(seed);
  const below = (count: number) => Math.floor(random.next() * count);
  const name = (index: number) => `n${index}`;
  const anyNode = (index: number): Node =>
    sampleNode(name(index), {
      zone: `z${index % 2}`,
      cpu: `${2 + below(4)}`,
      spec: below(8) === 0 ? { unschedulable: true } : {},
    });
  const nodes = new Map(Array.from({ length: 12 }, (_, index) => [name(index), anyNode(index)]));
  const placed = new Map<string, Pod>();
  const cluster = sampleCluster([...nodes.values()]);
  const nominations = new Nominations();
  const remembering = profile();
  const outcomes = { placed: 0, preempted: 0, neither: 0 };

  for (let step = 0; step < 400; step += 1) {
    const pod = anyPod(below);
    const options = { random: () => 0, start: 0, nominations };
    const { decision } = decide(pod, remembering, cluster, options);
    const scratch = sampleCluster([...nodes.values()], [...placed.values()]);
    expect(decision, `step ${step}`).toEqual(decide(pod, profile(), scratch, options).decision);

    if (decision.placed) {
      outcomes.placed += 1;
      const bound = { ...pod, spec: { ...pod.spec, nodeName: decision.node } } as Pod;
      placed.set(bound.metadata.uid, bound);
      cluster.setPod(bound);
    } else if (decision.rescue?.kind === "preempt") {
      outcomes.preempted += 1;
      nominations.set(podInfo(pod), decision.rescue.node);
      for (const { metadata } of decision.rescue.victims) {
        placed.delete(metadata.uid);
        cluster.removePod(metadata.uid);
      }
    } else outcomes.neither += 1;

    const what = below(6);
    if (what === 0) {
      const changed = anyNode(below(12));
      nodes.set(changed.metadata.name, changed);
      cluster.setNode(changed);
    } else if (what === 1) {
      const [first] = nominations.on(name(below(12)));
      if (first) nominations.remove(first.uid);
    } else if (what < 4 && placed.size > 0) {
      const gone = [...placed.keys()][below(placed.size)]!;
      placed.delete(gone);
      cluster.removePod(gone);
    }
  }
  expect(Math.min(...Object.values(outcomes))).toBeGreaterThan(10);
});

test("equal pods ask a node that refused only once, until one of its pods goes", () => {
  let asked = 0;
  const counting = {
    ...nodePorts,
    filter: (...args: Parameters<NonNullable<typeof nodePorts.filter>>) => {
      asked += 1;
      return nodePorts.filter!(...args);
    },
  };
  const spec = { containers: [{ name: "c", image: "i", ports: [{ containerPort: 80, hostPort: 80 }] }] } as object;
  const there = samplePod({ node: "a", spec });
  const cluster = sampleCluster([sampleNode("a"), sampleNode("b")], [there, samplePod({ node: "b", spec })]);
  const plan = profile(counting);
  const ask = () => decide(samplePod({ spec }), plan, cluster, { random: () => 0, start: 0 }).decision;
  for (let time = 0; time < 5; time += 1) expect(ask().placed).toBe(false);
  expect(asked).toBe(2);
  cluster.removePod(there.metadata.uid);
  expect(ask()).toMatchObject({ placed: true, node: "a" });
  expect(asked).toBe(3);
});

import type { Node, NodeSpec, Pod, PodSpec, PodStatus } from "../../api/generated/core-v1.ts";
import type { Labels } from "../../machinery/labels.ts";
import type { NamespacedMeta } from "../../machinery/object.ts";
import { ClusterState } from "../framework/cluster-state.ts";
import { type Decision, decide } from "../framework/decide.ts";
import type { Plugin, Verdict } from "../framework/plugin.ts";
import { type Profile, profileOf } from "../framework/profile.ts";

let count = 0;

export interface SamplePod {
  readonly name?: string;
  readonly namespace?: string;
  readonly labels?: Labels;
  readonly node?: string;
  readonly cpu?: string;
  readonly memory?: string;
  readonly priority?: number;
  readonly spec?: Partial<PodSpec>;
  readonly status?: Partial<PodStatus>;
  readonly meta?: Partial<NamespacedMeta>;
}

/** A pod with one container; every call makes another uid. */
export function samplePod(given: SamplePod = {}): Pod {
  count += 1;
  const { name = `pod-${count}`, namespace = "default", labels, node, cpu, memory, priority, spec, status } = given;
  const requests = { ...(cpu ? { cpu } : {}), ...(memory ? { memory } : {}) };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace,
      uid: `uid-${count}`,
      resourceVersion: String(count),
      creationTimestamp: "2026-01-01T00:00:00Z",
      ...(labels ? { labels } : {}),
      ...given.meta,
    },
    spec: {
      containers: [{ name: "c", image: "img:1", resources: { requests } }],
      ...(node ? { nodeName: node } : {}),
      ...(priority === undefined ? {} : { priority }),
      ...spec,
    },
    ...(status ? { status } : {}),
  } as unknown as Pod;
}

export interface SampleNode {
  readonly labels?: Labels;
  readonly zone?: string;
  readonly cpu?: string;
  readonly memory?: string;
  readonly pods?: string;
  readonly more?: Readonly<Record<string, string>>;
  readonly spec?: Partial<NodeSpec>;
  readonly images?: readonly { readonly names: readonly string[]; readonly sizeBytes: number }[];
}

/** A node with its hostname label, 4 CPUs, 8 GiB and room for 20 pods. */
export function sampleNode(name: string, given: SampleNode = {}): Node {
  const { labels, zone, cpu = "4", memory = "8Gi", pods = "20", more, spec, images } = given;
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      uid: `node-${name}`,
      resourceVersion: "1",
      creationTimestamp: "2026-01-01T00:00:00Z",
      labels: {
        "kubernetes.io/hostname": name,
        ...(zone ? { "topology.kubernetes.io/zone": zone } : {}),
        ...labels,
      },
    },
    spec: { ...spec },
    status: { allocatable: { cpu, memory, pods, ...more }, ...(images ? { images } : {}) },
  } as unknown as Node;
}

/** A cluster of nodes and of pods that are placed already. */
export function sampleCluster(
  nodes: readonly Node[],
  pods: readonly Pod[] = [],
  namespaces: Readonly<Record<string, Labels>> = {},
): ClusterState {
  const cluster = new ClusterState((name) => namespaces[name]);
  for (const node of nodes) cluster.setNode(node);
  for (const pod of pods) cluster.setPod(pod);
  return cluster;
}

/** What one plugin's filter says of each node, as the framework would ask it. */
export function verdicts(plugin: Plugin, pod: Pod, cluster: ClusterState): Readonly<Record<string, Verdict>> {
  const prepared = plugin.prepareFilter?.(pod, cluster);
  if (prepared?.kind === "rejected")
    return Object.fromEntries(cluster.nodes.map(({ name }) => [name, prepared.rejection]));
  const state = prepared?.kind === "ready" ? prepared.state : undefined;
  return Object.fromEntries(
    cluster.nodes.map((node) => {
      if (prepared?.kind === "skip") return [node.name, undefined];
      return [node.name, plugin.filter?.(pod, node, state)];
    }),
  );
}

/** The nodes that a plugin's filter lets pass. */
export function passing(plugin: Plugin, pod: Pod, cluster: ClusterState): readonly string[] {
  return Object.entries(verdicts(plugin, pod, cluster)).flatMap(([name, verdict]) => (verdict ? [] : [name]));
}

/** One plugin's normalized scores by node; undefined when it does not score this pod. */
export function scores(plugin: Plugin, pod: Pod, cluster: ClusterState): Readonly<Record<string, number>> | undefined {
  const prepared = plugin.prepareScore?.(pod, cluster, cluster.nodes);
  if (prepared && prepared.kind !== "ready") return undefined;
  const list = cluster.nodes.map((node) => plugin.score!(pod, node, prepared?.state));
  plugin.normalize?.(list, prepared?.state, cluster.nodes);
  return Object.fromEntries(cluster.nodes.map(({ name }, index) => [name, list[index]!]));
}

/** What a profile of these plugins decides, always the first of equals. */
export function decision(pod: Pod, cluster: ClusterState, plugins: readonly Plugin[] | Profile): Decision {
  const profile =
    "schedulerName" in plugins
      ? plugins
      : profileOf(
          "test",
          plugins.map((plugin) => ({ plugin, weight: 1 })),
        );
  return decide(pod, profile, cluster, { random: () => 0.99, start: 0 }).decision;
}

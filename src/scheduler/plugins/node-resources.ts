import type { Node, Pod } from "../../api/generated/core-v1.ts";
import type { ClusterChange } from "../framework/changes.ts";
import { column, type NodeInfo } from "../framework/node-info.ts";
import { definePlugin, fits, type Rejection, ready, reject, skip } from "../framework/plugin.ts";
import { type PodInfo, podInfo } from "../framework/pod-info.ts";
import { amountOf, type Resources, resourcesOf, sumOf } from "../framework/requests.ts";

/** A resource and how much it counts. */
export interface ResourceWeight {
  readonly name: string;
  readonly weight: number;
}

export type ScoringStrategy =
  | { readonly type: "LeastAllocated" | "MostAllocated"; readonly resources?: readonly ResourceWeight[] }
  | {
      readonly type: "RequestedToCapacityRatio";
      readonly resources?: readonly ResourceWeight[];
      /** Points of a line: how good (0..10) a utilization (percent, rising) is. */
      readonly shape: readonly { readonly utilization: number; readonly score: number }[];
    };

export interface NodeResourcesFitArgs {
  readonly scoringStrategy?: ScoringStrategy;
  /** Extended resources that some extender looks after: by name, or by the part before the slash. */
  readonly ignoredResources?: readonly string[];
  readonly ignoredResourceGroups?: readonly string[];
}

const cpuAndMemory: readonly ResourceWeight[] = [
  { name: "cpu", weight: 1 },
  { name: "memory", weight: 1 },
];

const tooLittle = new Map<string, Rejection>();

/** The rejection for these reasons, always the same object, so that equal ones are told apart by nobody. */
function shortage(reasons: readonly string[], preemptionHelps: boolean): Rejection {
  const key = `${preemptionHelps}|${reasons.join("|")}`;
  let known = tooLittle.get(key);
  if (!known) {
    known = reject(reasons, { preemptionHelps });
    if (tooLittle.size < 1000) tooLittle.set(key, known);
  }
  return known;
}

/** What is missing on a node for a pod, in upstream's words. */
function lacks(
  requests: Resources,
  node: NodeInfo,
  ignored: ((name: string) => boolean) | undefined,
  furtherPods = 0,
): Rejection | undefined {
  const { row } = node;
  const { data } = node.table;
  // Most nodes have enough of everything: that must cost next to nothing.
  if (
    data[row + column.usedPods]! + furtherPods < data[row + column.pods]! &&
    (requests.cpu === 0 || requests.cpu <= data[row + column.cpu]! - data[row + column.usedCpu]!) &&
    (requests.memory === 0 || requests.memory <= data[row + column.memory]! - data[row + column.usedMemory]!) &&
    (requests.ephemeralStorage === 0 ||
      requests.ephemeralStorage <= data[row + column.storage]! - data[row + column.usedStorage]!) &&
    requests.others.size === 0
  )
    return undefined;
  const reasons: string[] = [];
  let preemptionHelps = true;
  const check = (name: string, wanted: number) => {
    const capacity = node.capacity(name);
    if (wanted === 0 || wanted <= capacity - node.requested(name)) return;
    reasons.push(`Insufficient ${name}`);
    // More than the whole node has: no eviction makes room.
    if (wanted > capacity) preemptionHelps = false;
  };
  if (data[row + column.usedPods]! + furtherPods >= data[row + column.pods]!) reasons.push("Too many pods");
  check("cpu", requests.cpu);
  check("memory", requests.memory);
  check("ephemeral-storage", requests.ephemeralStorage);
  for (const [name, wanted] of requests.others) if (!ignored?.(name)) check(name, wanted);
  return reasons.length === 0 ? undefined : shortage(reasons, preemptionHelps);
}

function requestsKey(pod: Pod): string {
  const { cpu, memory, ephemeralStorage, others } = podInfo(pod).requests;
  const amounts = `${cpu} ${memory} ${ephemeralStorage}`;
  return others.size === 0 ? amounts : JSON.stringify([amounts, ...others]);
}

/** An empty node of that size would do. */
function couldHold(pod: Pod, node: Node | undefined): boolean {
  if (!node) return true;
  const { requests } = podInfo(pod);
  const allocatable = resourcesOf(node.status?.allocatable as Readonly<Record<string, string>> | undefined);
  if (requests.cpu > allocatable.cpu || requests.memory > allocatable.memory) return false;
  if (requests.ephemeralStorage > allocatable.ephemeralStorage) return false;
  for (const [name, wanted] of requests.others) if (wanted > (allocatable.others.get(name) ?? 0)) return false;
  return true;
}

/** A pod that went, or asks for less, may have made room for another: where it was, and for whom. */
function freesSomething(pod: Pod, { pod: gone, previousPod, place, awaiting = [] }: ClusterChange): boolean {
  const { uid, requests, priority } = podInfo(pod);
  if (gone && previousPod) {
    const before = podInfo(previousPod).requests;
    const after = podInfo(gone).requests;
    return (
      (requests.cpu > 0 && after.cpu < before.cpu) ||
      (requests.memory > 0 && after.memory < before.memory) ||
      (requests.ephemeralStorage > 0 && after.ephemeralStorage < before.ephemeralStorage)
    );
  }
  if (!place) return true;
  const before = awaiting.filter((other) => other.uid !== uid && other.priority >= priority);
  const all = before.reduce((sum, other) => sumOf(sum, other.requests), requests);
  if (!lacks(all, place, undefined, before.length)) return true;
  // It does not fit there yet, but perhaps it does now by evictions; one that waits for its own victims does not look again.
  if (pod.spec.preemptionPolicy === "Never" || pod.status?.nominatedNodeName) return false;
  for (const other of place.pods.values()) if (other.priority < priority) return true;
  return false;
}

/** A node has what a pod asks for, and room for one more pod; scored by how full it would be. */
export function nodeResourcesFit(args: NodeResourcesFitArgs = {}) {
  const strategy = args.scoringStrategy ?? { type: "LeastAllocated" };
  const names = new Set(args.ignoredResources ?? []);
  const groups = new Set(args.ignoredResourceGroups ?? []);
  const ignored =
    names.size + groups.size === 0
      ? undefined
      : (name: string) => names.has(name) || groups.has(name.slice(0, Math.max(0, name.indexOf("/"))));
  const resources = strategy.resources?.length ? strategy.resources : cpuAndMemory;
  const share = shareOf(strategy);
  const usual = resources === cpuAndMemory && strategy.type === "LeastAllocated";
  return definePlugin<PodInfo, PodInfo>({
    name: "NodeResourcesFit",
    retryOn: [
      { on: "Node/add", helps: (pod, { node }) => couldHold(pod, node) },
      { on: "Node/allocatable", helps: (pod, { node }) => couldHold(pod, node) },
      { on: "AssignedPod/delete", helps: freesSomething },
      { on: "AssignedPod/resources", helps: freesSomething },
      "Pod/update",
    ],
    stateHolds: true,
    nodeKey: requestsKey,
    prepareFilter: (pod) => ready(podInfo(pod)),
    filter: (_pod, node, { requests }) => lacks(requests, node, ignored) ?? fits,
    prepareScore: (pod) => ready(podInfo(pod)),
    score(_pod, node, info) {
      if (usual) return leastAllocated(info, node);
      let sum = 0;
      let weights = 0;
      for (const { name, weight } of resources) {
        const capacity = amountOf(node.allocatable, name);
        if (capacity === 0) continue;
        const wanted = amountOf(info.scored, name);
        // What only some pods want counts only for those.
        if (wanted === 0 && name !== "cpu" && name !== "memory") continue;
        sum += share(node.scored(name) + wanted, capacity) * weight;
        weights += weight;
      }
      if (weights === 0) return 0;
      return strategy.type === "RequestedToCapacityRatio" ? Math.round(sum / weights) : Math.floor(sum / weights);
    },
  });
}

function leastAllocated({ scored }: PodInfo, { row, table: { data } }: NodeInfo): number {
  const cpu = data[row + column.cpu]!;
  const memory = data[row + column.memory]!;
  let sum = 0;
  let parts = 0;
  if (cpu > 0) {
    const used = data[row + column.scoredCpu]! + scored.cpu;
    sum += used > cpu ? 0 : Math.floor(((cpu - used) * 100) / cpu);
    parts += 1;
  }
  if (memory > 0) {
    const used = data[row + column.scoredMemory]! + scored.memory;
    sum += used > memory ? 0 : Math.floor(((memory - used) * 100) / memory);
    parts += 1;
  }
  return parts === 0 ? 0 : Math.floor(sum / parts);
}

/** The score (0..100) of one resource by how much of it would be used. */
function shareOf(strategy: ScoringStrategy): (used: number, capacity: number) => number {
  switch (strategy.type) {
    case "LeastAllocated":
      return (used, capacity) => (used > capacity ? 0 : Math.floor(((capacity - used) * 100) / capacity));
    case "MostAllocated":
      // Assumed amounts may exceed the node: it is full then.
      return (used, capacity) => Math.floor((Math.min(used, capacity) * 100) / capacity);
    case "RequestedToCapacityRatio": {
      const line = strategy.shape.map(({ utilization, score }) => ({ utilization, score: score * 10 }));
      return (used, capacity) => onLine(line, used > capacity ? 100 : Math.floor((used * 100) / capacity));
    }
  }
}

/** The value at a place of a line through points; level before the first and after the last. */
function onLine(points: readonly { readonly utilization: number; readonly score: number }[], at: number): number {
  for (const [index, point] of points.entries()) {
    if (at > point.utilization) continue;
    const previous = points[index - 1];
    if (!previous) return point.score;
    const part = (at - previous.utilization) / (point.utilization - previous.utilization);
    return Math.trunc(previous.score + (point.score - previous.score) * part);
  }
  return points.at(-1)?.score ?? 0;
}

/** Prefers nodes whose resources would be used to about the same share. */
export function balancedAllocation(args: { readonly resources?: readonly ResourceWeight[] } = {}) {
  const resources = args.resources?.length ? args.resources : cpuAndMemory;
  return definePlugin<undefined, PodInfo>({
    name: "NodeResourcesBalancedAllocation",
    retryOn: [],
    prepareScore(pod) {
      const info = podInfo(pod);
      // A pod that asks for nothing changes no balance.
      return resources.every(({ name }) => amountOf(info.requests, name) === 0) ? skip : ready(info);
    },
    score(_pod, node, { requests }) {
      if (resources === cpuAndMemory) {
        const { row } = node;
        const { data } = node.table;
        const cpu = data[row + column.cpu]!;
        const memory = data[row + column.memory]!;
        if (cpu === 0 || memory === 0) return 100;
        const one = Math.min(1, (data[row + column.usedCpu]! + requests.cpu) / cpu);
        const two = Math.min(1, (data[row + column.usedMemory]! + requests.memory) / memory);
        return Math.floor((1 - Math.abs(one - two) / 2) * 100);
      }
      const shares: number[] = [];
      for (const { name } of resources) {
        const capacity = amountOf(node.allocatable, name);
        const wanted = amountOf(requests, name);
        if (capacity === 0 || (wanted === 0 && name !== "cpu" && name !== "memory")) continue;
        shares.push(Math.min(1, (node.requested(name) + wanted) / capacity));
      }
      return Math.floor((1 - deviation(shares)) * 100);
    },
  });
}

function deviation(shares: readonly number[]): number {
  if (shares.length < 2) return 0;
  if (shares.length === 2) return Math.abs(shares[0]! - shares[1]!) / 2;
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  return Math.sqrt(shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / shares.length);
}

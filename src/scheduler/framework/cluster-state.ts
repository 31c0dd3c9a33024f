import type { Node, Pod } from "../../api/generated/core-v1.ts";
import {
  type HostPort,
  hostPorts,
  noResources,
  podRequests,
  type Resources,
  resourcesOf,
  scoredRequests,
} from "./requests.ts";

/** A pod with what plugins ask of it again and again, computed once. */
export interface PodInfo {
  readonly pod: Pod;
  readonly requests: Resources;
  readonly scored: { readonly cpu: number; readonly memory: number };
  readonly ports: readonly HostPort[];
}

const infos = new WeakMap<Pod, PodInfo>();

/** The computed parts of a pod; the same object gives the same answer without computing again. */
export function podInfo(pod: Pod): PodInfo {
  let info = infos.get(pod);
  if (!info) {
    info = { pod, requests: podRequests(pod.spec), scored: scoredRequests(pod.spec), ports: hostPorts(pod) };
    infos.set(pod, info);
  }
  return info;
}

/** A node and what its pods take from it. Kept up to date pod by pod; only `ClusterState` changes it. */
export class NodeInfo {
  node: Node;
  allocatable: Resources = noResources;
  podCapacity = 0;
  readonly pods = new Map<string, PodInfo>();
  cpu = 0;
  memory = 0;
  ephemeralStorage = 0;
  readonly others = new Map<string, number>();
  scoredCpu = 0;
  scoredMemory = 0;
  /** Images that are there: name -> bytes. */
  images: ReadonlyMap<string, number> = new Map();
  /** Rises with every change. */
  generation = 0;

  constructor(node: Node) {
    this.node = node;
    this.setNode(node);
  }

  get name(): string {
    return this.node.metadata.name;
  }

  get labels(): Readonly<Record<string, string>> {
    return this.node.metadata.labels ?? {};
  }

  setNode(node: Node): void {
    this.node = node;
    this.generation += 1;
    const allocatable = (node.status?.allocatable ?? {}) as Readonly<Record<string, string>>;
    this.allocatable = resourcesOf(allocatable);
    this.podCapacity = Number(allocatable.pods ?? 0);
    this.images = new Map(
      (node.status?.images ?? []).flatMap(({ names, sizeBytes }) =>
        (names ?? []).map((name) => [name, sizeBytes ?? 0] as const),
      ),
    );
  }

  add(info: PodInfo): void {
    this.pods.set(info.pod.metadata.uid, info);
    this.#count(info, 1);
  }

  remove(uid: string): void {
    const info = this.pods.get(uid);
    if (!info) return;
    this.pods.delete(uid);
    this.#count(info, -1);
  }

  #count({ requests, scored }: PodInfo, sign: 1 | -1): void {
    this.generation += 1;
    this.cpu += sign * requests.cpu;
    this.memory += sign * requests.memory;
    this.ephemeralStorage += sign * requests.ephemeralStorage;
    this.scoredCpu += sign * scored.cpu;
    this.scoredMemory += sign * scored.memory;
    for (const [name, amount] of requests.others) this.others.set(name, (this.others.get(name) ?? 0) + sign * amount);
  }
}

/**
 * Nodes and the pods on them, as the scheduler believes them to be: what the API told, and the pods it has placed that the
 * API has not confirmed yet.
 */
export class ClusterState {
  readonly #nodes = new Map<string, NodeInfo>();
  /** Where each pod counts, by uid. */
  readonly #placed = new Map<string, { readonly node: string; readonly info: PodInfo }>();
  readonly #assumed = new Set<string>();
  /** Pods of nodes that are not known (yet). */
  readonly #homeless = new Map<string, Map<string, PodInfo>>();
  #list: readonly NodeInfo[] | undefined;

  /** In a stable order that visits zones in turn, so that a part of the list is a fair sample. */
  get nodes(): readonly NodeInfo[] {
    this.#list ??= byZonesInTurn([...this.#nodes.values()]);
    return this.#list;
  }

  node(name: string): NodeInfo | undefined {
    return this.#nodes.get(name);
  }

  isAssumed(uid: string): boolean {
    return this.#assumed.has(uid);
  }

  setNode(node: Node): void {
    const { name } = node.metadata;
    const known = this.#nodes.get(name);
    this.#list = undefined;
    if (known) {
      known.setNode(node);
      return;
    }
    const info = new NodeInfo(node);
    this.#nodes.set(name, info);
    for (const pod of this.#homeless.get(name)?.values() ?? []) info.add(pod);
    this.#homeless.delete(name);
  }

  removeNode(name: string): void {
    const info = this.#nodes.get(name);
    if (!info) return;
    this.#nodes.delete(name);
    this.#list = undefined;
    if (info.pods.size > 0) this.#homeless.set(name, new Map(info.pods));
  }

  /** A placed pod as the API has it; confirms what was assumed. */
  setPod(pod: Pod): void {
    const { uid } = pod.metadata;
    this.#assumed.delete(uid);
    this.#take(uid);
    if (pod.spec.nodeName) this.#put(pod.spec.nodeName, podInfo(pod));
  }

  /** Counts a pod on a node before the API knows. */
  assume(pod: Pod, node: string): void {
    this.#take(pod.metadata.uid);
    this.#assumed.add(pod.metadata.uid);
    this.#put(node, podInfo(pod));
  }

  /** Takes back an assumption; does nothing once the API has confirmed it. */
  forget(uid: string): void {
    if (!this.#assumed.delete(uid)) return;
    this.#take(uid);
  }

  removePod(uid: string): void {
    this.#assumed.delete(uid);
    this.#take(uid);
  }

  #put(node: string, info: PodInfo): void {
    this.#placed.set(info.pod.metadata.uid, { node, info });
    const known = this.#nodes.get(node);
    if (known) {
      known.add(info);
      return;
    }
    const homeless = this.#homeless.get(node) ?? new Map<string, PodInfo>();
    homeless.set(info.pod.metadata.uid, info);
    this.#homeless.set(node, homeless);
  }

  #take(uid: string): void {
    const placed = this.#placed.get(uid);
    if (!placed) return;
    this.#placed.delete(uid);
    this.#nodes.get(placed.node)?.remove(uid);
    const homeless = this.#homeless.get(placed.node);
    if (homeless?.delete(uid) && homeless.size === 0) this.#homeless.delete(placed.node);
  }
}

/** `region:zone` of a node; empty without labels. */
export function zoneOf(labels: Readonly<Record<string, string>>): string {
  const region = labels["topology.kubernetes.io/region"] ?? labels["failure-domain.beta.kubernetes.io/region"] ?? "";
  const zone = labels["topology.kubernetes.io/zone"] ?? labels["failure-domain.beta.kubernetes.io/zone"] ?? "";
  return region || zone ? `${region}:${zone}` : "";
}

function byZonesInTurn(nodes: readonly NodeInfo[]): readonly NodeInfo[] {
  const zones = new Map<string, NodeInfo[]>();
  for (const node of nodes) {
    const zone = zoneOf(node.labels);
    const members = zones.get(zone);
    if (members) members.push(node);
    else zones.set(zone, [node]);
  }
  if (zones.size <= 1) return nodes;
  const columns = [...zones.values()];
  const longest = Math.max(...columns.map((column) => column.length));
  return Array.from({ length: longest }, (_, row) => columns.flatMap((column) => column[row] ?? [])).flat();
}

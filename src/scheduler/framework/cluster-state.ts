import type { Node, Pod } from "../../api/generated/core-v1.ts";
import { isEqual } from "../../machinery/equality.ts";
import type { NamespaceLabels } from "./affinity-terms.ts";
import { NodeInfo, ResourceTable } from "./node-info.ts";
import { NodeMemo } from "./node-memo.ts";
import type { NodeRefusal } from "./plugin.ts";
import { PodIndex } from "./pod-index.ts";
import { type PodInfo, podInfo, renewedPodInfo } from "./pod-info.ts";

/** Sorts of pods for which it is remembered which nodes suit them. */
const sortsKept = 128;

/** Changes what is supposed. */
export interface Trial {
  takeAway(pod: PodInfo): void;
  put(pod: PodInfo): void;
}

/** What equal pods need not ask again. */
export interface SortMemory {
  readonly generation: number;
  /** By slot, 1 where all was well that depends on the node object alone; forgotten after any change of a node object. */
  readonly passed: Uint8Array;
  /** Who refused a node that is as it was. */
  readonly refused: NodeMemo<NodeRefusal>;
  /** What is said of a node with the pods that wait for it. */
  readonly crowded: NodeMemo<NodeRefusal | "fits">;
}

interface Placed {
  readonly node: string;
  readonly info: PodInfo;
}

/**
 * Nodes and the pods on them, as the scheduler believes them to be: what the API told, and the pods it has placed that the
 * API has not confirmed yet.
 */
export class ClusterState {
  /** What the placed pods answer to questions about them. */
  readonly index: PodIndex;
  readonly #table = new ResourceTable();
  readonly #nodes = new Map<string, NodeInfo>();
  /** Where each pod counts, by uid. */
  readonly #placed = new Map<string, Placed>();
  readonly #assumed = new Set<string>();
  /** Pods of nodes that are not known (yet). */
  readonly #homeless = new Map<string, Map<string, PodInfo>>();
  readonly #sorts = new Map<string, SortMemory>();
  readonly #freeSlots: number[] = [];
  #slots = 0;
  #list: readonly NodeInfo[] | undefined;
  #generation = 0;
  #nodesGeneration = 0;
  #imagesGeneration = 0;

  constructor(namespaceLabels: NamespaceLabels = () => undefined) {
    this.index = new PodIndex(namespaceLabels);
  }

  /** In a stable order that visits zones in turn, so that a part of the list is a fair sample. */
  get nodes(): readonly NodeInfo[] {
    this.#list ??= byZonesInTurn([...this.#nodes.values()]);
    return this.#list;
  }

  /** Rises with every change. */
  get generation(): number {
    return this.#generation;
  }

  /** Rises when nodes come, go or change in what affinity and taints look at. */
  get nodesGeneration(): number {
    return this.#nodesGeneration;
  }

  /** Rises when nodes come, go or have other images. */
  get imagesGeneration(): number {
    return this.#imagesGeneration;
  }

  /** One more than the largest slot of a node. */
  get slots(): number {
    return this.#slots;
  }

  /** How many nodes and pods count, and how many of these the API has not confirmed yet. */
  get size(): { readonly nodes: number; readonly pods: number; readonly assumed: number } {
    return { nodes: this.#nodes.size, pods: this.#placed.size, assumed: this.#assumed.size };
  }

  node(name: string): NodeInfo | undefined {
    return this.#nodes.get(name);
  }

  isAssumed(uid: string): boolean {
    return this.#assumed.has(uid);
  }

  /** Where a pod counts. */
  placeOf(uid: string): string | undefined {
    return this.#placed.get(uid)?.node;
  }

  setNode(node: Node): void {
    const { name } = node.metadata;
    const known = this.#nodes.get(name);
    this.#generation += 1;
    if (known) {
      const previous = known.node;
      const relabelled = !isEqual(previous.metadata.labels, node.metadata.labels);
      if (relabelled || !isEqual(previous.spec, node.spec)) this.#nodesGeneration += 1;
      if (previous.status?.images !== node.status?.images) this.#imagesGeneration += 1;
      known.setNode(node);
      if (!relabelled) return;
      this.index.relabelNode(known);
      this.#list = undefined;
      return;
    }
    const info = new NodeInfo(node, this.#freeSlots.pop() ?? this.#slots++, this.#table);
    this.#nodes.set(name, info);
    this.#list = undefined;
    this.#nodesGeneration += 1;
    this.#imagesGeneration += 1;
    this.index.addNode(info);
    for (const pod of this.#homeless.get(name)?.values() ?? []) {
      info.add(pod);
      this.index.add(pod, info);
    }
    this.#homeless.delete(name);
  }

  removeNode(name: string): void {
    const info = this.#nodes.get(name);
    if (!info) return;
    this.#nodes.delete(name);
    this.#list = undefined;
    this.#generation += 1;
    this.#nodesGeneration += 1;
    this.#imagesGeneration += 1;
    for (const pod of info.pods.values()) this.index.remove(pod, info);
    this.index.removeNode(info);
    this.#freeSlots.push(info.slot);
    if (info.pods.size > 0) this.#homeless.set(name, new Map(info.pods));
  }

  /** A placed pod as the API has it; confirms what was assumed. */
  setPod(pod: Pod): void {
    const { uid } = pod.metadata;
    this.#assumed.delete(uid);
    const known = this.#placed.get(uid);
    const node = pod.spec.nodeName;
    if (!known) {
      if (node) this.#put(node, podInfo(pod));
      return;
    }
    const info = known.node === node ? renewedPodInfo(pod, known.info) : podInfo(pod);
    if (node && known.node === node && countsAlike(info, known.info)) {
      this.#placed.set(uid, { node, info });
      const holder = this.#nodes.get(node);
      if (holder) {
        holder.renew(info);
        this.index.renew(info);
      } else this.#homeless.get(node)?.set(uid, info);
      return;
    }
    this.#take(uid);
    if (node) this.#put(node, info);
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

  /** What is known about the nodes for pods of a sort. */
  memoryOf(sort: string): SortMemory {
    const known = this.#sorts.get(sort);
    if (known?.generation === this.#nodesGeneration && known.passed.length >= this.#slots) return known;
    const memory: SortMemory = {
      generation: this.#nodesGeneration,
      passed: new Uint8Array(this.#slots),
      refused: new NodeMemo(),
      crowded: new NodeMemo(),
    };
    this.#sorts.delete(sort);
    this.#sorts.set(sort, memory);
    if (this.#sorts.size > sortsKept) this.#sorts.delete(this.#sorts.keys().next().value as string);
    return memory;
  }

  /**
   * What `ask` answers if these pods of a node were gone, and those there. Through the trial it may take pods away and put
   * them back, one by one. Afterwards everything is as before.
   */
  supposing<T>(
    node: NodeInfo,
    change: { readonly gone?: readonly PodInfo[]; readonly there?: readonly PodInfo[] },
    ask: (trial: Trial) => T,
  ): T {
    const generation = this.#generation;
    const { revision } = node;
    const gone = new Set<PodInfo>();
    const there = new Set<PodInfo>();
    const takeAway = (pod: PodInfo) => {
      if (!node.remove(pod.uid)) return;
      this.index.suppose(pod, node, -1);
      if (!there.delete(pod)) gone.add(pod);
    };
    const put = (pod: PodInfo) => {
      node.add(pod);
      this.index.suppose(pod, node, 1);
      if (!gone.delete(pod)) there.add(pod);
    };
    for (const pod of change.gone ?? []) takeAway(pod);
    for (const pod of change.there ?? []) put(pod);
    this.#generation += 1;
    try {
      return ask({ takeAway, put });
    } finally {
      for (const pod of [...there]) takeAway(pod);
      for (const pod of [...gone]) put(pod);
      this.#generation = generation;
      node.revision = revision;
    }
  }

  #put(node: string, info: PodInfo): void {
    this.#generation += 1;
    this.#placed.set(info.uid, { node, info });
    const known = this.#nodes.get(node);
    if (known) {
      known.add(info);
      this.index.add(info, known);
      return;
    }
    const homeless = this.#homeless.get(node) ?? new Map<string, PodInfo>();
    homeless.set(info.uid, info);
    this.#homeless.set(node, homeless);
  }

  #take(uid: string): void {
    const placed = this.#placed.get(uid);
    if (!placed) return;
    this.#generation += 1;
    this.#placed.delete(uid);
    const node = this.#nodes.get(placed.node);
    if (node?.remove(uid)) this.index.remove(placed.info, node);
    const homeless = this.#homeless.get(placed.node);
    if (homeless?.delete(uid) && homeless.size === 0) this.#homeless.delete(placed.node);
  }
}

/** Nobody who counts pods could tell one from the other: most changes of a pod are of its status. */
function countsAlike(next: PodInfo, previous: PodInfo): boolean {
  return (
    next.requests === previous.requests &&
    next.pod.metadata.deletionTimestamp === previous.pod.metadata.deletionTimestamp &&
    isEqual(next.pod.metadata.labels, previous.pod.metadata.labels)
  );
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

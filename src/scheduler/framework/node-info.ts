import type { Node } from "../../api/generated/core-v1.ts";
import type { PodInfo } from "./pod-info.ts";
import { noResources, type Resources, resourcesOf } from "./requests.ts";

const noLabels: Readonly<Record<string, string>> = Object.freeze({});

/** A node and what its pods take from it. Kept up to date pod by pod; only `ClusterState` changes it. */
export class NodeInfo {
  node: Node;
  name: string;
  labels: Readonly<Record<string, string>> = noLabels;
  /** Place in the arrays that hold one number per node; used again once the node is gone. */
  readonly slot: number;
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

  constructor(node: Node, slot: number) {
    this.node = node;
    this.name = node.metadata.name;
    this.slot = slot;
    this.setNode(node);
  }

  setNode(node: Node): void {
    const previous = this.node;
    this.node = node;
    this.labels = node.metadata.labels ?? noLabels;
    this.generation += 1;
    const allocatable = (node.status?.allocatable ?? {}) as Readonly<Record<string, string>>;
    this.allocatable = resourcesOf(allocatable);
    this.podCapacity = Number(allocatable.pods ?? 0);
    if (previous.status?.images === node.status?.images && previous !== node) return;
    this.images = new Map(
      (node.status?.images ?? []).flatMap(({ names, sizeBytes }) =>
        (names ?? []).map((name) => [name, sizeBytes ?? 0] as const),
      ),
    );
  }

  /** How much its pods have requested of a resource. */
  requested(name: string): number {
    if (name === "cpu") return this.cpu;
    if (name === "memory") return this.memory;
    if (name === "ephemeral-storage") return this.ephemeralStorage;
    return this.others.get(name) ?? 0;
  }

  add(info: PodInfo): void {
    this.pods.set(info.uid, info);
    this.#count(info, 1);
  }

  remove(uid: string): PodInfo | undefined {
    const info = this.pods.get(uid);
    if (!info) return undefined;
    this.pods.delete(uid);
    this.#count(info, -1);
    return info;
  }

  #count({ requests, scored }: PodInfo, sign: 1 | -1): void {
    this.generation += 1;
    this.cpu += sign * requests.cpu;
    this.memory += sign * requests.memory;
    this.ephemeralStorage += sign * requests.ephemeralStorage;
    this.scoredCpu += sign * scored.cpu;
    this.scoredMemory += sign * scored.memory;
    if (requests.others.size === 0) return;
    for (const [name, amount] of requests.others) this.others.set(name, (this.others.get(name) ?? 0) + sign * amount);
  }
}

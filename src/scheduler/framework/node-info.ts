import type { Node } from "../../api/generated/core-v1.ts";
import type { PodInfo } from "./pod-info.ts";
import { amountOf, noResources, type Resources, resourcesOf } from "./requests.ts";

const noLabels: Readonly<Record<string, string>> = Object.freeze({});

/** Where each amount of a node stands in its row of the table. */
export const column = {
  cpu: 0,
  memory: 1,
  storage: 2,
  pods: 3,
  usedCpu: 4,
  usedMemory: 5,
  usedStorage: 6,
  usedPods: 7,
  scoredCpu: 8,
  scoredMemory: 9,
} as const;

const width = 16;

/** What all nodes have and what their pods take: a row of numbers for each, side by side, since they are read for every pod. */
export class ResourceTable {
  data = new Float64Array(64 * width);
  #revision = 0;

  /** A number that no node of the table has had. */
  nextRevision(): number {
    this.#revision += 1;
    return this.#revision;
  }

  /** Where the row of a slot begins. */
  row(slot: number): number {
    const start = slot * width;
    if (start + width > this.data.length) {
      const grown = new Float64Array(Math.max(start + width, this.data.length * 2));
      grown.set(this.data);
      this.data = grown;
    }
    this.data.fill(0, start, start + width);
    return start;
  }
}

/** A node and what its pods take from it. Kept up to date pod by pod; only `ClusterState` changes it. */
export class NodeInfo {
  node: Node;
  readonly name: string;
  labels: Readonly<Record<string, string>> = noLabels;
  /** Place in the arrays that hold one number per node; used again once the node is gone. */
  readonly slot: number;
  readonly table: ResourceTable;
  /** Where its row in the table begins. */
  readonly row: number;
  /** Another one after each change of the node or its pods: as long as it is the same, so are they. */
  revision = 0;
  allocatable: Resources = noResources;
  readonly pods = new Map<string, PodInfo>();
  readonly others = new Map<string, number>();
  /** Images that are there: name -> bytes. */
  images: ReadonlyMap<string, number> = new Map();

  constructor(node: Node, slot: number, table: ResourceTable) {
    this.node = node;
    this.name = node.metadata.name;
    this.slot = slot;
    this.table = table;
    this.row = table.row(slot);
    this.setNode(node);
  }

  get cpu(): number {
    return this.table.data[this.row + column.usedCpu]!;
  }

  get memory(): number {
    return this.table.data[this.row + column.usedMemory]!;
  }

  setNode(node: Node): void {
    const previous = this.node;
    this.node = node;
    this.revision = this.table.nextRevision();
    this.labels = node.metadata.labels ?? noLabels;
    const allocatable = (node.status?.allocatable ?? {}) as Readonly<Record<string, string>>;
    this.allocatable = resourcesOf(allocatable);
    const { table, row } = this;
    table.data[row + column.cpu] = this.allocatable.cpu;
    table.data[row + column.memory] = this.allocatable.memory;
    table.data[row + column.storage] = this.allocatable.ephemeralStorage;
    table.data[row + column.pods] = Number(allocatable.pods ?? 0);
    if (previous.status?.images === node.status?.images && previous !== node) return;
    this.images = new Map(
      (node.status?.images ?? []).flatMap(({ names, sizeBytes }) =>
        (names ?? []).map((name) => [name, sizeBytes ?? 0] as const),
      ),
    );
  }

  /** How much its pods have requested of a resource. */
  requested(name: string): number {
    const { data } = this.table;
    if (name === "cpu") return data[this.row + column.usedCpu]!;
    if (name === "memory") return data[this.row + column.usedMemory]!;
    if (name === "ephemeral-storage") return data[this.row + column.usedStorage]!;
    return this.others.get(name) ?? 0;
  }

  /** As `requested`, with assumed amounts for containers that ask for no CPU or memory. */
  scored(name: string): number {
    const { data } = this.table;
    if (name === "cpu") return data[this.row + column.scoredCpu]!;
    if (name === "memory") return data[this.row + column.scoredMemory]!;
    return this.requested(name);
  }

  capacity(name: string): number {
    return amountOf(this.allocatable, name);
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

  /** A pod's newer form that takes as much as the one before. */
  renew(info: PodInfo): void {
    this.pods.set(info.uid, info);
    this.revision = this.table.nextRevision();
  }

  #count({ requests, scored }: PodInfo, sign: 1 | -1): void {
    const { row } = this;
    this.revision = this.table.nextRevision();
    const { data } = this.table;
    data[row + column.usedCpu]! += sign * requests.cpu;
    data[row + column.usedMemory]! += sign * requests.memory;
    data[row + column.usedStorage]! += sign * requests.ephemeralStorage;
    data[row + column.usedPods]! += sign;
    data[row + column.scoredCpu]! += sign * scored.cpu;
    data[row + column.scoredMemory]! += sign * scored.memory;
    for (const [name, amount] of requests.others) this.others.set(name, (this.others.get(name) ?? 0) + sign * amount);
  }
}

import type { NodeInfo } from "./node-info.ts";

/** The values of one node label as small numbers: which domain each node is in. */
export class Topology {
  readonly key: string;
  /** By node slot; -1 for nodes without the label. */
  domainOf: Int32Array;
  /** Rises when a node enters or leaves a domain. */
  version = 0;
  readonly #values: string[] = [];
  readonly #domains = new Map<string, number>();

  constructor(key: string, capacity: number) {
    this.key = key;
    this.domainOf = new Int32Array(capacity).fill(-1);
  }

  /** Domains there have ever been. */
  get size(): number {
    return this.#values.length;
  }

  valueOf(domain: number): string {
    return this.#values[domain] ?? "";
  }

  /** Puts a node where its label says. */
  place({ slot, labels }: NodeInfo): void {
    const value = labels[this.key];
    this.#set(slot, value === undefined ? -1 : this.#domain(value));
  }

  leave({ slot }: NodeInfo): void {
    this.#set(slot, -1);
  }

  #set(slot: number, domain: number): void {
    if (slot >= this.domainOf.length) {
      const grown = new Int32Array(Math.max(slot + 1, this.domainOf.length * 2)).fill(-1);
      grown.set(this.domainOf);
      this.domainOf = grown;
    }
    if (this.domainOf[slot] === domain) return;
    this.domainOf[slot] = domain;
    this.version += 1;
  }

  #domain(value: string): number {
    let domain = this.#domains.get(value);
    if (domain === undefined) {
      domain = this.#values.length;
      this.#domains.set(value, domain);
      this.#values.push(value);
    }
    return domain;
  }
}

/** How many pods of some sort each node has, and each domain of a topology. */
export class PodCounts {
  /** By node slot. May be shorter than the number of slots: what is missing is 0. */
  perNode = new Int32Array(64);
  total = 0;
  readonly #sums = new Map<Topology, { version: number; counts: Int32Array }>();

  add(slot: number, by: number): void {
    if (slot >= this.perNode.length) {
      const grown = new Int32Array(Math.max(slot + 1, this.perNode.length * 2));
      grown.set(this.perNode);
      this.perNode = grown;
    }
    this.perNode[slot]! += by;
    this.total += by;
    for (const [topology, sums] of this.#sums) {
      if (sums.version !== topology.version) continue;
      const domain = topology.domainOf[slot]!;
      if (domain >= 0) sums.counts[domain]! += by;
    }
  }

  at(slot: number): number {
    return slot < this.perNode.length ? this.perNode[slot]! : 0;
  }

  /** Pods per domain; stays right while pods come and go, until nodes change domains. */
  in(topology: Topology): Int32Array {
    const known = this.#sums.get(topology);
    if (known?.version === topology.version) return known.counts;
    const counts = new Int32Array(topology.size);
    const { domainOf } = topology;
    const slots = Math.min(this.perNode.length, domainOf.length);
    for (let slot = 0; slot < slots; slot++) {
      const domain = domainOf[slot]!;
      if (domain >= 0) counts[domain]! += this.perNode[slot]!;
    }
    this.#sums.set(topology, { version: topology.version, counts });
    return counts;
  }
}

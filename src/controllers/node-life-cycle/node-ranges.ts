import { Node } from "../../api/core/node.ts";
import type { Informer } from "../../client/client.ts";
import type { KindRef, KubeObject } from "../../machinery/object.ts";
import { defineController, done } from "../framework/controller.ts";
import { Subnets } from "./subnets.ts";

const nodesBySubnet = "podSubnet";

/** How many leading bits of a node's pod range are fixed, by family. */
export interface SubnetSizes {
  readonly IPv4: number;
  readonly IPv6: number;
}

/** Upstream's. */
export const usualSubnetSizes: SubnetSizes = { IPv4: 24, IPv6: 64 };

/** Where nodes' pod subnets are from. */
export interface NodeRangeOptions {
  /** One range, or one of each family separated by a comma. */
  readonly podRange: string;
  /** Upstream's if absent. */
  readonly sizes?: SubnetSizes;
}

/** Gives every node a pod subnet out of each range. */
export function nodeRangeController({ podRange, sizes = usualSubnetSizes }: NodeRangeOptions) {
  const pools = podRange
    .split(",")
    .map((range) => range.trim())
    .map((range, number) => new Pool(new Subnets(range, sizes[range.includes(":") ? "IPv6" : "IPv4"]), `${number}`));
  return defineController({
    name: "nodeipam",
    serviceAccount: "node-controller",
    eventSource: "cidrAllocator",
    for: Node,
    indexes: [
      {
        kind: Node as unknown as KindRef<KubeObject>,
        name: nodesBySubnet,
        of: (node) => pools.flatMap((pool) => pool.subnetsOf(node as unknown as Node)),
      },
    ],
    // One after the other: two nodes must never be given the same subnet.
    workers: 1,
    async reconcile({ name }, { cache, client, events }) {
      const node = cache.get(Node, { name });
      const nodes = cache.informer(Node);
      for (const pool of pools) pool.settle(nodes);
      if (!node || node.metadata.deletionTimestamp || (node.spec.podCIDRs ?? []).length > 0 || node.spec.podCIDR) {
        return done;
      }
      const given = pools.map((pool) => pool.give(name, nodes));
      const podCIDRs = given.filter((range) => range !== undefined);
      if (podCIDRs.length < pools.length) {
        for (const pool of pools) pool.takeBack(name);
        events.record(node, "Normal", "CIDRNotAvailable", `Node ${name} status is now: CIDRNotAvailable`);
        // Another node's end may free a subnet.
        return { requeueAfter: 30_000 };
      }
      try {
        const body = { metadata: { uid: node.metadata.uid }, spec: { podCIDR: podCIDRs[0], podCIDRs } };
        await client.patch(Node, { name }, { type: "merge", body });
      } catch (error) {
        for (const pool of pools) pool.takeBack(name);
        events.record(node, "Normal", "CIDRAssignmentFailed", `Node ${name} status is now: CIDRAssignmentFailed`);
        throw error;
      }
      return done;
    },
  });
}

/** One range's subnets: nodes have some by their own word, and some were given that the local copy does not show yet. */
class Pool {
  readonly #subnets: Subnets;
  readonly #name: string;
  readonly #given = new Map<string, number>();
  #next = 0;

  /** `name` tells its subnets from those of other pools in the index of nodes. */
  constructor(subnets: Subnets, name: string) {
    this.#subnets = subnets;
    this.#name = name;
  }

  /** The node's own among this pool's subnets, as the index of nodes names them. */
  subnetsOf({ spec }: Node): readonly string[] {
    return (spec?.podCIDRs ?? []).flatMap((range) => {
      const index = this.#subnets.indexOf(range);
      return index === undefined ? [] : [this.#key(index)];
    });
  }

  /** Forgets what was given to nodes that show it by now, or that are gone. */
  settle(nodes: Informer<Node>): void {
    for (const name of this.#given.keys()) {
      const node = nodes.get({ name });
      if (!node || node.spec.podCIDRs?.length) this.#given.delete(name);
    }
  }

  /** The next free subnet, or undefined when all are taken. Goes round, so that one given back is not used again at once. */
  give(name: string, nodes: Informer<Node>): string | undefined {
    const known = this.#given.get(name);
    if (known !== undefined) return this.#subnets.text(known);
    const given = new Set(this.#given.values());
    for (let step = 0; step < this.#subnets.count; step += 1) {
      const index = (this.#next + step) % this.#subnets.count;
      if (given.has(index) || nodes.by(nodesBySubnet, this.#key(index)).length > 0) continue;
      this.#next = (index + 1) % this.#subnets.count;
      this.#given.set(name, index);
      return this.#subnets.text(index);
    }
    return undefined;
  }

  takeBack(name: string): void {
    this.#given.delete(name);
  }

  #key(index: number): string {
    return `${this.#name}/${index}`;
  }
}

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { addressesIn, addressIn, rangesIn } from "./address-ranges.ts";
import type { ClusterConfig } from "./config.ts";
import type { NodePlace } from "./node-places.ts";

/** One of a cluster's nodes on this machine. */
export interface LocalNode extends NodePlace {
  /** 1 is the machine itself; each further one is a network namespace. */
  readonly number: number;
  readonly name: string;
  readonly address: string;
  /** Its address of the other family, where the cluster has both. */
  readonly secondAddress?: string;
  readonly zone?: string;
}

/** A node's addresses, the primary one first. */
export function nodeAddresses({
  address,
  secondAddress,
}: Pick<LocalNode, "address" | "secondAddress">): readonly string[] {
  return secondAddress === undefined ? [address] : [address, secondAddress];
}

/** The most nodes of one machine: their addresses share a /24 with what joins from elsewhere. */
export const mostLocalNodes = 50;

/** The cluster's nodes on this machine, in order; never empty. */
export function localNodes(config: ClusterConfig): readonly [LocalNode, ...LocalNode[]] {
  const further = Array.from({ length: (config.nodes ?? 1) - 1 }, (_, index) => furtherNode(config, index + 2));
  const first: LocalNode = {
    number: 1,
    name: config.nodeName,
    address: config.nodeAddress,
    ...secondOf(config.advertiseAddress ? rangesIn(config.advertiseAddress) : addressesIn(config.nodeRange, 1)),
    title: config.name,
    folder: join(config.dataDir, "node"),
    ...zoneOf(config, 1),
  };
  return [first, ...further];
}

/** The nodes that have a folder here: the cluster's, and those that it no longer has. */
export function keptNodes(config: ClusterConfig): readonly LocalNode[] {
  const [first] = localNodes(config);
  const folders = existsSync(config.dataDir) ? readdirSync(config.dataDir) : [];
  const numbers = folders.flatMap((name) => /^node-(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  const further = numbers.sort((a, b) => a - b).map((number) => furtherNode(config, number));
  return [...(existsSync(first.folder) ? [first] : []), ...further];
}

/** A node beside the first, whether the cluster has it now or not. */
export function furtherNode(config: ClusterConfig, number: number): LocalNode {
  // No cluster's name has a dot, so no other cluster's node is called the same.
  const title = `${config.name}.${number}`;
  return {
    number,
    name: `${config.nodeName}-${number}`,
    address: addressIn(config.nodeRange, number),
    ...secondOf(addressesIn(config.nodeRange, number)),
    title,
    folder: join(config.dataDir, `node-${number}`),
    namespace: `/run/netns/navarch-${title}`,
    ...zoneOf(config, number),
  };
}

function secondOf([, secondAddress]: readonly string[]): Pick<LocalNode, "secondAddress"> {
  return secondAddress === undefined ? {} : { secondAddress };
}

function zoneOf({ zones = [] }: ClusterConfig, number: number): Pick<LocalNode, "zone"> {
  const zone = zones[(number - 1) % zones.length];
  return zone === undefined ? {} : { zone };
}

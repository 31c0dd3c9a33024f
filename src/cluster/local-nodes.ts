import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../lib/fault.ts";
import { addressAt, parseCidr } from "../network/machine/address.ts";
import type { ClusterConfig } from "./config.ts";
import type { NodePlace } from "./node-places.ts";

/** One of a cluster's nodes on this machine. */
export interface LocalNode extends NodePlace {
  /** 1 is the machine itself; each further one is a network namespace. */
  readonly number: number;
  readonly name: string;
  readonly address: string;
  readonly zone?: string;
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
    title,
    folder: join(config.dataDir, `node-${number}`),
    namespace: `/run/netns/navarch-${title}`,
    ...zoneOf(config, number),
  };
}

/** The n-th address of a range such as `10.254.0.0/24`; 0 is the network's own. */
export function addressIn(range: string, number: number): string {
  const cidr = parseCidr(range);
  if (!cidr) throw new Fault("invalid", `${range} is no range of addresses`);
  return addressAt(cidr, number);
}

function zoneOf({ zones = [] }: ClusterConfig, number: number): Pick<LocalNode, "zone"> {
  const zone = zones[(number - 1) % zones.length];
  return zone === undefined ? {} : { zone };
}

import { basename } from "node:path";
import { familyOf } from "../network/machine/address.ts";
import { commandRunner } from "../network/machine/command.ts";
import { openForwarding, openPodMasquerade } from "../network/pod-network/masquerade.ts";
import { addressesIn, rangesIn } from "./address-ranges.ts";
import type { ClusterConfig } from "./config.ts";
import type { LocalNode } from "./local-nodes.ts";
import { ensureNodeAddresses, ip, linkName, mustIp } from "./machine-link.ts";

/** The machine's end of the cable to a further node. */
export function cableName(config: ClusterConfig, { number }: LocalNode): string {
  return `${linkName(config)}-${number}`;
}

/**
 * Makes the network namespace of a further node, plugged into the cluster's bridge, with the machine as its router. One
 * that stands already stays, with what runs in it. Throws `unsupported` with the kernel's words.
 */
export function ensureNodeNamespace(config: ClusterConfig, node: LocalNode): void {
  const { namespace } = node;
  if (!namespace) return;
  const name = basename(namespace);
  const inside = (...args: readonly string[]) => mustIp("-n", name, ...args);
  // Entering tells whether it is one: of a kill during `add`, an empty file may be left.
  if (ip("-n", name, "link", "show", "dev", "lo").status !== 0) {
    ip("netns", "delete", name);
    mustIp("netns", "add", name);
  }
  inside("link", "set", "dev", "lo", "up");
  const cable = cableName(config, node);
  if (ip("-n", name, "link", "show", "dev", "eth0").status !== 0) {
    if (ip("link", "show", "dev", cable).status === 0) mustIp("link", "delete", "dev", cable);
    mustIp("link", "add", "name", cable, "type", "veth", "peer", "name", "eth0", "netns", name);
  }
  mustIp("link", "set", "dev", cable, "master", linkName(config), "up");
  ensureNodeAddresses(config, node.number, (...args) => inside(...args, "dev", "eth0"));
  inside("link", "set", "dev", "eth0", "up");
  for (const router of addressesIn(config.nodeRange, 1)) inside("route", "replace", "default", "via", router);
}

/** Takes the namespace away with all interfaces and tables in it, if it is there. */
export function removeNodeNamespace(config: ClusterConfig, node: LocalNode): void {
  if (!node.namespace) return;
  const cable = cableName(config, node);
  if (ip("link", "show", "dev", cable).status === 0) mustIp("link", "delete", "dev", cable);
  const name = basename(node.namespace);
  if (
    ip("netns", "list")
      .stdout.split("\n")
      .some((line) => line.split(" ")[0] === name)
  ) {
    mustIp("netns", "delete", name);
  }
}

/** Lets further nodes reach the world under the machine's address; disposing ends it. */
export async function openNodesToWorld(config: ClusterConfig): Promise<AsyncDisposable> {
  const run = commandRunner();
  await using opened = new AsyncDisposableStack();
  const podCIDRs = rangesIn(config.nodeRange);
  const clusterCIDRs = [...rangesIn(config.podRange), ...podCIDRs];
  for (const range of podCIDRs) {
    const family = familyOf(range) ?? "IPv4";
    opened.use(await openPodMasquerade(run, { table: nodesTable(config), family, podCIDRs, clusterCIDRs }));
  }
  opened.use(await openForwarding(run, podCIDRs));
  const ready = opened.move();
  return { [Symbol.asyncDispose]: () => ready.disposeAsync() };
}

/** The same after a kill. */
export async function closeNodesToWorld(config: ClusterConfig): Promise<void> {
  for (const family of ["ip", "ip6"]) await commandRunner()(["nft", "delete", "table", family, nodesTable(config)]);
}

const nodesTable = ({ name }: ClusterConfig) => `navarch-${name}.nodes`;

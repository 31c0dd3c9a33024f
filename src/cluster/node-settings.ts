import { servingLabel } from "../controllers/ingress-status/ingress-status.ts";
import type { NodeToNode } from "../network/node-network.ts";
import { addressesIn, addressIn, alone, isDual, rangesIn } from "./address-ranges.ts";
import type { ClusterConfig, NodeBackend, RuntimeName } from "./config.ts";
import { type IngressSettings, ingressSettings } from "./ingress-settings.ts";
import { type LocalNode, localNodes, nodeAddresses } from "./local-nodes.ts";
import type { NodePlace } from "./node-places.ts";
import type { Flags } from "./part-flags.ts";

/** What all nodes of a cluster have in common; a machine that joins is told it. Ranges and addresses as in `ClusterConfig`. */
export interface SharedNodeSettings {
  readonly podRange: string;
  readonly serviceRange: string;
  readonly dnsAddress: string;
  readonly clusterDomain: string;
  /** Absent: the cluster has one node, and no way to others. */
  readonly backend?: NodeBackend;
  readonly overlayId: number;
  /** Absent: nodes serve no Ingresses. */
  readonly ingress?: IngressSettings;
}

/** All that a node's process needs to know. */
export interface NodeSettings extends NodePlace, SharedNodeSettings {
  readonly name: string;
  /** Where other nodes and the control plane reach this one. */
  readonly address: string;
  /** Its address of the other family, where the cluster has both. */
  readonly secondAddress?: string;
  readonly zone?: string;
  /** The API server, as `https://127.0.0.1:6443`. */
  readonly server: string;
  readonly kubeletPort: number;
  readonly runtime: RuntimeName;
  /** Ranges of the addresses that answer node ports. */
  readonly nodePortRanges: readonly string[];
  /** The kubelet's flags that the agent reads for itself. */
  readonly kubeletFlags?: Flags;
}

/** What every node of the cluster must agree upon. */
export function sharedSettings(config: ClusterConfig): SharedNodeSettings {
  const { podRange, serviceRange, dnsAddress, clusterDomain, nodeBackend = "vxlan" } = config;
  const several = (config.nodes ?? 1) > 1 || config.advertiseAddress !== undefined;
  return {
    podRange,
    serviceRange,
    dnsAddress,
    clusterDomain,
    ...(several ? { backend: nodeBackend } : {}),
    // Clusters side by side on one machine share its tunnels' port.
    overlayId: firstOverlayId + Number(config.nodeRange.split(".")[2]),
    ...(config.disabledAddOns?.includes("ingress") ? {} : { ingress: ingressSettings(config.nodeFlags ?? {}) }),
  };
}

const firstOverlayId = 4096;

/** What no node that joins may answer under: loopback, services, pods, and the API server's own addresses. */
export function reservedRanges(config: ClusterConfig): readonly string[] {
  const handedOut = [config.serviceRange, config.podRange].flatMap(rangesIn);
  const own = [...addressesIn(config.nodeRange, 1), ...nodeAddresses(localNodes(config)[0])];
  return ["127.0.0.0/8", isDual(config.nodeRange) ? "::1" : "::/0", ...handedOut, ...own];
}

/** The settings of one of the cluster's nodes on this machine. */
export function localSettings(config: ClusterConfig, node: LocalNode): NodeSettings {
  const host = node.number === 1 ? "127.0.0.1" : addressIn(config.nodeRange, 1);
  const flags = config.nodeFlags ?? {};
  return {
    ...sharedSettings(config),
    title: node.title,
    folder: node.folder,
    ...(node.namespace ? { namespace: node.namespace } : {}),
    name: node.name,
    address: node.address,
    ...(node.secondAddress ? { secondAddress: node.secondAddress } : {}),
    ...(node.zone ? { zone: node.zone } : {}),
    server: `https://${host}:${config.apiPort}`,
    kubeletPort: config.kubeletPort,
    runtime: config.runtime,
    nodePortRanges: nodePortRanges([config.nodeRange, config.podRange], nodeAddresses(node)),
    kubeletFlags: flags,
  };
}

/** Node ports answer at loopback, at the node's addresses and in ranges of our own, not at whatever else the machine is reached by. */
export function nodePortRanges(own: readonly string[], addresses: readonly string[]): readonly string[] {
  return ["127.0.0.0/8", ...own.flatMap(rangesIn), ...addresses.map(alone)];
}

/** How this node's packets reach the pods of others. */
export function wayToOthers({ backend, address, overlayId }: NodeSettings): NodeToNode {
  if (!backend) return { kind: "none" };
  return backend === "vxlan" ? { kind: "vxlan", address, id: overlayId } : { kind: "host-gw" };
}

/** The labels that a node registers with. */
export function nodeLabels({ name, zone, runtime, ingress }: NodeSettings): Readonly<Record<string, string>> {
  const arch = process.arch === "x64" ? "amd64" : process.arch;
  return {
    "beta.kubernetes.io/arch": arch,
    "beta.kubernetes.io/os": "linux",
    "kubernetes.io/arch": arch,
    "kubernetes.io/os": "linux",
    "kubernetes.io/hostname": name,
    ...(runtime === "cri" ? { [servingLabel]: String(ingress !== undefined) } : {}),
    ...(zone ? { "topology.kubernetes.io/zone": zone, "failure-domain.beta.kubernetes.io/zone": zone } : {}),
  };
}

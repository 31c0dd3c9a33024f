import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { homedir, hostname } from "node:os";
import { basename, join } from "node:path";
import type { SubnetSizes } from "../controllers/node-life-cycle/node-ranges.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import { nodeConfiguration } from "../node/configuration.ts";
import { type AddOn, addOns } from "./add-ons.ts";
import { addressesIn, addressIn, checkRanges, isDual, rangesIn } from "./address-ranges.ts";
import { type ApiServerFlags, accessFlags, protectionFlags, storeFlags, switchFlags } from "./api-server-flag-names.ts";
import { writeSafely } from "./certificates.ts";
import { subnetSizesFromFlags } from "./controller-flags.ts";
import { withKubeletFile } from "./kubelet-flags.ts";
import type { Environment } from "./machine.ts";
import { controllerFlagNames, type Flags, knownFlags, nodeFlagNames } from "./part-flags.ts";
import { apiPortOf, firstFreeSlot, kubeletPortOf, readMachineUse, slotCount } from "./slots.ts";

export type RuntimeName = "cri" | "simulated";
export type NodeBackend = "vxlan" | "host-gw";

/** One cluster on one machine, whole; kept as JSON in its data folder so that every start is the same cluster. */
export interface ClusterConfig {
  readonly name: string;
  readonly dataDir: string;
  /** Sockets, process ids and whatever must not outlive the machine's uptime. */
  readonly runDir: string;
  /** The API server's port on 127.0.0.1 and on the node's address. */
  readonly apiPort: number;
  readonly kubeletPort: number;
  readonly runtime: RuntimeName;
  readonly nodeName: string;
  /** The node's address, where node ports and load balancers answer: one of our own, or the advertised one. */
  readonly nodeAddress: string;
  /** The network that the node's address is in; more nodes of this machine join it. As all ranges: one, or with a comma one of each family. */
  readonly nodeRange: string;
  readonly podRange: string;
  readonly serviceRange: string;
  /** In a cluster of both families one address of each. */
  readonly dnsAddress: string;
  readonly clusterDomain: string;
  /** Flags of upstream's API server that this cluster's takes too, without dashes in front. */
  readonly apiServerFlags?: ApiServerFlags;
  /** Add-ons that this cluster goes without. */
  readonly disabledAddOns?: readonly AddOn[];
  /** File of a KubeSchedulerConfiguration. */
  readonly schedulerConfig?: string;
  /** Module with plugins for the scheduler, which its configuration names. */
  readonly schedulerPlugins?: string;
  /** How many nodes there are on this machine; one if absent. */
  readonly nodes?: number;
  /** The zones of these nodes in turn. */
  readonly zones?: readonly string[];
  /** The address at which other machines reach this one, or with a comma one of each family; without it none can join. */
  readonly advertiseAddress?: string;
  /** How packets reach other nodes' pods; `vxlan` if absent. */
  readonly nodeBackend?: NodeBackend;
  /** Flags of upstream's controller manager that this cluster's takes too. */
  readonly controllerFlags?: Flags;
  /** Flags of upstream's kubelet that the nodes of this machine take too. */
  readonly nodeFlags?: Flags;
}

/** The layout of a cluster's folder. Raised when an older Navarch could not read a newer one's. */
export const dataFormat = 1;

const namePattern = /^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$/;

/** Where clusters are kept: the system's place for root, the user's own otherwise. */
export function clustersFolder(environment: Environment): string {
  if (environment.NAVARCH_DATA) return environment.NAVARCH_DATA;
  if (process.getuid?.() === 0) return "/var/lib/navarch";
  return join(environment.XDG_DATA_HOME ?? join(environment.HOME ?? homedir(), ".local", "share"), "navarch");
}

/** Where a cluster, or a node that joined one, is kept: its data, and what must not outlive the machine's uptime. */
export function placesOf(
  { name, dataDir }: Pick<ConfigWishes, "name" | "dataDir">,
  environment: Environment,
): Pick<ClusterConfig, "dataDir" | "runDir"> {
  if (!namePattern.test(name)) {
    throw new Fault(
      "invalid",
      `--name "${name}": a cluster's name has at most 20 lower-case letters, digits and dashes, and begins with a letter`,
    );
  }
  return { dataDir: dataDir ?? join(clustersFolder(environment), name), runDir: join(runFolder(environment), name) };
}

function runFolder(environment: Environment): string {
  if (process.getuid?.() === 0) return "/run/navarch";
  return join(environment.XDG_RUNTIME_DIR ?? "/tmp", `navarch-${process.getuid?.() ?? "user"}`);
}

export interface ConfigWishes {
  readonly name: string;
  readonly dataDir?: string;
  readonly apiPort?: number;
  readonly runtime?: RuntimeName;
  readonly nodeName?: string;
  /** Added to those that the cluster has; an empty value takes one away. */
  readonly apiServerFlags?: ApiServerFlags;
  /** Names of add-ons; replaces what the cluster went without before. */
  readonly disable?: readonly string[];
  /** Absolute paths; an empty one takes away what the cluster had. */
  readonly schedulerConfig?: string;
  readonly schedulerPlugins?: string;
  /** Each replaces what the cluster had. */
  readonly nodes?: number;
  readonly zones?: readonly string[];
  /** Empty: none any more. */
  readonly advertiseAddress?: string;
  readonly nodeBackend?: NodeBackend;
  /** Added to those that the cluster has; an empty value takes one away. */
  readonly controllerFlags?: Flags;
  readonly nodeFlags?: Flags;
  /** Of a new cluster; one that was made keeps what it has. */
  readonly network?: Partial<ClusterNetwork>;
}

/** Addresses and names that a cluster keeps for its life. */
export type ClusterNetwork = Pick<
  ClusterConfig,
  "nodeRange" | "podRange" | "serviceRange" | "dnsAddress" | "clusterDomain"
>;

/** The cluster of that name as it was made before, or a new one that gets in nobody's way. Writes nothing. */
export function planCluster(wishes: ConfigWishes, environment: Environment): ClusterConfig {
  const { dataDir } = placesOf(wishes, environment);
  const known = readCluster(dataDir);
  if (known) {
    if (wishes.runtime && wishes.runtime !== known.runtime) {
      throw new Fault(
        "invalid",
        `cluster ${known.name} was made with --runtime ${known.runtime}; use that, another --name, or forget it with: navarch down --wipe`,
      );
    }
    refuseMove(wishes.network ?? {}, known);
    const { advertiseAddress: _, ...rest } = known;
    return sound({
      ...rest,
      ...(wishes.apiPort ? { apiPort: wishes.apiPort } : {}),
      ...flagsOf(wishes, known),
      ...addOnsOf(wishes),
      ...schedulerFilesOf(wishes, known),
      ...nodesOf(wishes, known.nodeRange, known),
      ...partFlagsOf(wishes, known),
    });
  }
  return newCluster(wishes, environment);
}

/** A cluster that was not made yet, or whose description is lost. Writes nothing. */
export function newCluster(wishes: ConfigWishes, environment: Environment): ClusterConfig {
  const slot = freeSlot(environment);
  const podRange = wishes.network?.podRange ?? `10.${244 - slot}.0.0/16`;
  const serviceRange = wishes.network?.serviceRange ?? `10.${96 + slot}.0.0/16`;
  const second = isDual(podRange) ? `,fd00:10:254:${slot.toString(16)}::/64` : "";
  const nodeRange = wishes.network?.nodeRange ?? `10.254.${slot}.0/24${second}`;
  return sound({
    name: wishes.name,
    ...placesOf(wishes, environment),
    apiPort: wishes.apiPort ?? apiPortOf(slot),
    kubeletPort: kubeletPortOf(slot),
    runtime: wishes.runtime ?? "cri",
    nodeName:
      wishes.nodeName ??
      hostname()
        .toLowerCase()
        .replace(/[^a-z0-9.-]/g, "-"),
    nodeRange,
    podRange,
    serviceRange,
    dnsAddress: wishes.network?.dnsAddress ?? addressesIn(serviceRange, 10).join(","),
    clusterDomain: wishes.network?.clusterDomain ?? "cluster.local",
    ...flagsOf(wishes),
    ...addOnsOf(wishes),
    ...schedulerFilesOf(wishes),
    ...nodesOf(wishes, nodeRange),
    ...partFlagsOf(wishes),
  });
}

/** Now, not when a part starts: the fault is told to who wrote it. */
function sound(config: ClusterConfig): ClusterConfig {
  checkRanges(config, subnetSizes(config));
  return config;
}

/** How large the nodes' pod ranges are. Throws Fault `invalid`. */
export function subnetSizes({ controllerFlags = {}, podRange }: ClusterConfig): SubnetSizes {
  return subnetSizesFromFlags(controllerFlags, isDual(podRange));
}

function refuseMove(network: Partial<ClusterNetwork>, known: ClusterConfig): void {
  for (const name of Object.keys(network) as (keyof ClusterNetwork)[]) {
    if (network[name] === undefined || network[name] === known[name]) continue;
    throw new Fault(
      "invalid",
      `cluster ${known.name} has the ${name} ${known[name]}, which stays for its life; use that, or forget it with: navarch down --wipe --name ${known.name}`,
    );
  }
}

type SchedulerFiles = Pick<ClusterConfig, "schedulerConfig" | "schedulerPlugins">;

function schedulerFilesOf(wishes: ConfigWishes, known?: ClusterConfig): SchedulerFiles {
  const { schedulerConfig = known?.schedulerConfig, schedulerPlugins = known?.schedulerPlugins } = wishes;
  return {
    ...(schedulerConfig !== undefined ? { schedulerConfig } : {}),
    ...(schedulerPlugins !== undefined ? { schedulerPlugins } : {}),
  };
}

type Nodes = Pick<ClusterConfig, "nodes" | "zones" | "nodeBackend" | "advertiseAddress" | "nodeAddress">;

function nodesOf(wishes: ConfigWishes, nodeRange: string, known?: ClusterConfig): Nodes {
  const runtime = known?.runtime ?? wishes.runtime;
  const { nodes = known?.nodes, zones = known?.zones, nodeBackend = known?.nodeBackend } = wishes;
  const advertiseAddress = (wishes.advertiseAddress ?? known?.advertiseAddress) || undefined;
  if (nodes !== undefined && nodes > 1) {
    if (runtime === "simulated") {
      throw new Fault("invalid", "--nodes is for real containers; with --runtime simulated say --simulated-nodes");
    }
    if (advertiseAddress) {
      throw new Fault(
        "invalid",
        "--nodes and --advertise-address exclude each other: other machines could not reach the further nodes of this one",
      );
    }
  }
  const [advertised, second] = rangesIn(advertiseAddress ?? "");
  if (advertised && (isIP(advertised) !== 4 || /^(127|0)\./.test(advertised))) {
    throw new Fault("invalid", `--advertise-address ${advertised} is no IPv4 address that others reach`);
  }
  if (second && (isIP(second) !== 6 || !isDual(nodeRange))) {
    throw new Fault(
      "invalid",
      `--advertise-address ${second}: a second address is of IPv6, in a cluster of both families`,
    );
  }
  return {
    ...(nodes !== undefined ? { nodes } : {}),
    ...(zones !== undefined ? { zones } : {}),
    ...(nodeBackend !== undefined ? { nodeBackend } : {}),
    ...(advertiseAddress ? { advertiseAddress } : {}),
    nodeAddress: advertised ?? addressIn(nodeRange, 1),
  };
}

type PartFlags = Pick<ClusterConfig, "controllerFlags" | "nodeFlags">;

function partFlagsOf(wishes: ConfigWishes, known?: ClusterConfig): PartFlags {
  const given = [known?.controllerFlags, wishes.controllerFlags];
  const controllerFlags = knownFlags("controller manager", controllerFlagNames, given);
  const nodeFlags = knownFlags("kubelet", nodeFlagNames, [known?.nodeFlags, wishes.nodeFlags]);
  // Now, not when the node starts: the fault is told to who wrote it.
  if (nodeFlags) nodeConfiguration(withKubeletFile(nodeFlags).flags);
  return { ...(controllerFlags ? { controllerFlags } : {}), ...(nodeFlags ? { nodeFlags } : {}) };
}

function flagsOf(wishes: ConfigWishes, known?: ClusterConfig): Pick<ClusterConfig, "apiServerFlags"> {
  const names = [...accessFlags, ...protectionFlags, ...storeFlags, ...switchFlags];
  const apiServerFlags = knownFlags("API server", names, [known?.apiServerFlags, wishes.apiServerFlags]);
  return apiServerFlags ? { apiServerFlags } : {};
}

function addOnsOf({ disable }: ConfigWishes): Pick<ClusterConfig, "disabledAddOns"> {
  const unknown = disable?.find((name) => !addOns.some((known) => known === name));
  if (unknown !== undefined) {
    throw new Fault("invalid", `--disable ${unknown}: there is no such add-on; these can go: ${addOns.join(", ")}`);
  }
  return disable ? { disabledAddOns: addOns.filter((name) => disable.includes(name)) } : {};
}

/** A slot of ports and address ranges that is no other cluster's of this folder, and in nobody's way on this machine. */
function freeSlot(environment: Environment): number {
  const folder = clustersFolder(environment);
  const slot = firstFreeSlot(knownSlots(folder), readMachineUse());
  if (slot !== undefined) return slot;
  throw new Fault(
    "exhausted",
    `${slotCount} clusters are kept in ${folder} or run on this machine; forget one with: navarch down --wipe --name NAME`,
  );
}

function knownSlots(folder: string): ReadonlySet<number> {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return new Set(names.map((name) => Number(rangeOf(join(folder, name))?.split(".")[2])));
}

/** A damaged neighbour must not keep a new cluster from starting. */
function rangeOf(dataDir: string): string | undefined {
  try {
    return readCluster(dataDir)?.nodeRange;
  } catch {
    return undefined;
  }
}

/** Where a cluster's objects lie. */
export function storeFolder(config: Pick<ClusterConfig, "dataDir">): string {
  return join(config.dataDir, "store");
}

const fileOf = (dataDir: string) => join(dataDir, "cluster.json");

/** The cluster kept in a folder; undefined if there is none. Throws `newer-format` and `corrupt`. */
export function readCluster(dataDir: string): ClusterConfig | undefined {
  const file = fileOf(dataDir);
  if (!existsSync(file)) return undefined;
  let stored: { readonly format?: number; readonly cluster?: ClusterConfig };
  try {
    stored = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Fault(
      "corrupt",
      `${file} is damaged (${errorMessage(error)}); restore it from a backup, or forget this cluster with: ${forgetting(dataDir)}`,
    );
  }
  if (typeof stored.format !== "number" || typeof stored.cluster !== "object") {
    throw new Fault(
      "corrupt",
      `${file} is no cluster's description; restore it from a backup, or forget this cluster with: ${forgetting(dataDir)}`,
    );
  }
  if (stored.format > dataFormat) {
    throw new Fault(
      "newer-format",
      `${dataDir} was written by a later Navarch (format ${stored.format}; this one knows up to ${dataFormat}): start it with that version, or choose another --data-dir`,
    );
  }
  return { ...stored.cluster, dataDir };
}

const forgetting = (dataDir: string) => `navarch down --wipe --name ${basename(dataDir)} --data-dir ${dataDir}`;

/** Keeps the cluster's description in its folder. */
export function writeCluster(config: ClusterConfig): void {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  writeSafely(fileOf(config.dataDir), `${JSON.stringify({ format: dataFormat, cluster: config }, undefined, 2)}\n`);
}

import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { homedir, hostname } from "node:os";
import { basename, join } from "node:path";
import { errorMessage, Fault } from "../lib/fault.ts";
import { type AddOn, addOns } from "./add-ons.ts";
import { type ApiServerFlags, accessFlags, protectionFlags } from "./api-server-flag-names.ts";
import { writeSafely } from "./certificates.ts";
import type { Environment } from "./machine.ts";
import { apiPortOf, firstFreeSlot, kubeletPortOf, readMachineUse, slotCount } from "./slots.ts";

export type RuntimeName = "cri" | "simulated";

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
  /** An address of our own on this machine: the node's, where node ports and load balancers answer. */
  readonly nodeAddress: string;
  /** The network that the node's address is in; more nodes of this machine join it. */
  readonly nodeRange: string;
  readonly podRange: string;
  readonly serviceRange: string;
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
}

/** The cluster of that name as it was made before, or a new one that gets in nobody's way. Writes nothing. */
export function planCluster(wishes: ConfigWishes, environment: Environment): ClusterConfig {
  if (!namePattern.test(wishes.name)) {
    throw new Fault(
      "invalid",
      `--name "${wishes.name}": a cluster's name has at most 20 lower-case letters, digits and dashes, and begins with a letter`,
    );
  }
  const dataDir = wishes.dataDir ?? join(clustersFolder(environment), wishes.name);
  const known = readCluster(dataDir);
  if (known) {
    if (wishes.runtime && wishes.runtime !== known.runtime) {
      throw new Fault(
        "invalid",
        `cluster ${known.name} was made with --runtime ${known.runtime}; use that, another --name, or forget it with: navarch down --wipe`,
      );
    }
    return {
      ...known,
      ...(wishes.apiPort ? { apiPort: wishes.apiPort } : {}),
      ...flagsOf(wishes, known),
      ...addOnsOf(wishes),
      ...schedulerFilesOf(wishes, known),
    };
  }
  return newCluster(wishes, environment);
}

/** A cluster that was not made yet, or whose description is lost. Writes nothing. */
export function newCluster(wishes: ConfigWishes, environment: Environment): ClusterConfig {
  const dataDir = wishes.dataDir ?? join(clustersFolder(environment), wishes.name);
  const slot = freeSlot(environment);
  return {
    name: wishes.name,
    dataDir,
    runDir: join(runFolder(environment), wishes.name),
    apiPort: wishes.apiPort ?? apiPortOf(slot),
    kubeletPort: kubeletPortOf(slot),
    runtime: wishes.runtime ?? "cri",
    nodeName:
      wishes.nodeName ??
      hostname()
        .toLowerCase()
        .replace(/[^a-z0-9.-]/g, "-"),
    nodeAddress: `10.254.${slot}.1`,
    nodeRange: `10.254.${slot}.0/24`,
    podRange: `10.${244 - slot}.0.0/16`,
    serviceRange: `10.${96 + slot}.0.0/16`,
    dnsAddress: `10.${96 + slot}.0.10`,
    clusterDomain: "cluster.local",
    ...flagsOf(wishes),
    ...addOnsOf(wishes),
    ...schedulerFilesOf(wishes),
  };
}

type SchedulerFiles = Pick<ClusterConfig, "schedulerConfig" | "schedulerPlugins">;

function schedulerFilesOf(wishes: ConfigWishes, known?: ClusterConfig): SchedulerFiles {
  const { schedulerConfig = known?.schedulerConfig, schedulerPlugins = known?.schedulerPlugins } = wishes;
  return {
    ...(schedulerConfig !== undefined ? { schedulerConfig } : {}),
    ...(schedulerPlugins !== undefined ? { schedulerPlugins } : {}),
  };
}

function flagsOf(wishes: ConfigWishes, known?: ClusterConfig): Pick<ClusterConfig, "apiServerFlags"> {
  const wished = wishes.apiServerFlags ?? {};
  const unknown = Object.keys(wished).find((name) => !accessFlags.includes(name) && !protectionFlags.includes(name));
  if (unknown !== undefined) throw new Fault("invalid", `the API server has no flag --${unknown}`);
  const all = Object.entries({ ...known?.apiServerFlags, ...wished }).filter(([, value]) => value !== "");
  return all.length > 0 || known?.apiServerFlags ? { apiServerFlags: Object.fromEntries(all) } : {};
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

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { type ClusterConfig, clustersFolder, readCluster } from "../cluster/config.ts";
import { type JoinedNode, readJoinedNode } from "../cluster/joined-node.ts";
import { runningProcess } from "../cluster/process-lock.ts";
import { type ClusterStatus, clusterStatus, type NodeStatus } from "../cluster/status.ts";
import { systemClock } from "../lib/clock.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import { adminTransport, knownCluster } from "./cluster-access.ts";
import { alignedTable, oneOf } from "./flags.ts";

interface StatusFlags {
  readonly name?: string;
  readonly dataDir?: string;
  readonly output?: "json";
}

/** What is kept in one folder: a cluster, a node of one elsewhere, or something damaged. */
type Kept =
  | { readonly cluster: ClusterConfig }
  | { readonly joined: JoinedNode }
  | { readonly name: string; readonly damage: string };

interface JoinedStatus {
  readonly name: string;
  readonly node: string;
  readonly server: string;
  readonly state: "running" | "stopped";
  readonly dataDir: string;
}

/** What scripts learn of a cluster that does not run; 1 is said when it runs and is not well. */
const notRunning = 3;

/** `navarch status`. */
export function addStatusCommand(program: Command): void {
  program
    .command("status")
    .description("say which clusters there are and how they are; with a name, how one is; fails when it is not well")
    .argument("[cluster]", "the cluster")
    .option("--name <name>", "the same")
    .option("--data-dir <folder>", "where the cluster's data is kept")
    .option("-o, --output <format>", "json for programs", oneOf("json"))
    .action((name: string | undefined, flags: StatusFlags) => status({ ...flags, ...(name ? { name } : {}) }));
}

async function status({ name, dataDir, output }: StatusFlags): Promise<void> {
  const folders = dataDir ? [dataDir] : foldersOf(name);
  const kept = folders.flatMap(read);
  const damaged = kept.find((one) => "damage" in one);
  const one = name !== undefined || dataDir !== undefined;
  if (one && damaged) throw new Fault("corrupt", damaged.damage);
  if (one && kept.length === 0) knownCluster({ name: name ?? "navarch", ...(dataDir ? { dataDir } : {}) });
  const clusters = await Promise.all(kept.flatMap((each) => ("cluster" in each ? [lookAt(each.cluster)] : [])));
  const joined = kept.flatMap((each) => ("joined" in each ? [joinedStatus(each.joined)] : []));
  const damages = kept.flatMap((each) => ("damage" in each ? [each] : []));

  if (output === "json")
    console.log(JSON.stringify(one ? (clusters[0] ?? joined[0]) : { clusters, joined }, undefined, 2));
  else if (one && clusters[0]) console.log(detailText(clusters[0]));
  else console.log(listText(clusters, joined, damages));
  if (one) process.exitCode = exitCodeOf(clusters[0] ?? joined[0]);
}

function foldersOf(name: string | undefined): readonly string[] {
  const folder = clustersFolder(process.env);
  if (name !== undefined) return [join(folder, name)];
  return existsSync(folder)
    ? readdirSync(folder)
        .sort()
        .map((each) => join(folder, each))
    : [];
}

function read(folder: string): readonly Kept[] {
  try {
    const cluster = readCluster(folder);
    if (cluster) return [{ cluster }];
    const joined = readJoinedNode(folder);
    return joined ? [{ joined }] : [];
  } catch (error) {
    return [{ name: folder, damage: errorMessage(error) }];
  }
}

const lookAt = (config: ClusterConfig) =>
  clusterStatus(
    config,
    () => adminTransport(config),
    () => systemClock.now(),
  );

function joinedStatus({ name, runDir, dataDir, settings }: JoinedNode): JoinedStatus {
  const state = runningProcess(runDir) ? "running" : "stopped";
  return { name, node: settings.name, server: settings.server, state, dataDir };
}

function exitCodeOf(status: ClusterStatus | JoinedStatus | undefined): number {
  if (status?.state !== "running") return notRunning;
  if (!("storeBytes" in status)) return 0;
  const parts = status.parts?.every(({ healthy }) => healthy) ?? false;
  return parts && status.nodes?.every(({ state }) => state === "Ready") ? 0 : 1;
}

function listText(
  clusters: readonly ClusterStatus[],
  joined: readonly JoinedStatus[],
  damages: readonly { readonly name: string; readonly damage: string }[],
): string {
  if (clusters.length + joined.length + damages.length === 0) {
    return `There is no cluster in ${clustersFolder(process.env)}; make one with: navarch up`;
  }
  const rows = clusters.map((status) => [
    status.name,
    stateText(status),
    nodesText(status.nodes),
    status.version ?? "",
    status.etcd ? "in etcd" : sizeText(status.storeBytes),
    status.server,
  ]);
  const nodes = joined.map(({ name, node, state, server }) => [name, state, `is ${node}`, "", "", server]);
  const broken = damages.map(({ name }) => [name, "damaged", "", "", "", ""]);
  return alignedTable([["NAME", "STATE", "NODES", "VERSION", "STORE", "SERVER"], ...rows, ...nodes, ...broken]);
}

function detailText(status: ClusterStatus): string {
  const { parts = [], nodes = [] } = status;
  const about = [
    ["Cluster:", status.name],
    ["State:", status.pid ? `${stateText(status)}, process ${status.pid}` : status.state],
    ["Server:", status.server],
    ...(status.version ? [["Version:", status.version]] : []),
    ["Store:", status.etcd ?? sizeText(status.storeBytes)],
    ["Data:", status.dataDir],
  ];
  const partRows = parts.map(({ name, healthy, detail }) => [name, healthy ? "ok" : "failed", detail]);
  const nodeRows = nodes.map(({ name, state, schedulable, zone, address, version }) => [
    name,
    schedulable ? state : `${state},SchedulingDisabled`,
    zone || "<none>",
    address || "<none>",
    version || "<none>",
  ]);
  return [
    alignedTable(about),
    ...(partRows.length > 0 ? [alignedTable([["PART", "STATE", "DETAIL"], ...partRows])] : []),
    ...(nodeRows.length > 0 ? [alignedTable([["NODE", "STATE", "ZONE", "ADDRESS", "VERSION"], ...nodeRows])] : []),
  ].join("\n\n");
}

function stateText({ state, parts = [] }: ClusterStatus): string {
  return parts.every(({ healthy }) => healthy) ? state : `${state}, not healthy`;
}

function nodesText(nodes: readonly NodeStatus[] | undefined): string {
  return nodes ? `${nodes.filter(({ state }) => state === "Ready").length}/${nodes.length} ready` : "";
}

function sizeText(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

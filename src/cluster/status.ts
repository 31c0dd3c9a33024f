import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { Lease } from "../api/coordination/lease.ts";
import { addressOf, isNodeReady, Node } from "../api/core/node.ts";
import { createClient } from "../client/api-client.ts";
import type { Client } from "../client/client.ts";
import type { Transport } from "../client/transport.ts";
import { errorMessage } from "../lib/fault.ts";
import { isStatus } from "../machinery/status-error.ts";
import { type ClusterConfig, storeFolder } from "./config.ts";
import { storePlace, usesEtcd } from "./history/cluster-store.ts";
import { answerText } from "./node-calls.ts";
import { runningProcess } from "./process-lock.ts";

/** One part of the control plane. */
export interface PartStatus {
  readonly name: string;
  readonly healthy: boolean;
  /** What is wrong, or who does the work. */
  readonly detail: string;
}

export interface NodeStatus {
  readonly name: string;
  readonly state: "Ready" | "NotReady";
  readonly schedulable: boolean;
  readonly zone: string;
  readonly address: string;
  readonly version: string;
}

/** How a cluster of this machine is; what only a running one tells is absent of others. */
export interface ClusterStatus {
  readonly name: string;
  readonly state: "running" | "stopped";
  readonly pid?: number;
  readonly server: string;
  readonly dataDir: string;
  /** Of its folder; 0 when its data is in etcd. */
  readonly storeBytes: number;
  /** The servers of etcd that have its data. */
  readonly etcd?: string;
  /** The Kubernetes version that the server says. */
  readonly version?: string;
  readonly parts?: readonly PartStatus[];
  readonly nodes?: readonly NodeStatus[];
}

const patience = 3_000;
const electedParts = ["kube-controller-manager", "kube-scheduler"];

/** Looks at a cluster; `connect` opens a connection as its administrator. A server that does not answer is a status too. */
export async function clusterStatus(
  config: ClusterConfig,
  connect: () => Promise<Transport>,
  now: () => number,
): Promise<ClusterStatus> {
  const pid = runningProcess(config.runDir);
  const about = {
    name: config.name,
    server: `https://127.0.0.1:${config.apiPort}`,
    dataDir: config.dataDir,
    ...(usesEtcd(config) ? { storeBytes: 0, etcd: storePlace(config) } : { storeBytes: bytesIn(storeFolder(config)) }),
  };
  if (!pid) return { ...about, state: "stopped" };
  const running = { ...about, state: "running", pid } as const;
  try {
    await using transport = await connect();
    const [version, server] = await Promise.all([versionOf(transport), serverParts(transport)]);
    const client = createClient(transport);
    const [elected, nodes] = await Promise.all([electedStatus(client, now()), nodesOf(client)]);
    return { ...running, version, parts: [...server, ...elected], nodes };
  } catch (error) {
    return { ...running, parts: [{ name: "kube-apiserver", healthy: false, detail: errorMessage(error) }] };
  }
}

async function versionOf(transport: Transport): Promise<string> {
  const answer = await transport.send({ method: "GET", path: "/version", signal: AbortSignal.timeout(patience) });
  return ((await answer.value()) as { readonly gitVersion?: string }).gitVersion ?? "";
}

async function serverParts(transport: Transport): Promise<readonly PartStatus[]> {
  const signal = AbortSignal.timeout(patience);
  const answer = await transport.send({ method: "GET", path: "/readyz?verbose", signal });
  const failed = [...(await answerText(answer)).matchAll(/^\[-\](.*)$/gm)].map(([, what]) => what);
  return [{ name: "kube-apiserver", healthy: answer.status === 200, detail: failed.join("; ") }];
}

/** Controllers and scheduler are well while somebody renews their leases. */
async function electedStatus(client: Client, now: number): Promise<readonly PartStatus[]> {
  return Promise.all(
    electedParts.map(async (name) => {
      try {
        const { spec } = await client.get(Lease, { namespace: "kube-system", name });
        const silent = now - Date.parse(spec.renewTime ?? "");
        const healthy = silent <= (spec.leaseDurationSeconds ?? 0) * 1000;
        const holder = spec.holderIdentity ?? "";
        return { name, healthy, detail: healthy ? holder : `${holder || "nobody"} has not renewed its lease` };
      } catch (error) {
        if (!isStatus(error, "NotFound")) throw error;
        return { name, healthy: false, detail: "nobody leads" };
      }
    }),
  );
}

async function nodesOf(client: Client): Promise<readonly NodeStatus[]> {
  const { items } = await client.list(Node, { signal: AbortSignal.timeout(patience) });
  return items.map((node) => ({
    name: node.metadata.name,
    state: isNodeReady(node) ? "Ready" : "NotReady",
    schedulable: !node.spec.unschedulable,
    zone: node.metadata.labels?.["topology.kubernetes.io/zone"] ?? "",
    address: addressOf(node, "InternalIP") ?? "",
    version: node.status?.nodeInfo?.kubeletVersion ?? "",
  }));
}

/** What the files of a folder take on the disk. */
function bytesIn(folder: string): number {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).blocks * 512, 0);
}

import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { Fault } from "../../lib/fault.ts";
import { type ClusterConfig, type ClusterNetwork, readCluster } from "../config.ts";

/** What objects in a store lean on: addresses were handed out of these ranges, names end in this domain. */
type ObjectsNetwork = Omit<ClusterNetwork, "nodeRange">;

/** What a snapshot says of the cluster that it was taken of. */
export function aboutCluster(config: ClusterConfig): Readonly<Record<string, unknown>> {
  const { name, podRange, serviceRange, dnsAddress, clusterDomain } = config;
  return { name, network: { podRange, serviceRange, dnsAddress, clusterDomain } };
}

/** The network of the cluster that a snapshot was taken of. Throws Fault `corrupt`. */
export function networkIn(about: Readonly<Record<string, unknown>>): ObjectsNetwork {
  const { podRange, serviceRange, dnsAddress, clusterDomain } = (about.network ?? {}) as Partial<ObjectsNetwork>;
  const parts = { podRange, serviceRange, dnsAddress, clusterDomain };
  const lacking = Object.entries(parts).find(([, value]) => typeof value !== "string");
  if (lacking) throw new Fault("corrupt", `the snapshot's head lacks the cluster's ${lacking[0]}`);
  return parts as ObjectsNetwork;
}

/** Throws Fault `in-use` when another cluster of the same folder hands out the same addresses. */
export function refuseOverlap(config: ClusterConfig): void {
  const folder = dirname(config.dataDir);
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const other = join(folder, name) === config.dataDir ? undefined : readable(join(folder, name));
    if (!other || (other.serviceRange !== config.serviceRange && other.podRange !== config.podRange)) continue;
    throw new Fault(
      "in-use",
      `cluster ${other.name} hands out the same addresses (${config.serviceRange}, ${config.podRange}); forget it first with: navarch down --wipe --name ${other.name}`,
    );
  }
}

/** A damaged neighbour must not keep a cluster from being restored. */
function readable(dataDir: string): ClusterConfig | undefined {
  try {
    return readCluster(dataDir);
  } catch {
    return undefined;
  }
}

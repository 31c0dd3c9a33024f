import { httpTransport } from "../client/http-transport.ts";
import { type ClusterConfig, planCluster, readCluster } from "../cluster/config.ts";
import { ensureCredentials } from "../cluster/credentials.ts";
import { systemClock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { systemRandom } from "../lib/random.ts";

/** Which cluster a command is about. */
export interface ClusterFlags {
  readonly name: string;
  readonly dataDir?: string;
}

/** The cluster that the flags name. Throws Fault `missing`. */
export function knownCluster(flags: ClusterFlags): ClusterConfig {
  const config = planCluster(flags, process.env);
  if (readCluster(config.dataDir)) return config;
  throw new Fault("missing", `there is no cluster in ${config.dataDir}; make one with: navarch up`);
}

/** Calls the cluster's API server as its administrator. */
export async function adminTransport(config: ClusterConfig) {
  const { ca, admin } = await ensureCredentials(config, { clock: systemClock, random: systemRandom });
  return httpTransport({ server: `https://127.0.0.1:${config.apiPort}`, ca, cert: admin.cert, key: admin.key });
}

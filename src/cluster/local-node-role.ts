import { systemClock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { systemRandom } from "../lib/random.ts";
import { startAgentRole } from "./agent-role.ts";
import type { ClusterConfig } from "./config.ts";
import { localNodes } from "./local-nodes.ts";
import { localNodeAccess } from "./node-access.ts";
import { localSettings } from "./node-settings.ts";
import type { Role } from "./role-process.ts";

/** Runs one of the cluster's nodes on this machine in this process. Throws `missing` for one that the cluster has not. */
export async function startLocalNode(
  config: ClusterConfig,
  number: number,
  log: Log,
  note: (text: string) => void,
): Promise<Role> {
  const node = localNodes(config)[number - 1];
  if (!node) throw new Fault("missing", `cluster ${config.name} has no node ${number} on this machine`);
  const access = await localNodeAccess(config, node, { clock: systemClock, random: systemRandom, log });
  return startAgentRole(localSettings(config, node), access, log, note);
}

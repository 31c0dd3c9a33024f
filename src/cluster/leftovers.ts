import { existsSync, rmSync } from "node:fs";
import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { removeNodeNetwork } from "../network/node-network.ts";
import { detectCgroups } from "../node/runtime/cgroup-hierarchy.ts";
import { Cgroups } from "../node/runtime/cgroups.ts";
import { unmountBelow } from "../node/runtime/mounts.ts";
import type { ClusterConfig } from "./config.ts";
import { privateContainerd } from "./containerd.ts";
import { removeLink } from "./machine-link.ts";
import { cgroupName, cniFolder, containerdFolder, networkStateFolder, nodeFolder } from "./node-places.ts";
import { endOrphans } from "./process-lock.ts";

/**
 * Takes away what a cluster that was killed, not stopped, has left on the machine: processes, containers, interfaces,
 * tables, mounts, control groups. Its data stays.
 */
export async function cleanLeftovers(config: ClusterConfig, note: (text: string) => void): Promise<void> {
  await endOrphans(config.runDir, systemClock);
  rmSync(config.runDir, { recursive: true, force: true });
  if (config.runtime !== "cri" || !existsSync(containerdFolder(config))) return;
  note("containers");
  await privateContainerd(config, systemClock, silentLog).stop();
  note("network");
  await removeNodeNetwork({ name: config.name, stateDir: networkStateFolder(config), cniConfDir: cniFolder(config) });
  removeLink(config);
  note("mounts and control groups");
  await unmountBelow(nodeFolder(config));
  await new Cgroups({ hierarchy: await detectCgroups(), clock: systemClock, name: cgroupName(config) }).removeAll();
}

import { existsSync, rmSync } from "node:fs";
import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { removeNodeNetwork } from "../network/node-network.ts";
import { detectCgroups } from "../node/runtime/cgroup-hierarchy.ts";
import { Cgroups } from "../node/runtime/cgroups.ts";
import { unmountBelow } from "../node/runtime/mounts.ts";
import type { ClusterConfig } from "./config.ts";
import { privateContainerd } from "./containerd.ts";
import { keptNodes } from "./local-nodes.ts";
import { removeLink } from "./machine-link.ts";
import { closeNodesToWorld, removeNodeNamespace } from "./node-namespaces.ts";
import { cgroupName, cniFolder, type NodePlace, networkStateFolder } from "./node-places.ts";
import { endOrphans } from "./process-lock.ts";

/**
 * Takes away what a cluster that was killed, not stopped, has left on the machine: processes, containers, interfaces,
 * tables, mounts, control groups. Its data stays.
 */
export async function cleanLeftovers(config: ClusterConfig, note: (text: string) => void): Promise<void> {
  await endOrphans(config.runDir, systemClock);
  rmSync(config.runDir, { recursive: true, force: true });
  if (config.runtime !== "cri") return;
  const nodes = keptNodes(config);
  if (nodes.length === 0) return;
  note("containers and networks");
  await Promise.all(nodes.map(cleanNode));
  for (const node of nodes) removeNodeNamespace(config, node);
  await closeNodesToWorld(config);
  removeLink(config);
}

/** Takes away what a node that was killed has left on the machine. Its data stays. */
export async function cleanNode(place: NodePlace): Promise<void> {
  await privateContainerd(place, systemClock, silentLog).stop();
  // What is in a namespace of its own goes with it, but not the files.
  const alive = !place.namespace || existsSync(place.namespace);
  await removeNodeNetwork({
    name: place.title,
    stateDir: networkStateFolder(place),
    cniConfDir: cniFolder(place),
    ...(place.namespace && alive ? { execPrefix: ["nsenter", `--net=${place.namespace}`] } : {}),
  });
  await unmountBelow(place.folder);
  await new Cgroups({ hierarchy: await detectCgroups(), clock: systemClock, name: cgroupName(place) }).removeAll();
}

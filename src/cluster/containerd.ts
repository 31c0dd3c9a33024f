import { pauseImage } from "../images/build.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { PrivateContainerd } from "../node/runtime/containerd.ts";
import type { ClusterConfig } from "./config.ts";
import { findCniPlugins } from "./machine.ts";
import { cniFolder, containerdFolder } from "./node-places.ts";

/** The containerd of a cluster's node; nothing is started yet. */
export function privateContainerd(config: ClusterConfig, clock: Clock, log: Log): PrivateContainerd {
  const cniBinDir = findCniPlugins();
  return new PrivateContainerd({
    directory: containerdFolder(config),
    clock,
    log,
    sandboxImage: pauseImage.name,
    cniConfDir: cniFolder(config),
    ...(cniBinDir ? { cniBinDir } : {}),
  });
}

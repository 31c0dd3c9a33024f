import { pauseImage } from "../images/build.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { PrivateContainerd } from "../node/runtime/containerd.ts";
import { findCniPlugins } from "./machine.ts";
import { cniFolder, containerdFolder, type NodePlace } from "./node-places.ts";

/** The containerd of a node; nothing is started yet. */
export function privateContainerd(place: NodePlace, clock: Clock, log: Log): PrivateContainerd {
  const cniBinDir = findCniPlugins();
  return new PrivateContainerd({
    directory: containerdFolder(place),
    clock,
    log,
    sandboxImage: pauseImage.name,
    cniConfDir: cniFolder(place),
    ...(cniBinDir ? { cniBinDir } : {}),
    ...(place.namespace ? { networkNamespace: place.namespace } : {}),
  });
}

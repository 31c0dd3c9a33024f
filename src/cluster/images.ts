import { homedir } from "node:os";
import { join } from "node:path";
import type { Environment } from "./machine.ts";
import { containerdFolder, type NodePlace } from "./node-places.ts";

/** Where built images are kept; shared by all clusters of this machine's user. */
export function imageCache(environment: Environment): string {
  if (environment.NAVARCH_CACHE) return join(environment.NAVARCH_CACHE, "images");
  if (process.getuid?.() === 0) return "/var/cache/navarch/images";
  return join(environment.XDG_CACHE_HOME ?? join(environment.HOME ?? homedir(), ".cache"), "navarch", "images");
}

/** The socket of a node's own containerd. */
export function containerdAddress(place: NodePlace): string {
  return join(containerdFolder(place), "containerd.sock");
}

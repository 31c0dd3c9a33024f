import { spawnSync } from "node:child_process";
import { Fault } from "../lib/fault.ts";
import type { ClusterConfig } from "./config.ts";

/** The interface that carries the node's address: a bridge, which more nodes of this machine can be plugged into. */
export function linkName(config: ClusterConfig): string {
  return `navarch${config.nodeRange.split(".")[2]}`;
}

/** Sets the interface up; does nothing where it stands already. Throws `unsupported` with the kernel's words. */
export function ensureLink(config: ClusterConfig): void {
  const link = linkName(config);
  if (ip("link", "show", "dev", link).status !== 0) must("link", "add", "name", link, "type", "bridge");
  const shown = ip("-brief", "address", "show", "dev", link).stdout;
  if (!shown.includes(`${config.nodeAddress}/`)) {
    must("address", "add", `${config.nodeAddress}/${config.nodeRange.split("/")[1]}`, "dev", link);
  }
  must("link", "set", "dev", link, "up");
}

/** Takes the interface away again, if it is there. */
export function removeLink(config: ClusterConfig): void {
  if (ip("link", "show", "dev", linkName(config)).status === 0) must("link", "delete", "dev", linkName(config));
}

function ip(...args: string[]) {
  return spawnSync("ip", args, {
    encoding: "utf8",
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
}

function must(...args: string[]): void {
  const { status, stderr } = ip(...args);
  if (status !== 0) throw new Fault("unsupported", `ip ${args.join(" ")}: ${stderr.trim()}`);
}

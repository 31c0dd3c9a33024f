import { spawnSync } from "node:child_process";
import { Fault } from "../lib/fault.ts";
import { macOf } from "../network/pod-network/devices.ts";
import type { ClusterConfig } from "./config.ts";
import { addressIn } from "./local-nodes.ts";

/** The interface that carries an address of our own: a bridge, which more nodes of this machine are plugged into. */
export function linkName(config: ClusterConfig): string {
  return `navarch${config.nodeRange.split(".")[2]}`;
}

/** Sets the interface up; does nothing where it stands already. Throws `unsupported` with the kernel's words. */
export function ensureLink(config: ClusterConfig): void {
  const link = linkName(config);
  if (ip("link", "show", "dev", link).status !== 0) mustIp("link", "add", "name", link, "type", "bridge");
  const shown = ip("-brief", "address", "show", "dev", link).stdout;
  const address = addressIn(config.nodeRange, 1);
  if (!shown.includes(`${address}/`)) {
    mustIp("address", "add", `${address}/${config.nodeRange.split("/")[1]}`, "dev", link);
  }
  // Without an address of its own, a bridge takes one of its ports', and another when nodes come and go.
  mustIp("link", "set", "dev", link, "address", macOf(address), "up");
}

/** Takes the interface away again, if it is there. */
export function removeLink(config: ClusterConfig): void {
  if (ip("link", "show", "dev", linkName(config)).status === 0) mustIp("link", "delete", "dev", linkName(config));
}

/** Runs `ip`, whatever becomes of it. */
export function ip(...args: string[]) {
  return spawnSync("ip", args, {
    encoding: "utf8",
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
}

/** Runs `ip`; throws `unsupported` with the kernel's words. */
export function mustIp(...args: string[]): void {
  const { status, stderr } = ip(...args);
  if (status !== 0) throw new Fault("unsupported", `ip ${args.join(" ")}: ${stderr.trim()}`);
}

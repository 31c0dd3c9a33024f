import { spawnSync } from "node:child_process";
import { Fault } from "../lib/fault.ts";
import { macOf } from "../network/pod-network/devices.ts";
import { addressIn, rangesIn } from "./address-ranges.ts";
import type { ClusterConfig } from "./config.ts";

/** The interface that carries an address of our own: a bridge, which more nodes of this machine are plugged into. */
export function linkName(config: ClusterConfig): string {
  return `navarch${config.nodeRange.split(".")[2]}`;
}

/**
 * Sets the interface up; does nothing where it stands already. Throws `in-use` where it is another cluster's, whose data lie
 * elsewhere, and `unsupported` with the kernel's words.
 */
export function ensureLink(config: ClusterConfig): void {
  const link = linkName(config);
  const owner = ownerOf(link);
  if (owner && owner !== ownMark(config)) {
    const mend = "end that one, or wipe this one and start it anew";
    throw new Fault("in-use", `${link} with ${config.nodeRange} belongs to the cluster in ${owner}: ${mend}`);
  }
  if (owner === undefined) mustIp("link", "add", "name", link, "type", "bridge");
  mustIp("link", "set", "dev", link, "alias", ownMark(config));
  // Without an address of its own, a bridge takes one of its ports', and another when nodes come and go.
  mustIp("link", "set", "dev", link, "address", macOf(addressIn(config.nodeRange, 1)), "up");
  ensureNodeAddresses(config, 1, (...args) => mustIp(...args, "dev", link));
}

/** Puts a node's addresses on the interface that `ip` is for; those that are there stay. Without a look for duplicates, which a bridge without ports never ends. */
export function ensureNodeAddresses(config: ClusterConfig, number: number, run: (...args: string[]) => void): void {
  for (const range of rangesIn(config.nodeRange)) {
    const quick = range.includes(":") ? ["nodad"] : [];
    run("address", "replace", `${addressIn(range, number)}/${range.split("/")[1]}`, ...quick);
  }
}

/** Takes the interface away again, if it is there and no other cluster's. */
export function removeLink(config: ClusterConfig): void {
  const link = linkName(config);
  const owner = ownerOf(link);
  if (owner === "" || owner === ownMark(config)) mustIp("link", "delete", "dev", link);
}

/** What the interface says of whose it is: the end of the data's folder, as an alias is 255 bytes at most. */
const ownMark = ({ dataDir }: ClusterConfig): string => Buffer.from(dataDir).subarray(-240).toString("latin1");

/** The mark of the cluster that an interface belongs to, empty if it has none; undefined where there is no interface. */
function ownerOf(link: string): string | undefined {
  const { status, stdout } = ip("-json", "link", "show", "dev", link);
  if (status !== 0) return undefined;
  const [shown] = JSON.parse(stdout) as readonly { readonly ifalias?: string }[];
  return shown?.ifalias ?? "";
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

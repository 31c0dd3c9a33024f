import { createHash } from "node:crypto";
import { Fault } from "../../lib/fault.ts";
import { addressAt, addressToNumber, parseCidr } from "../machine/address.ts";
import { mustRun, type RunCommand } from "../machine/command.ts";

/** An interface name of at most 15 characters: the prefix and the name, or a digest of it when that is too long. */
export function deviceName(prefix: string, name: string): string {
  const plain = `${prefix}${name}`;
  if (plain.length <= 15) return plain;
  return `${prefix}${createHash("sha256")
    .update(name)
    .digest("hex")
    .slice(0, 15 - prefix.length)}`;
}

/** The node's own address in a pod range: the first one after the network's, with the range's prefix length. */
export function gatewayOf(podCIDR: string): { readonly address: string; readonly withPrefix: string } {
  const cidr = parseCidr(podCIDR);
  if (!cidr) throw new Fault("invalid", `${podCIDR} is not a CIDR`);
  const address = addressAt(cidr, 1);
  return { address, withPrefix: `${address}/${cidr.prefix}` };
}

/** A MAC address that follows from an IP address, so that every node knows every other's without being told. */
export function macOf(address: string, prefix = "0a:58"): string {
  const number = addressToNumber(address);
  const bytes = address.includes(":")
    ? [...createHash("sha256").update(number.toString(16)).digest().subarray(0, 4)]
    : [24n, 16n, 8n, 0n].map((shift) => Number((number >> shift) & 255n));
  return [prefix, ...bytes.map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}

/** Whether an interface exists. */
export async function deviceExists(run: RunCommand, device: string): Promise<boolean> {
  return (await run(["ip", "link", "show", "dev", device])).code === 0;
}

/** Deletes an interface, if it is there. */
export async function deleteDevice(run: RunCommand, device: string): Promise<void> {
  if (await deviceExists(run, device)) await mustRun(run, ["ip", "link", "del", "dev", device]);
}

/** Brings up the pod bridge with the node's addresses on it; one that is already there is put right. */
export async function ensureBridge(
  run: RunCommand,
  bridge: { readonly name: string; readonly podCIDRs: readonly string[]; readonly mtu: number },
): Promise<void> {
  const gateways = bridge.podCIDRs.map(gatewayOf);
  // A bridge without an address of its own takes the lowest of its ports', and changes it under the pods' feet.
  const mac = macOf(gateways[0]!.address);
  if (!(await deviceExists(run, bridge.name))) await mustRun(run, ["ip", "link", "add", bridge.name, "type", "bridge"]);
  const script = [
    `link set dev ${bridge.name} address ${mac} mtu ${bridge.mtu} up`,
    ...gateways.map(({ withPrefix }) => addressLine(withPrefix, bridge.name)),
  ];
  await mustRun(run, ["ip", "-batch", "-"], `${script.join("\n")}\n`);
}

/** An IPv6 address would count only after a look for duplicates, which never ends on a bridge without ports. */
export function addressLine(withPrefix: string, device: string): string {
  return `addr replace ${withPrefix} dev ${device}${withPrefix.includes(":") ? " nodad" : ""}`;
}

/** Removes the pod bridge and the pods' interfaces on it. */
export async function removeBridge(run: RunCommand, bridge: string): Promise<void> {
  if (!(await deviceExists(run, bridge))) return;
  const listed = JSON.parse((await mustRun(run, ["ip", "-j", "link", "show", "master", bridge])) || "[]") as readonly {
    readonly ifname?: string;
  }[];
  for (const { ifname } of listed) if (ifname) await deleteDevice(run, ifname);
  await deleteDevice(run, bridge);
}

/**
 * Brings up the interface that carries the node's service addresses: the cluster DNS address itself, and a route for
 * the whole range, without which a node that has no default route cannot even begin to reach a cluster IP.
 */
export async function ensureServiceDevice(
  run: RunCommand,
  device: {
    readonly name: string;
    readonly addresses: readonly string[];
    readonly serviceCIDRs: readonly string[];
    readonly sources: readonly string[];
  },
): Promise<void> {
  // A bridge without ports is a dummy interface that every kernel with a pod bridge has.
  if (!(await deviceExists(run, device.name))) await mustRun(run, ["ip", "link", "add", device.name, "type", "bridge"]);
  const isV6 = (address: string) => address.includes(":");
  const script = [
    `link set dev ${device.name} up`,
    ...device.addresses.map((address) => addressLine(`${address}/${isV6(address) ? 128 : 32}`, device.name)),
    ...device.serviceCIDRs.map((cidr) => {
      const source = device.sources.find((address) => isV6(address) === isV6(cidr));
      return `route replace ${cidr} dev ${device.name}${source ? ` src ${source}` : ""}`;
    }),
  ];
  await mustRun(run, ["ip", "-batch", "-"], `${script.join("\n")}\n`);
}

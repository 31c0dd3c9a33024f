import { faultCode } from "../../../lib/fault.ts";
import type { IpFamily } from "../../machine/address.ts";
import type { RunCommand } from "../../machine/command.ts";
import { doorKey, type Front, type HostPort } from "../front.ts";

/** A UDP flow that the kernel remembers: where the client sent to, and who answers. */
export interface UdpFlow {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  /** The source of replies: the pod, or the destination itself when nothing was translated. */
  readonly answeredBy: string;
}

/** Reads `conntrack -L -p udp`. Lines that are not UDP flows are passed over. */
export function parseFlows(output: string): UdpFlow[] {
  const flows: UdpFlow[] = [];
  for (const line of output.split("\n")) {
    if (!line.startsWith("udp")) continue;
    const values = (name: string) =>
      [...line.matchAll(new RegExp(`(?:^|\\s)${name}=(\\S+)`, "g"))].map((match) => match[1]!);
    const [source, answeredBy] = values("src");
    const [destination] = values("dst");
    const [sourcePort] = values("sport");
    const [destinationPort] = values("dport");
    if (!source || !answeredBy || !destination || !sourcePort || !destinationPort) continue;
    flows.push({
      source,
      sourcePort: Number(sourcePort),
      destination,
      destinationPort: Number(destinationPort),
      answeredBy,
    });
  }
  return flows;
}

/** A door whose flows may have gone stale: who may answer now, and who was taken away. */
export interface TouchedDoor {
  readonly targets: ReadonlySet<string>;
  readonly gone: ReadonlySet<string>;
  /** It had no target before, so flows may have passed untranslated and would for ever. */
  readonly woke: boolean;
}

/** The UDP doors of a change whose flows need a look, by door key. */
export function touchedDoors(
  changes: readonly { readonly before: Front | undefined; readonly after: Front | undefined }[],
  hostPorts: readonly { readonly before: HostPort | undefined; readonly after: HostPort | undefined }[],
): Map<string, TouchedDoor> {
  const doors = new Map<string, TouchedDoor>();
  const note = (key: string, before: readonly string[], after: readonly string[]) => {
    const targets = new Set(after);
    const gone = new Set(before.filter((ip) => !targets.has(ip)));
    const woke = before.length === 0 && after.length > 0;
    if (gone.size > 0 || woke) doors.set(key, { targets, gone, woke });
  };
  const ipsOf = (front: Front | undefined) =>
    [...(front?.targets ?? []), ...(front?.localOnly ?? [])].map((target) => target.ip);
  for (const { before, after } of changes) {
    const door = (after ?? before)?.door;
    if (door?.protocol === "udp") note(doorKey(door), ipsOf(before), ipsOf(after));
  }
  for (const { before, after } of hostPorts) {
    const port = after ?? before;
    if (port?.protocol !== "udp") continue;
    const key = port.hostIP ? `${port.hostIP}/udp/${port.port}` : `node/udp/${port.port}`;
    note(key, before ? [before.target.ip] : [], after ? [after.target.ip] : []);
  }
  return doors;
}

/** The flows that would keep sending clients to a target that is gone, or nowhere. Pure. */
export function staleFlows(flows: readonly UdpFlow[], doors: ReadonlyMap<string, TouchedDoor>): UdpFlow[] {
  return flows.filter((flow) => {
    const exact = doors.get(`${flow.destination}/udp/${flow.destinationPort}`);
    const door = exact ?? doors.get(`node/udp/${flow.destinationPort}`);
    if (!door || door.targets.has(flow.answeredBy)) return false;
    // A node port is any local address; a flow to elsewhere with that port number is none of ours unless it was translated.
    return door.gone.has(flow.answeredBy) || (door.woke && flow.answeredBy === flow.destination);
  });
}

/** Makes the kernel forget stale UDP flows of the doors, so that the clients' next packets are sent anew. */
export async function forgetStaleFlows(
  run: RunCommand,
  doors: ReadonlyMap<string, TouchedDoor>,
  family: IpFamily,
): Promise<number> {
  const which = ["-f", family === "IPv4" ? "ipv4" : "ipv6", "-p", "udp"];
  if (doors.size === 0) return 0;
  const listed = await run(["conntrack", "-L", ...which]).catch((error: unknown) => {
    // Without the program flows run out by themselves, some minutes later; that must not keep services from changing.
    if (faultCode(error) === "missing") return undefined;
    throw error;
  });
  const stale = staleFlows(parseFlows(listed?.stdout ?? ""), doors);
  for (const flow of stale) {
    // Not checked: the flow may have ended by itself meanwhile.
    await run([
      ...["conntrack", "-D", ...which, "-s", flow.source, "-d", flow.destination],
      ...["--sport", String(flow.sourcePort), "--dport", String(flow.destinationPort)],
    ]);
  }
  return stale.length;
}

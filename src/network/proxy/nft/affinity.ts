import { doorKey, type Front, type Protocol, type Target, targetKey } from "../front.ts";
import { slotText } from "./chains.ts";

const protocolNames: Readonly<Record<string, Protocol>> = { "6": "tcp", "17": "udp", "132": "sctp" };

/**
 * The keys of remembered clients (`client . address . protocol . port`) whose target their door has no more, or whose
 * door is gone. Pure.
 */
export function affinityLeftovers(
  remembered: ReadonlyMap<string, string>,
  frontOf: (doorKey: string) => Front | undefined,
): string[] {
  const leftovers: string[] = [];
  for (const [key, value] of remembered) {
    const [, address = "", number = "", port = ""] = key.split(" . ");
    const [ip = "", targetPort = ""] = value.split(" . ");
    const protocol = protocolNames[number];
    const front = protocol && (frontOf(`${address}/${protocol}/${port}`) ?? frontOf(`node/${protocol}/${port}`));
    const target = targetKey({ ip, port: Number(targetPort) });
    const known =
      front?.affinitySeconds && [...front.targets, ...(front.localOnly ?? [])].some((t) => targetKey(t) === target);
    if (!known) leftovers.push(key);
  }
  return leftovers;
}

/** Where targets stood at a door, and where they stand now. */
export interface SlotChange {
  readonly front: Front;
  readonly before: readonly Target[];
  readonly after: readonly Target[];
}

/**
 * What becomes of remembered clients (`client . address . protocol . port . slot`) whose target has another slot now:
 * the entries to take away and those to put, as nft reads them. Those whose target is gone are forgotten. Pure.
 */
export function renumbered(
  remembered: Iterable<string>,
  changes: readonly SlotChange[],
): { readonly forget: readonly string[]; readonly note: readonly string[] } {
  const moves = new Map<string, string>();
  for (const { front, before, after } of changes) {
    const now = new Map(after.map((target, slot) => [targetKey(target), slot]));
    for (const [slot, target] of before.entries()) {
      const next = now.get(targetKey(target));
      if (next === slot) continue;
      const timeout = front.affinitySeconds === undefined ? "" : ` timeout ${front.affinitySeconds}s`;
      moves.set(`${doorKey(front.door)} ${slotText(slot)}`, next === undefined ? "" : `${slotText(next)}${timeout}`);
    }
  }
  const forget: string[] = [];
  const note: string[] = [];
  for (const key of remembered) {
    const [client = "", address = "", number = "", port = "", slot = ""] = key.split(" . ");
    const protocol = protocolNames[number];
    const next = moves.get(`${address}/${protocol}/${port} ${slot}`) ?? moves.get(`node/${protocol}/${port} ${slot}`);
    if (next === undefined) continue;
    forget.push(key);
    if (next !== "") note.push([client, address, number, port, next].join(" . "));
  }
  return { forget, note };
}

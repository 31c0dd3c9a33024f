import { type Front, type Protocol, targetKey } from "../front.ts";

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

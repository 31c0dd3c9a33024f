import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Address ranges and ports come in slots, one per cluster of this machine. */
export const slotCount = 32;

export const apiPortOf = (slot: number): number => 6443 + slot;
export const kubeletPortOf = (slot: number): number => 10250 + slot * 10;
/** The interface that carries the node's address. */
export const linkNameOf = (slot: number): string => `navarch${slot}`;

/** What of this machine is in use already, by whoever it may be. */
export interface MachineUse {
  readonly listening: ReadonlySet<number>;
  readonly interfaces: ReadonlySet<string>;
}

/** Listening TCP ports and network interfaces, as the kernel tells them; nothing where there is no such kernel. */
export function readMachineUse(): MachineUse {
  return {
    listening: new Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) => listeningPorts(textOf(file)))),
    interfaces: new Set(existsSync("/sys/class/net") ? readdirSync("/sys/class/net") : []),
  };
}

/** The ports that a table such as `/proc/net/tcp` shows as listening. */
export function listeningPorts(table: string): readonly number[] {
  return table
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === "0A")
    .map((fields) => Number.parseInt(fields[1]?.split(":").at(-1) ?? "", 16));
}

/** The first slot that no known cluster has and nothing else of the machine stands in; undefined if there is none. */
export function firstFreeSlot(known: ReadonlySet<number>, { listening, interfaces }: MachineUse): number | undefined {
  return Array.from({ length: slotCount }, (_, slot) => slot).find(
    (slot) =>
      !known.has(slot) &&
      !listening.has(apiPortOf(slot)) &&
      !listening.has(kubeletPortOf(slot)) &&
      !interfaces.has(linkNameOf(slot)),
  );
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

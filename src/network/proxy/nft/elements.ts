import { cidrContains, disjointRanges, type IpFamily, parseCidr } from "../../machine/address.ts";
import { rangeText } from "../../nft/kernel-table.ts";
import type { Element } from "../../nft/transaction.ts";
import { type Front, type HostPort, type Protocol, type Target, targetKey } from "../front.ts";
import { dispatchFor, doorMaps, type RulesetOptions, rememberChain, slotText } from "./chains.ts";

/** What a front needs in the table. */
export interface Rendered {
  readonly elements: readonly Element[];
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** The target of each slot, to be handed in again next time. */
  readonly slots: Slots;
}

/** Which target stands at which number, for the random choice. */
export interface Slots {
  readonly targets: readonly Target[];
  readonly localTargets: readonly Target[];
}

export const noSlots: Slots = { targets: [], localTargets: [] };

/** The numbers of the protocols in IP headers. */
export const protocolNumber: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** Numbers the wanted targets so that as few as possible change their number. */
export function assignSlots(previous: readonly Target[], wanted: readonly Target[]): Target[] {
  const missing = new Map(wanted.map((target) => [targetKey(target), target]));
  const slots: (Target | undefined)[] = wanted.map((_, i) => {
    const before = previous[i];
    return before && missing.delete(targetKey(before)) ? before : undefined;
  });
  const rest = missing.values();
  return slots.map((slot) => slot ?? rest.next().value!);
}

/** The elements and chains of one front. `previous` are the slots it had. */
export function renderFront(front: Front, previous: Slots, options: RulesetOptions): Rendered {
  const door = doorText(front);
  const maps = doorMaps(front.door);
  const elements: Element[] = [];
  const chains = new Map<string, readonly string[]>();
  const slots: Slots = {
    targets: assignSlots(previous.targets, front.targets),
    localTargets: assignSlots(previous.localTargets, front.localOnly ?? []),
  };
  const dispatch = dispatchFor(front, options);
  if (dispatch) {
    for (const [name, rules] of dispatch.chains) chains.set(name, rules);
    elements.push({ map: maps.verdicts, key: door, value: `goto ${dispatch.name}` });
  } else if (front.drop) elements.push({ map: maps.verdicts, key: door, value: "drop" });
  else elements.push({ map: maps.refused, key: door });

  for (const [slot, target] of slots.targets.entries()) {
    elements.push({ map: maps.targets, key: `${door} . ${slotText(slot)}`, value: targetText(target) });
  }
  for (const [slot, target] of slots.localTargets.entries()) {
    elements.push({ map: maps.localTargets, key: `${door} . ${slotText(slot)}`, value: targetText(target) });
  }
  if (front.affinitySeconds && dispatch && options.family === "IPv4") {
    const remember = rememberChain(front.affinitySeconds, options.family);
    chains.set(remember.name, remember.rules);
    elements.push({ map: maps.affinity, key: door, value: `goto ${remember.name}` });
  }
  if (front.sourceRanges && front.door.kind === "address") {
    elements.push({ map: "guarded", key: door });
    for (const range of disjointRanges(front.sourceRanges, options.family)) {
      elements.push({ map: "guests", key: `${door} . ${rangeText(range)}` });
    }
  }
  return { elements, chains, slots };
}

/** The element of one host port. */
export function renderHostPort(port: HostPort): Element {
  const door = `${protocolNumber[port.protocol]} . ${port.port}`;
  const value = targetText(port.target);
  return port.hostIP
    ? { map: "host-ports-at", key: `${port.hostIP} . ${door}`, value }
    : { map: "host-ports", key: door, value };
}

/** The element by which a pod that reaches itself through a service is recognised. */
export function renderSelf(ip: string): Element {
  return { map: "selves", key: `${ip} . ${ip}` };
}

/** The pods that can reach themselves through a door: those of this node, if its range is known. */
export function ownTargets(
  targets: readonly Target[],
  localRanges: readonly string[] | undefined,
  family: IpFamily,
): string[] {
  const ips = new Set(targets.map((target) => target.ip));
  if (!localRanges) return [...ips];
  const ranges = localRanges.map(parseCidr).filter((cidr) => cidr?.family === family);
  return [...ips].filter((ip) => {
    const address = parseCidr(ip);
    return address !== undefined && ranges.some((range) => range !== undefined && cidrContains(range, address));
  });
}

function doorText({ door }: Front): string {
  const port = `${protocolNumber[door.protocol]} . ${door.port}`;
  return door.kind === "address" ? `${door.address} . ${port}` : port;
}

function targetText(target: Target): string {
  return `${target.ip} . ${target.port}`;
}

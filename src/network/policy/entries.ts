import type { Protocol } from "../proxy/front.ts";
import type { Direction } from "./policy-input.ts";

/** The class that every address is in. Others count up from it. */
export const everyone = 1;

/** Ports of one protocol, both ends included. */
export interface PortSpan {
  readonly protocol: Protocol;
  readonly from: number;
  readonly to: number;
}

/**
 * One thing that a node's packet filter must know. Peers are told apart by class: addresses that the same peers of the
 * same policies mean are one class, so that a new pod is one entry, whatever the number of pods that it may reach.
 */
export type PolicyEntry =
  /** What no rule lets through to (or from) this pod is dropped. */
  | { readonly kind: "isolated"; readonly direction: Direction; readonly address: string }
  /** A pod of this node has this address, and what isolates it is among the entries. */
  | { readonly kind: "known"; readonly address: string }
  /** A pod that will be isolated has no known address yet: addresses of this node's range that are not known are closed. */
  | { readonly kind: "waiting"; readonly direction: Direction }
  /** The class of one pod. It goes before the class of the block that the address lies in. */
  | { readonly kind: "pod"; readonly address: string; readonly class: number }
  /** The class of a block of addresses, as a CIDR or `first-last`; blocks do not overlap. */
  | { readonly kind: "block"; readonly range: string; readonly class: number }
  /** The pod may get from (send to) a class: on these ports, which neither overlap nor touch, or on all of all protocols. */
  | {
      readonly kind: "allowed";
      readonly direction: Direction;
      readonly address: string;
      readonly class: number;
      readonly ports?: readonly PortSpan[];
    };

/** What one step changes. */
export interface PolicyChange {
  readonly add: readonly PolicyEntry[];
  readonly remove: readonly PolicyEntry[];
}

/** The identity of an entry; entries of one identity are equal. */
export function entryKey(entry: PolicyEntry): string {
  switch (entry.kind) {
    case "isolated":
      return `${entry.direction} ${entry.address} isolated`;
    case "known":
      return `${entry.address} known`;
    case "waiting":
      return `${entry.direction} waiting`;
    case "pod":
      return `${entry.address} = ${entry.class}`;
    case "block":
      return `${entry.range} = ${entry.class}`;
    case "allowed":
      return `${entry.direction} ${entry.address} ${entry.class} ${entry.ports?.map(spanText).join() ?? "all"}`;
  }
}

/** `tcp/80` or `tcp/8000-8099`. */
export function spanText({ protocol, from, to }: PortSpan): string {
  return `${protocol}/${from === to ? from : `${from}-${to}`}`;
}

/** Whether a change changes nothing. */
export function changesNothing(change: PolicyChange): boolean {
  return change.add.length + change.remove.length === 0;
}

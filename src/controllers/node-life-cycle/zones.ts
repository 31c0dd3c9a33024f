import { isNodeReady, type Node } from "../../api/core/node.ts";

/** How a zone is doing: when many of its nodes are gone, the network is the likelier culprit, and evictions slow down. */
export type ZoneState = "Normal" | "PartialDisruption" | "FullDisruption";

/** Evictions a second in a healthy zone, and in a large zone that is partly disrupted. */
const healthyRate = 0.1;
const disruptedRate = 0.01;
/** Zones of at most so many nodes are not evicted from at all while partly disrupted. */
const largeZone = 50;
const unhealthyShare = 0.55;

/** The name of a node's region and zone; empty without either. */
export function zoneOf({ metadata: { labels = {} } }: Node): string {
  const region = labels["topology.kubernetes.io/region"] ?? labels["failure-domain.beta.kubernetes.io/region"] ?? "";
  const zone = labels["topology.kubernetes.io/zone"] ?? labels["failure-domain.beta.kubernetes.io/zone"] ?? "";
  return region === "" && zone === "" ? "" : `${region}:\u0000:${zone}`;
}

export function zoneStateOf(nodes: readonly Node[]): ZoneState {
  const ready = nodes.filter(isNodeReady).length;
  const lost = nodes.length - ready;
  if (ready === 0 && lost > 0) return "FullDisruption";
  return lost > 2 && lost / nodes.length >= unhealthyShare ? "PartialDisruption" : "Normal";
}

/** How many nodes of a zone may be emptied per second. */
export function evictionRate(state: ZoneState, nodes: number): number {
  if (state !== "PartialDisruption") return healthyRate;
  return nodes > largeZone ? disruptedRate : 0;
}

/** Hands out permits at a rate that may change; at most one is saved up. Times in milliseconds. */
export class Throttle {
  #rate: number;
  #tokens = 1;
  #at: number;

  constructor(rate: number, now: number) {
    this.#rate = rate;
    this.#at = now;
  }

  set(rate: number, now: number): void {
    this.#fill(now);
    this.#rate = rate;
  }

  /** True, and a permit is used up; or false. */
  take(now: number): boolean {
    this.#fill(now);
    if (this.#rate === 0 || this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  #fill(now: number): void {
    this.#tokens = Math.min(1, this.#tokens + ((now - this.#at) / 1000) * this.#rate);
    this.#at = now;
  }
}

import { isNodeReady, type Node } from "../../api/core/node.ts";
import type { Service } from "../../api/core/service.ts";
import type { Endpoint } from "../../api/generated/discovery-v1.ts";
import { isEqual } from "../../machinery/equality.ts";
import { parseQuantity } from "../../machinery/quantity.ts";

const zoneLabel = "topology.kubernetes.io/zone";
/** Nodes with one of these take no part in the reckoning. */
const excludedLabels = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/** The most that an endpoint may be loaded above the average. */
const overloadThreshold = 0.2;

/** Whether a Service wants its endpoints shared out among zones (KEP-2433); the older annotation counts for more. */
export function wantsTopologyHints({ metadata: { annotations = {} } }: Service): boolean {
  const mode =
    annotations["service.kubernetes.io/topology-aware-hints"] ?? annotations["service.kubernetes.io/topology-mode"];
  return mode === "Auto" || mode === "auto";
}

/** Each zone's share of the CPUs; empty when a node does not say its own, or all are in one zone. */
export type ZoneShares = ReadonlyMap<string, number>;

/** Counts the CPUs of nodes that are ready. */
export function zoneShares(nodes: readonly Node[]): ZoneShares {
  const zones = new Map<string, number>();
  let total = 0;
  for (const node of nodes) {
    const weight = weightOf(node);
    if (!weight) continue;
    if (!weight.zone || weight.cpu === 0) return new Map();
    zones.set(weight.zone, (zones.get(weight.zone) ?? 0) + weight.cpu);
    total += weight.cpu;
  }
  if (zones.size < 2) return new Map();
  return new Map([...zones].map(([zone, cpu]) => [zone, cpu / total]));
}

/** Whether the shares may be others after a node's change. */
export function changesShares(node: Node, previous: Node | undefined): boolean {
  return !isEqual(weightOf(node), previous && weightOf(previous));
}

function weightOf(node: Node): { readonly zone: string; readonly cpu: number } | undefined {
  const { labels = {} } = node.metadata;
  if (!isNodeReady(node) || excludedLabels.some((label) => label in labels)) return undefined;
  const cpu = Number(parseQuantity(node.status?.allocatable?.cpu ?? "0").nano / 1_000_000n);
  return { zone: labels[zoneLabel] ?? "", cpu };
}

/** The zone that each ready endpoint is meant for, in the order of the endpoints given; or why there are no hints. */
export type TopologyPlan = { readonly zones: readonly string[] } | { readonly trouble: string };

interface Allocation {
  readonly maximum: number;
  readonly desired: number;
}

/**
 * Shares ready endpoints out among zones in proportion to their CPUs. An endpoint keeps the zone that it was meant for as
 * long as that zone has not too many, else it begins in its own; then zones with too many give to those with too few. Pure.
 */
export function planTopology(
  ready: readonly Endpoint[],
  hinted: readonly (string | undefined)[],
  shares: ZoneShares,
): TopologyPlan {
  const allocations = allocationsOf(ready.length, shares);
  if ("trouble" in allocations) return allocations;
  if (ready.some(({ zone }) => !zone)) return { trouble: "One or more endpoints do not have a zone specified" };
  const counts = new Map<string, number>();
  const zones = ready.map(({ zone: own = "" }, index) => {
    const before = hinted[index];
    const kept = before !== undefined && (counts.get(before) ?? 0) < (allocations.get(before)?.maximum ?? 0);
    const zone = kept ? before : own;
    counts.set(zone, (counts.get(zone) ?? 0) + 1);
    return zone;
  });
  for (const { from, to } of moves(allocations, counts)) {
    // Home first, if one of that zone's own was lent out; then one that is a guest already.
    const candidates = [...zones.keys()].filter((index) => zones[index] === from);
    const home = candidates.find((index) => ready[index]?.zone === to);
    const guest = candidates.find((index) => ready[index]?.zone !== from);
    const index = home ?? guest ?? candidates[0];
    if (index !== undefined) zones[index] = to;
  }
  return { zones };
}

function allocationsOf(
  count: number,
  shares: ZoneShares,
): ReadonlyMap<string, Allocation> | { readonly trouble: string } {
  if (shares.size === 0) {
    return { trouble: "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes" };
  }
  const size = `(${count} endpoints, ${shares.size} zones)`;
  if (shares.size > count) return { trouble: `Insufficient number of endpoints ${size}` };
  const wanted = [...shares].map(([zone, share]) => {
    const minimum = Math.ceil(share * count * (1 / (1 + overloadThreshold)));
    return { zone, minimum, desired: Math.max(share * count, minimum) };
  });
  const spare = count - wanted.reduce((sum, { minimum }) => sum + minimum, 0);
  if (spare < 0) {
    const trouble = `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold ${size}`;
    return { trouble };
  }
  return new Map(wanted.map(({ zone, minimum, desired }) => [zone, { maximum: minimum + spare, desired }]));
}

/** Which zones give an endpoint to which: the fullest to the emptiest, until less than half an endpoint is wanted or to be had. */
function moves(
  allocations: ReadonlyMap<string, Allocation>,
  counts: ReadonlyMap<string, number>,
): readonly { readonly from: string; readonly to: string }[] {
  const surplus = new Map([...allocations].map(([zone, { desired }]) => [zone, (counts.get(zone) ?? 0) - desired]));
  const found: { readonly from: string; readonly to: string }[] = [];
  for (;;) {
    const order = [...surplus].sort(([, one], [, other]) => other - one);
    const [from, toGive] = order[0]!;
    const [to, negative] = order.at(-1)!;
    const toReceive = -negative;
    if (toGive < 0.5 || toReceive < 0.5 || (toGive < 1 && toReceive < 1)) return found;
    surplus.set(from, toGive - 1);
    surplus.set(to, 1 - toReceive);
    found.push({ from, to });
  }
}

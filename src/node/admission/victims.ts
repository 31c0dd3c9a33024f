import type { Pod } from "../../api/generated/core-v1.ts";
import { isCritical } from "../eviction/usage.ts";
import { amountOf, type Shortage } from "../pods/node-room.ts";
import { qosOf } from "../pods/qos.ts";

/** Amounts that are still missing, by resource; none of them 0. */
type Missing = ReadonlyMap<string, number>;

/**
 * Which of a node's pods end so that a pod finds what it is short of; undefined when even all that may end are not enough.
 * Guaranteed pods are spared first, then burstable ones; within a class few pods, and small ones, go. Pure.
 */
export function victimsFor(
  pod: Pod,
  others: readonly Pod[],
  shortages: readonly Shortage[],
): readonly Pod[] | undefined {
  const missing = new Map(
    shortages.map(({ resource, requested, used, capacity }) => [resource, requested - (capacity - used)]),
  );
  const mayEnd = others.filter((other) => yieldsTo(other, pod));
  if (after(missing, mayEnd).size > 0) return undefined;
  const [bestEffort = [], burstable = [], guaranteed = []] = (["BestEffort", "Burstable", "Guaranteed"] as const).map(
    (qos) => mayEnd.filter((other) => qosOf(other) === qos),
  );
  const last = fewest(guaranteed, after(missing, [...bestEffort, ...burstable]));
  const next = fewest(burstable, after(missing, [...bestEffort, ...last]));
  const first = fewest(bestEffort, after(missing, [...next, ...last]));
  return [...first, ...next, ...last];
}

function yieldsTo(other: Pod, pod: Pod): boolean {
  if (isCritical(pod) && !isCritical(other)) return true;
  const [own, theirs] = [pod.spec.priority, other.spec.priority];
  return own !== undefined && theirs !== undefined && own > theirs;
}

/** What is still missing when pods have ended. */
function after(missing: Missing, ended: readonly Pod[]): Missing {
  const left = [...missing].map(([resource, amount]): [string, number] => [
    resource,
    ended.reduce((rest, pod) => rest - amountOf(pod, resource), amount),
  ]);
  return new Map(left.filter(([, amount]) => amount > 0));
}

/** Takes pods, each time the one that leaves least missing, until nothing is. */
function fewest(pods: readonly Pod[], missing: Missing): readonly Pod[] {
  const chosen: Pod[] = [];
  let rest = [...pods];
  for (let left = missing; left.size > 0; ) {
    const wanted = left;
    const best = rest.reduce((one, other) => (isBetter(other, one, wanted) ? other : one));
    chosen.push(best);
    rest = rest.filter((pod) => pod !== best);
    left = after(wanted, [best]);
  }
  return chosen;
}

function isBetter(one: Pod, other: Pod, missing: Missing): boolean {
  const difference = distance(one, missing) - distance(other, missing);
  if (difference !== 0) return difference < 0;
  const [memory, cpu] = ["memory", "cpu"].map((name) => amountOf(one, name) - amountOf(other, name));
  return (memory || cpu || 0) < 0;
}

/** How far a pod's end falls short, each resource weighted alike. */
function distance(pod: Pod, missing: Missing): number {
  return [...missing].reduce((total, [resource, amount]) => {
    const share = Math.max(0, amount - amountOf(pod, resource)) / amount;
    return total + share ** 2;
  }, 0);
}

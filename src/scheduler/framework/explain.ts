import type { NoPlace } from "./decide.ts";
import type { Refusal } from "./plugin.ts";

/** `1 Too many pods, 2 Insufficient cpu`: texts with how often each was said, sorted by the whole. */
export function histogram(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(", ");
}

/** How many nodes gave each reason. */
export function reasonCounts(refusals: readonly Refusal[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { rejection, nodes } of refusals)
    for (const reason of rejection.reasons) counts.set(reason, (counts.get(reason) ?? 0) + nodes.length);
  return counts;
}

/** `0/3 nodes are available: 3 Insufficient cpu.` */
export function availability(total: number, counts: ReadonlyMap<string, number>): string {
  return counts.size === 0
    ? `0/${total} nodes are available:`
    : `0/${total} nodes are available: ${histogram(counts)}.`;
}

/** Upstream's sentence about a pod that fits nowhere: reasons with the number of nodes, then what else was tried. */
export function explain({ total, refusals, left, refused, rescue }: NoPlace): string {
  if (total === 0) return "no nodes available to schedule pods";
  let text: string;
  if (refused) text = `0/${total} nodes are available: ${refused.reasons.join(", ")}.`;
  else {
    const counts = reasonCounts(refusals);
    if (left) counts.set(left.reason, (counts.get(left.reason) ?? 0) + left.count);
    text = availability(total, counts);
  }
  return rescue?.kind === "none" && rescue.message ? `${text} ${rescue.message}` : text;
}

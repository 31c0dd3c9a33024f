import { zoneOf } from "../framework/cluster-state.ts";
import { definePlugin, ready, skip } from "../framework/plugin.ts";
import type { PodCounts } from "../framework/topology.ts";
import type { PodLikeness } from "./pod-likeness.ts";

/** How much of the score zones decide, where nodes have them; the rest is decided by nodes. */
const zoneShare = 2 / 3;

/** Spreads the pods of a Service or controller over nodes and zones, as Kubernetes 1.2 began to. Off by default. */
export function selectorSpread(likeness: PodLikeness) {
  return definePlugin<undefined, PodCounts>({
    name: "SelectorSpread",
    retryOn: [],
    prepareScore(pod, { index }) {
      // A pod that says how to spread is left to that.
      if (pod.spec.topologySpreadConstraints?.length) return skip;
      const question = likeness(pod);
      return question ? ready(index.count(question)) : skip;
    },
    score: (_pod, { slot }, pods) => pods.at(slot),
    normalize(scores, _state, nodes) {
      const zones = nodes.map(({ labels }) => zoneOf(labels));
      const byZone = new Map<string, number>();
      for (const [index, zone] of zones.entries()) if (zone) byZone.set(zone, (byZone.get(zone) ?? 0) + scores[index]!);
      const mostOnNode = scores.reduce((most, score) => Math.max(most, score), 0);
      const mostInZone = [...byZone.values()].reduce((most, count) => Math.max(most, count), 0);
      const free = (most: number, count: number) => (most === 0 ? 100 : (100 * (most - count)) / most);
      for (const [index, zone] of zones.entries()) {
        let score = free(mostOnNode, scores[index]!);
        if (zone) score = score * (1 - zoneShare) + free(mostInZone, byZone.get(zone)!) * zoneShare;
        scores[index] = Math.floor(score);
      }
    },
  });
}

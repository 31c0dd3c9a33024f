import { isPodAvailable, isPodReady } from "../../api/core/pod-state.ts";
import type { DaemonSetStatus } from "../../api/generated/apps-v1.ts";
import { placementOn } from "./placement.ts";
import { byAge, isOf, type PlanInput, podsByNode } from "./plan.ts";

/** What a set's nodes and pods add up to; each node is judged by its oldest pod. */
export function statusOf({ set, nodes, pods, hash, now }: PlanInput): DaemonSetStatus {
  const byNode = podsByNode(pods);
  const takers = nodes.filter((node) => placementOn(set, node).begins);
  const first = takers.flatMap(({ metadata }) => [...(byNode.get(metadata.name) ?? [])].sort(byAge)[0] ?? []);
  const ready = first.filter(isPodReady);
  const available = ready.filter((pod) => isPodAvailable(pod, set.spec.minReadySeconds ?? 0, now));
  const misplaced = nodes.filter((node) => !takers.includes(node) && (byNode.get(node.metadata.name)?.length ?? 0) > 0);
  const counts = {
    updatedNumberScheduled: first.filter((pod) => isOf(pod, hash)).length,
    numberAvailable: available.length,
    numberUnavailable: takers.length - available.length,
  };
  const { collisionCount, conditions } = set.status ?? {};
  return {
    currentNumberScheduled: first.length,
    numberMisscheduled: misplaced.length,
    desiredNumberScheduled: takers.length,
    numberReady: ready.length,
    ...(set.metadata.generation === undefined ? {} : { observedGeneration: set.metadata.generation }),
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    ...(conditions ? { conditions } : {}),
  };
}

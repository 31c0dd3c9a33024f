import type { StatefulSet } from "../../api/apps/stateful-set.ts";
import type { Pod } from "../../api/core/pod.ts";
import { isPodAvailable, isPodReady, isPodTerminal } from "../../api/core/pod-state.ts";
import { resolveIntOrPercent } from "../framework/int-or-percent.ts";
import { isWanted, ordinalOf, replicasOf, revisionLabel, startOf } from "./identity.ts";

/** One step towards what the set asks for. */
export type Step =
  | { readonly act: "create"; readonly ordinal: number; readonly revision: "current" | "update" }
  | { readonly act: "delete"; readonly pod: Pod; readonly ordinal: number }
  /** Looks after the claims of a pod, and after its labels if it stays. */
  | { readonly act: "mend"; readonly pod: Pod; readonly ordinal: number };

export interface PlanInput {
  readonly set: StatefulSet;
  readonly pods: readonly Pod[];
  readonly updateRevision: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * The steps that may be taken now. With ordered management each pod waits for those before it to be ready (and on the way
 * down for those after it to be gone); with parallel management all steps are taken at once. Updates go from the highest
 * ordinal down to the partition, no more pods at a time than may be unavailable.
 */
export function plan(input: PlanInput): readonly Step[] {
  const { set, now } = input;
  const ordered = set.spec.podManagementPolicy !== "Parallel";
  const minimum = set.spec.minReadySeconds ?? 0;
  const isUp = (pod: Pod) => pod.status?.phase === "Running" && isPodAvailable(pod, minimum, now);
  const byOrdinal = podsByOrdinal(set, input.pods);
  const steps: Step[] = [];

  for (const ordinal of wantedOrdinals(set)) {
    const pod = byOrdinal.get(ordinal);
    if (!pod) steps.push({ act: "create", ordinal, revision: revisionFor(set, ordinal) });
    else if (isPodTerminal(pod)) {
      if (!pod.metadata.deletionTimestamp) steps.push({ act: "delete", pod, ordinal });
    } else {
      steps.push({ act: "mend", pod, ordinal });
      if (!pod.metadata.deletionTimestamp && isUp(pod)) continue;
    }
    if (ordered) return steps;
  }

  const condemned = [...byOrdinal].filter(([ordinal]) => !isWanted(set, ordinal)).sort(([a], [b]) => b - a);
  const unhealthy = [...byOrdinal.values()].filter((pod) => !isHealthy(pod, isUp));
  const firstUnhealthy = unhealthy.sort((a, b) => (ordinalIn(set, a) ?? 0) - (ordinalIn(set, b) ?? 0))[0];
  for (const [ordinal, pod] of condemned) {
    if (pod.metadata.deletionTimestamp) {
      if (ordered) return steps;
      continue;
    }
    // One that is not well waits for its turn, unless it is the very one that everything waits for.
    if (ordered && !isUp(pod) && pod !== firstUnhealthy) return steps;
    steps.push({ act: "mend", pod, ordinal }, { act: "delete", pod, ordinal });
    if (ordered) return steps;
  }
  return [...steps, ...updates(input, byOrdinal, isUp)];
}

const isHealthy = (pod: Pod, isUp: (pod: Pod) => boolean) => isUp(pod) && !pod.metadata.deletionTimestamp;
const ordinalIn = (set: StatefulSet, pod: Pod) => ordinalOf(set, pod.metadata.name);

/** The set's pods by ordinal; others of its labels have no place. */
export function podsByOrdinal(set: StatefulSet, pods: readonly Pod[]): ReadonlyMap<number, Pod> {
  const found = new Map<number, Pod>();
  for (const pod of pods) {
    const ordinal = ordinalIn(set, pod);
    if (ordinal !== undefined) found.set(ordinal, pod);
  }
  return found;
}

function wantedOrdinals(set: StatefulSet): readonly number[] {
  return Array.from({ length: replicasOf(set) }, (_, index) => startOf(set) + index);
}

/** Below the partition pods come again as they were. */
function revisionFor(set: StatefulSet, ordinal: number): "current" | "update" {
  const { type = "RollingUpdate", rollingUpdate } = set.spec.updateStrategy ?? {};
  return type === "RollingUpdate" && ordinal < startOf(set) + (rollingUpdate?.partition ?? 0) ? "current" : "update";
}

function updates(
  { set, updateRevision }: PlanInput,
  byOrdinal: ReadonlyMap<number, Pod>,
  isUp: (pod: Pod) => boolean,
): readonly Step[] {
  const { type = "RollingUpdate", rollingUpdate } = set.spec.updateStrategy ?? {};
  if (type !== "RollingUpdate") return [];
  const lowest = startOf(set) + (rollingUpdate?.partition ?? 0);
  const most = Math.max(1, resolveIntOrPercent(rollingUpdate?.maxUnavailable ?? 1, replicasOf(set), "down"));
  const steps: Step[] = [];
  const isDown = (pod: Pod | undefined) => !pod || !isHealthy(pod, isUp);
  const ordinals = [...wantedOrdinals(set)].reverse();
  // One at a time, a pod that is down below does not stop those above it: its turn to be mended by the update will come.
  let down = most === 1 ? 0 : ordinals.filter((ordinal) => isDown(byOrdinal.get(ordinal))).length;
  for (const ordinal of ordinals) {
    if (ordinal < lowest) break;
    const pod = byOrdinal.get(ordinal);
    const isOld = pod !== undefined && pod.metadata.labels?.[revisionLabel] !== updateRevision;
    const costs = most === 1 || !isDown(pod);
    if (pod && isOld && !pod.metadata.deletionTimestamp) {
      // Replacing what is down already takes nothing away.
      if (costs && down >= most) break;
      steps.push({ act: "delete", pod, ordinal });
      if (costs) down += 1;
    } else if (most === 1 && isDown(pod)) down += 1;
    if (most === 1 && down > 0) break;
  }
  return steps;
}

/** Milliseconds until a pod that is ready counts as available, the soonest; undefined when none is on its way. */
export function nextAvailable({ set, pods, now }: PlanInput): number | undefined {
  const minimum = set.spec.minReadySeconds ?? 0;
  const waits = pods.flatMap((pod) => {
    const ready = pod.status?.conditions?.find(({ type }) => type === "Ready");
    if (!isPodReady(pod) || !ready?.lastTransitionTime) return [];
    const wait = Date.parse(ready.lastTransitionTime) + minimum * 1000 - now;
    return wait > 0 ? [wait] : [];
  });
  return waits.length > 0 ? Math.min(...waits) : undefined;
}

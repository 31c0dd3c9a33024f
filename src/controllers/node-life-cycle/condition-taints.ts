import { type Node, nodeCondition } from "../../api/core/node.ts";
import type { ConditionStatus, NodeConditionType, Taint } from "../../api/generated/core-v1.ts";
import { timeOf } from "../../machinery/times.ts";
import { isSameTaint } from "../framework/taints.ts";

export const notReadyTaint = "node.kubernetes.io/not-ready";
export const unreachableTaint = "node.kubernetes.io/unreachable";
export const unschedulableTaint = "node.kubernetes.io/unschedulable";

const taintOf: Readonly<Partial<Record<NodeConditionType, Partial<Record<ConditionStatus, string>>>>> = {
  Ready: { False: notReadyTaint, Unknown: unreachableTaint },
  MemoryPressure: { True: "node.kubernetes.io/memory-pressure" },
  DiskPressure: { True: "node.kubernetes.io/disk-pressure" },
  NetworkUnavailable: { True: "node.kubernetes.io/network-unavailable" },
  PIDPressure: { True: "node.kubernetes.io/pid-pressure" },
};

const managed = new Set([unschedulableTaint, ...Object.values(taintOf).flatMap((keys) => Object.values(keys))]);

/** The taints with NoSchedule for each condition that a node has, and no others of these kinds. `now` in milliseconds. */
export function conditionTaints(node: Node, taints: readonly Taint[], now: number): readonly Taint[] {
  const keys = (node.status?.conditions ?? []).flatMap(({ type, status }) => taintOf[type]?.[status] ?? []);
  if (node.spec.unschedulable) keys.push(unschedulableTaint);
  return replaced(
    taints,
    ({ key, effect }) => effect === "NoSchedule" && managed.has(key),
    keys.map((key) => ({ key, effect: "NoSchedule" })),
    now,
  );
}

/** The taint with NoExecute that fits a node's readiness, and no other of this kind. `now` in milliseconds. */
export function evictingTaints(node: Node, taints: readonly Taint[], now: number): readonly Taint[] {
  const ready = nodeCondition(node, "Ready")?.status;
  const key = ready === "False" ? notReadyTaint : ready === "Unknown" ? unreachableTaint : undefined;
  return withEvictingTaint(taints, key, now);
}

/** `key` undefined takes both away: the node is trusted to be reachable. */
export function withEvictingTaint(taints: readonly Taint[], key: string | undefined, now: number): readonly Taint[] {
  return replaced(
    taints,
    (taint) => taint.effect === "NoExecute" && (taint.key === notReadyTaint || taint.key === unreachableTaint),
    key ? [{ key, effect: "NoExecute" }] : [],
    now,
  );
}

// What is there already keeps its place and its time.
function replaced(
  taints: readonly Taint[],
  ours: (taint: Taint) => boolean,
  wanted: readonly Taint[],
  now: number,
): readonly Taint[] {
  const kept = taints.filter((taint) => !ours(taint) || wanted.some((each) => isSameTaint(each, taint)));
  const fresh = wanted
    .filter((taint) => !taints.some((each) => isSameTaint(each, taint)))
    .map((taint) => ({ ...taint, timeAdded: timeOf(now) }));
  return fresh.length === 0 && kept.length === taints.length ? taints : [...kept, ...fresh];
}

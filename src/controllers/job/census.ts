import type { Job } from "../../api/batch/job.ts";
import type { Pod } from "../../api/core/pod.ts";
import { isPodActive, isPodReady, isPodTerminating } from "../../api/core/pod-state.ts";
import { judgeFailure } from "./failure-policy.ts";
import { Indexes } from "./indexes.ts";
import { failuresBefore, hasFailed, indexOf, isIndexed, isTracked } from "./job-pods.ts";

/** What a Job's pods add up to, those counted before and gone by now among them. */
export interface Census {
  readonly active: readonly Pod[];
  readonly terminating: readonly Pod[];
  readonly ready: number;
  /** Ended, and not written down anywhere yet. */
  readonly newSucceeded: readonly Pod[];
  readonly newFailed: readonly Pod[];
  readonly succeeded: number;
  readonly failed: number;
  readonly succeededIndexes: Indexes;
  readonly failedIndexes: Indexes;
  /** Of each index that failed: the pod that failed last, which carries the count. */
  readonly lastFailed: ReadonlyMap<number, Pod>;
}

/** Counts a Job's pods once each: a pod is countable while it carries the tracking finalizer. */
export function takeCensus(job: Job, pods: readonly Pod[]): Census {
  const { status, spec } = job;
  const completions = spec.completions ?? 0;
  const { succeeded: wasSucceeded = [], failed: wasFailed = [] } = status?.uncountedTerminatedPods ?? {};
  const uncounted = new Set([...wasSucceeded, ...wasFailed]);
  const countable = pods.filter((pod) => isTracked(pod) && !uncounted.has(pod.metadata.uid));
  const newSucceeded = countable.filter((pod) => pod.status?.phase === "Succeeded");
  const newFailed = countable.filter((pod) => hasFailed(job, pod));
  const active = pods.filter(isPodActive);
  const counted = newFailed.filter((pod) => counts(job, pod)).length;
  const indexes = (some: readonly Pod[]) =>
    some.map(indexOf).filter((index) => index !== undefined && index < completions);
  const succeededIndexes = Indexes.parse(status?.completedIndexes, completions).with(indexes(newSucceeded) as number[]);
  const lastFailed = new Map<number, Pod>();
  for (const pod of pods.filter((each) => isTracked(each) && hasFailed(job, each))) {
    const index = indexOf(pod);
    if (index === undefined) continue;
    const known = lastFailed.get(index);
    if (!known || failuresBefore(known) <= failuresBefore(pod)) lastFailed.set(index, pod);
  }
  const lost = [...lastFailed]
    .filter(([index, pod]) => index < completions && isLost(job, pod))
    .map(([index]) => index);
  return {
    active,
    terminating: pods.filter(isPodTerminating),
    ready: active.filter(isPodReady).length,
    newSucceeded,
    newFailed,
    succeeded: isIndexed(job)
      ? succeededIndexes.size
      : (status?.succeeded ?? 0) + wasSucceeded.length + newSucceeded.length,
    failed: (status?.failed ?? 0) + wasFailed.length + counted,
    succeededIndexes,
    failedIndexes: Indexes.parse(status?.failedIndexes, completions).with(lost),
    lastFailed,
  };
}

/** Whether a failed pod counts against the limit. */
export function counts(job: Job, pod: Pod): boolean {
  return pod.status?.phase !== "Failed" || judgeFailure(job, pod).action !== "Ignore";
}

/** Whether an index may not be tried again after this pod. */
function isLost(job: Job, pod: Pod): boolean {
  const limit = job.spec.backoffLimitPerIndex;
  if (limit === undefined) return false;
  const { action } = pod.status?.phase === "Failed" ? judgeFailure(job, pod) : { action: "Count" };
  return action === "FailIndex" || (action === "Count" && failuresBefore(pod) >= limit);
}

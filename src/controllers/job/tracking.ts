import { Job } from "../../api/batch/job.ts";
import { Pod } from "../../api/core/pod.ts";
import { isPodTerminal } from "../../api/core/pod-state.ts";
import type { JobStatus } from "../../api/generated/batch-v1.ts";
import { isEqual } from "../../machinery/equality.ts";
import { keyOf } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import { type Census, counts } from "./census.ts";
import { judgeFailure } from "./failure-policy.ts";
import { jobMetrics } from "./job-metrics.ts";
import { hasFailed, indexOf, isIndexed, isTracked, trackingFinalizer } from "./job-pods.ts";

/**
 * Counts pods that ended, each once, whenever the controller may be killed: first their uids are written into the status,
 * then their finalizers are taken away, then the uids become numbers. `over`: the Job's end is decided. Returns the Job as it was written last, and whether
 * every pod that ended is a number by now.
 */
export async function countEnded(
  job: Job,
  pods: readonly Pod[],
  census: Census,
  { status, over }: { readonly status: JobStatus; readonly over: boolean },
  context: ReconcileContext,
): Promise<{ readonly job: Job; readonly settled: boolean }> {
  const { succeeded = [], failed = [] } = job.status?.uncountedTerminatedPods ?? {};
  const uids = (some: readonly Pod[]) => some.map(({ metadata }) => metadata.uid);
  const heldBack = over ? new Set<string>() : carriers(job, pods, census);
  const fresh = (some: readonly Pod[]) => some.filter((pod) => !heldBack.has(pod.metadata.uid));
  const uncounted = {
    succeeded: isIndexed(job) ? succeeded : [...succeeded, ...uids(census.newSucceeded)],
    failed: [...failed, ...uids(fresh(census.newFailed).filter((pod) => counts(job, pod)))],
  };
  const noted = await writeStatus(job, { ...status, uncountedTerminatedPods: compact(uncounted) }, context);

  const ended = pods.filter((pod) => isTracked(pod) && (isPodTerminal(pod) || hasFailed(job, pod)));
  const left = new Set<string>();
  await Promise.all(
    ended
      .filter(({ metadata }) => !heldBack.has(metadata.uid))
      .map(async (pod) => {
        if (!(await untrack(pod, context))) {
          left.add(pod.metadata.uid);
          return;
        }
        const { action, message } = judgeFailure(job, pod);
        if (message !== undefined && hasFailed(job, pod)) context.metrics.meter(jobMetrics).judged(action);
      }),
  );
  const still = (some: readonly string[]) => some.filter((uid) => left.has(uid));
  const remaining = { succeeded: still(uncounted.succeeded), failed: still(uncounted.failed) };
  const gone = (before: readonly string[], after: readonly string[]) => before.length - after.length;
  const numbers = {
    succeeded: isIndexed(job)
      ? census.succeededIndexes.size
      : (noted.status?.succeeded ?? 0) + gone(uncounted.succeeded, remaining.succeeded),
    failed: (noted.status?.failed ?? 0) + gone(uncounted.failed, remaining.failed),
  };
  const before = job.status?.succeeded ?? 0;
  const counted = await writeStatus(
    noted,
    { ...noted.status, ...positive(numbers), uncountedTerminatedPods: compact(remaining) },
    context,
  );
  context.metrics.meter(jobMetrics).counted(job, {
    succeeded: numbers.succeeded - before,
    failed: numbers.failed - (job.status?.failed ?? 0),
  });
  return { job: counted, settled: left.size === 0 };
}

/** Pods that carry an index's count of failures until a successor carries it on. */
function carriers(
  job: Job,
  pods: readonly Pod[],
  { lastFailed, failedIndexes, succeededIndexes }: Census,
): ReadonlySet<string> {
  if (job.spec.backoffLimitPerIndex === undefined) return new Set();
  const carriers = new Set<string>();
  for (const [index, pod] of lastFailed) {
    const over = failedIndexes.has(index) || succeededIndexes.has(index) || index >= (job.spec.completions ?? 0);
    const successor = pods.some(
      (other) =>
        other !== pod &&
        indexOf(other) === index &&
        other.metadata.creationTimestamp >= pod.metadata.creationTimestamp &&
        !hasFailed(job, other),
    );
    if (!over && !successor) carriers.add(pod.metadata.uid);
  }
  return carriers;
}

/** Takes the tracking finalizer away; false if somebody else changed the pod meanwhile. */
export async function untrack(pod: Pod, { client }: ReconcileContext): Promise<boolean> {
  const { uid, resourceVersion, finalizers = [] } = pod.metadata;
  const others = finalizers.filter((each) => each !== trackingFinalizer);
  const body = { metadata: { uid, resourceVersion, finalizers: others.length > 0 ? others : null } };
  try {
    await client.patch(Pod, keyOf(pod), { type: "merge", body });
    return true;
  } catch (error) {
    if (isStatus(error, "NotFound")) return true;
    if (isStatus(error, "Conflict")) return false;
    throw error;
  }
}

/** Writes a status unless it says what is there already; returns the Job as it is then. */
export async function writeStatus(job: Job, status: JobStatus, { client }: ReconcileContext): Promise<Job> {
  if (isEqual(job.status ?? {}, status)) return job;
  return await client.updateStatus(Job, { ...job, status });
}

const compact = (lists: Readonly<Record<"succeeded" | "failed", readonly string[]>>) =>
  Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0));
const positive = (numbers: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(numbers).filter(([, count]) => count > 0));

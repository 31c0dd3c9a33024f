import type { Job } from "../../api/batch/job.ts";
import { Pod } from "../../api/core/pod.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import { deletePod } from "../framework/delete-pod.ts";
import { cheapestToLose } from "../framework/pods.ts";
import { namespaceEnds } from "../framework/refusals.ts";
import { slowStart } from "../framework/slow-start.ts";
import { type Census, counts } from "./census.ts";
import { jobMetrics } from "./job-metrics.ts";
import { failuresBefore, type IndexedPod, indexOf, isIndexed, podFor } from "./job-pods.ts";
import { type FailureRecord, indexPauseLeft, pauseLeft } from "./pause.ts";

/** At most so many pods are made or removed in one go (as upstream). */
const burst = 500;

/** Which pods to make and which to remove now. */
export interface PodPlan {
  readonly remove: readonly Pod[];
  /** One entry per pod; undefined for a pod without an index. */
  readonly create: readonly (IndexedPod | undefined)[];
  /** Milliseconds until more may be made. */
  readonly wait?: number;
}

/** As many pods as the Job wants to run at a time, and no more than are still missing. `now` is in milliseconds. */
export function planPods(job: Job, census: Census, failures: FailureRecord, now: number): PodPlan {
  const { active, terminating, succeeded } = census;
  const { parallelism = 1, completions, suspend, podReplacementPolicy } = job.spec;
  if (suspend) return { remove: active, create: [] };
  const missing =
    completions === undefined
      ? succeeded > 0
        ? active.length
        : parallelism
      : Math.max(0, Math.min(parallelism, completions - succeeded - census.failedIndexes.size));
  const remove = surplus(job, census, Math.max(0, active.length - missing), now);
  const leaving = podReplacementPolicy === "Failed" ? terminating.length : 0;
  const room = Math.min(burst, missing - leaving - (active.length - remove.length));
  if (room <= 0) return { remove, create: [] };
  if (!isIndexed(job)) {
    const wait = pauseLeft(failures, now);
    if (wait > 0) return { remove, create: [], wait };
    return { remove, create: Array.from({ length: room }, () => undefined) };
  }
  return { remove, ...planIndexes(job, census, failures, room, now) };
}

function planIndexes(
  job: Job,
  census: Census,
  failures: FailureRecord,
  room: number,
  now: number,
): Omit<PodPlan, "remove"> {
  const perIndex = job.spec.backoffLimitPerIndex !== undefined;
  const wait = perIndex ? 0 : pauseLeft(failures, now);
  if (wait > 0) return { create: [], wait };
  const busy = job.spec.podReplacementPolicy === "Failed" ? [...census.active, ...census.terminating] : census.active;
  const taken = new Set(busy.map(indexOf));
  const create: IndexedPod[] = [];
  const waits: number[] = [];
  for (let index = 0; index < (job.spec.completions ?? 0) && create.length < room; index += 1) {
    if (taken.has(index) || census.succeededIndexes.has(index) || census.failedIndexes.has(index)) continue;
    const last = census.lastFailed.get(index);
    const left = indexPauseLeft(job, last, now);
    if (left > 0) waits.push(left);
    else create.push({ index, failures: last ? failuresBefore(last) + (counts(job, last) ? 1 : 0) : 0 });
  }
  return waits.length > 0 ? { create, wait: Math.min(...waits) } : { create };
}

/** Of an index, and of what an index does not need, one pod is enough. */
function surplus(job: Job, { active, succeededIndexes }: Census, atLeast: number, now: number): readonly Pod[] {
  const ordered = cheapestToLose(active, [], now);
  if (!isIndexed(job)) return ordered.slice(0, atLeast);
  const seen = new Set<number>();
  const useless: Pod[] = [];
  // From the most valuable down, so that it is the cheaper twin that goes.
  for (const pod of [...ordered].reverse()) {
    const index = indexOf(pod);
    const needed =
      index !== undefined && index < (job.spec.completions ?? 0) && !seen.has(index) && !succeededIndexes.has(index);
    if (needed) seen.add(index);
    else useless.push(pod);
  }
  const others = ordered.filter((pod) => !useless.includes(pod));
  return [...useless, ...others.slice(0, Math.max(0, atLeast - useless.length))].slice(0, burst);
}

/** Carries a plan out; resolves with how many were made and removed, and what went wrong if something did. */
export async function carryOut(
  job: Job,
  plan: Pick<PodPlan, "create" | "remove">,
  { client, events, metrics }: ReconcileContext,
): Promise<{ readonly made: number; readonly removed: number; readonly error?: unknown }> {
  let made = 0;
  let removed = 0;
  try {
    for (const pod of plan.remove.slice(0, burst)) {
      await deletePod(client, pod);
      removed += 1;
      events.record(job, "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
    }
  } catch (error) {
    events.record(job, "Warning", "FailedDelete", `Error deleting: ${errorMessage(error)}`);
    return { made, removed, error };
  }
  try {
    await slowStart(plan.create.length, async (index) => {
      const indexed = plan.create[index];
      let succeeded = false;
      try {
        const pod = await client.create(Pod, podFor(job, indexed));
        succeeded = true;
        made += 1;
        events.record(job, "Normal", "SuccessfulCreate", `Created pod: ${pod.metadata.name}`);
      } finally {
        metrics.meter(jobMetrics).made((job.status?.failed ?? 0) > 0, succeeded);
      }
    });
  } catch (error) {
    if (namespaceEnds(error)) return { made, removed };
    events.record(job, "Warning", "FailedCreate", `Error creating: ${errorMessage(error)}`);
    return { made, removed, error };
  }
  return { made, removed };
}

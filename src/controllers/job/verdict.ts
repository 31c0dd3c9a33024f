import { type Job, jobCondition } from "../../api/batch/job.ts";
import type { Pod } from "../../api/core/pod.ts";
import type { Census } from "./census.ts";
import { judgeFailure } from "./failure-policy.ts";
import { Indexes } from "./indexes.ts";
import { isIndexed } from "./job-pods.ts";

/** How a Job ends, and why. */
export interface Verdict {
  readonly type: "Complete" | "Failed";
  readonly reason: string;
  readonly message: string;
}

const failed = (reason: string, message: string): Verdict => ({ type: "Failed", reason, message });

/** The end of a Job that must not run on, whatever its pods do; undefined while it may. `now` is in milliseconds. */
export function earlyEnd(job: Job, pods: readonly Pod[], census: Census, now: number): Verdict | undefined {
  for (const [type, end] of [
    ["FailureTarget", "Failed"],
    ["SuccessCriteriaMet", "Complete"],
  ] as const) {
    const known = jobCondition(job, type);
    if (known?.status === "True") return { type: end, reason: known.reason ?? "", message: known.message ?? "" };
  }
  const policy = pods.find((pod) => pod.status?.phase === "Failed" && judgeFailure(job, pod).action === "FailJob");
  if (policy) return failed("PodFailurePolicy", judgeFailure(job, policy).message ?? "");
  const { backoffLimit = 6 } = job.spec;
  if (census.failed > backoffLimit || restartedTooOften(job, census.active)) {
    return failed("BackoffLimitExceeded", "Job has reached the specified backoff limit");
  }
  if (pastDeadline(job, now)) return failed("DeadlineExceeded", "Job was active longer than specified deadline");
  return isIndexed(job) ? indexedEnd(job, census) : undefined;
}

function indexedEnd(job: Job, { succeededIndexes, failedIndexes }: Census): Verdict | undefined {
  const { backoffLimitPerIndex, maxFailedIndexes, completions = 0 } = job.spec;
  if (backoffLimitPerIndex !== undefined) {
    if (maxFailedIndexes !== undefined && failedIndexes.size > maxFailedIndexes) {
      return failed("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes");
    }
    if (failedIndexes.size > 0 && succeededIndexes.size + failedIndexes.size >= completions) {
      return failed("FailedIndexes", "Job has failed indexes");
    }
  }
  const rule = (job.spec.successPolicy?.rules ?? []).findIndex(({ succeededIndexes: wanted, succeededCount }) => {
    const among = wanted === undefined ? undefined : Indexes.parse(wanted, completions);
    const reached = [...succeededIndexes].filter((index) => !among || among.has(index)).length;
    return reached >= (succeededCount ?? among?.size ?? Number.POSITIVE_INFINITY);
  });
  if (rule === -1) return undefined;
  return { type: "Complete", reason: "SuccessPolicy", message: `Matched rules at index ${rule}` };
}

/** The end of a Job that has done what it was made for. `active` are the pods that still run. */
export function completion({ spec }: Job, { succeeded }: Census, active: number): Verdict | undefined {
  const done = spec.completions === undefined ? succeeded > 0 : succeeded >= spec.completions;
  if (!done || active > 0) return undefined;
  return { type: "Complete", reason: "CompletionsReached", message: "Reached expected number of succeeded pods" };
}

/** Milliseconds until the Job's time is up; undefined without a limit. */
export function deadlineIn({ spec, status }: Job, now: number): number | undefined {
  if (spec.activeDeadlineSeconds === undefined || !status?.startTime || spec.suspend) return undefined;
  return Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000 - now;
}

function pastDeadline(job: Job, now: number): boolean {
  const left = deadlineIn(job, now);
  return left !== undefined && left <= 0;
}

/** Pods that are restarted in place fail by their restarts. */
function restartedTooOften({ spec }: Job, active: readonly Pod[]): boolean {
  if (spec.template.spec?.restartPolicy !== "OnFailure") return false;
  const { backoffLimit = 6 } = spec;
  const restarts = active
    .filter(({ status }) => status?.phase === "Running" || status?.phase === "Pending")
    .flatMap(({ status }) => [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])])
    .reduce((sum, { restartCount }) => sum + (restartCount ?? 0), 0);
  return backoffLimit === 0 ? restarts > 0 : restarts >= backoffLimit;
}

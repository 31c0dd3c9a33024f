import { CronJob } from "../../api/batch/cron-job.ts";
import { isJobFinished, Job, jobCondition } from "../../api/batch/job.ts";
import type { ObjectReference } from "../../api/generated/core-v1.ts";
import { errorMessage } from "../../lib/fault.ts";
import { type Draft, keyOf } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { timeOf } from "../../machinery/times.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import { controllerReference } from "../framework/ownership.ts";

const scheduledAnnotation = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/** The name of the Job for a time: the same time gives the same name, so that it is made once. */
export const jobName = ({ metadata }: CronJob, at: number): string => `${metadata.name}-${Math.floor(at / 60_000)}`;

export function jobFor(cronJob: CronJob, at: number): Draft<Job> {
  const { metadata, spec } = cronJob.spec.jobTemplate;
  return {
    metadata: {
      name: jobName(cronJob, at),
      namespace: cronJob.metadata.namespace,
      ...(metadata?.labels ? { labels: metadata.labels } : {}),
      annotations: { ...metadata?.annotations, [scheduledAnnotation]: timeOf(at) },
      ownerReferences: [controllerReference(CronJob, cronJob)],
    },
    spec: spec ?? { template: {} },
  };
}

export function referenceTo(job: Job): ObjectReference {
  const { name, namespace, uid, resourceVersion } = job.metadata;
  return { kind: "Job", namespace, name, uid, apiVersion: "batch/v1", resourceVersion };
}

/** Deletes a child with its pods, telling it. One that is gone already is no error. */
export async function deleteJob(cronJob: CronJob, job: Job, { client, events }: ReconcileContext): Promise<void> {
  const { name, uid } = job.metadata;
  try {
    await client.delete(Job, keyOf(job), { propagationPolicy: "Background", preconditions: { uid } });
  } catch (error) {
    if (isStatus(error, "NotFound", "Conflict")) return;
    events.record(cronJob, "Warning", "FailedDelete", `Deleted job: ${errorMessage(error)}`);
    throw error;
  }
  events.record(cronJob, "Normal", "SuccessfulDelete", `Deleted job ${name}`);
}

/** How a finished Job ended. */
export const outcomeOf = (job: Job): "Complete" | "Failed" =>
  jobCondition(job, "Complete")?.status === "True" ? "Complete" : "Failed";

/** The finished children beyond what the history limits keep, the oldest first. */
export function beyondHistory({ spec }: CronJob, jobs: readonly Job[]): readonly Job[] {
  const finished = jobs.filter((job) => isJobFinished(job) && !job.metadata.deletionTimestamp);
  const oldest = (outcome: "Complete" | "Failed", limit: number | undefined) => {
    if (limit === undefined) return [];
    const some = finished.filter((job) => outcomeOf(job) === outcome).sort(byStart);
    return some.slice(0, Math.max(0, some.length - limit));
  };
  return [...oldest("Complete", spec.successfulJobsHistoryLimit), ...oldest("Failed", spec.failedJobsHistoryLimit)];
}

function byStart(a: Job, b: Job): number {
  const [left, right] = [a.status?.startTime ?? "", b.status?.startTime ?? ""];
  if (left === right) return a.metadata.name < b.metadata.name ? -1 : 1;
  // One that never started counts as the youngest.
  if (!left || !right) return left ? -1 : 1;
  return left < right ? -1 : 1;
}

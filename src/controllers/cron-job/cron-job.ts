import { CronJob } from "../../api/batch/cron-job.ts";
import { isJobFinished, Job } from "../../api/batch/job.ts";
import type { ObjectReference } from "../../api/generated/core-v1.ts";
import { errorMessage } from "../../lib/fault.ts";
import { growingBounds } from "../../lib/growing-bounds.ts";
import type { Metrics } from "../../lib/metrics.ts";
import { isEqual } from "../../machinery/equality.ts";
import type { ObjectKey } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { timeOf } from "../../machinery/times.ts";
import {
  declared,
  defineController,
  done,
  type ReconcileContext,
  type ReconcileResult,
} from "../framework/controller.ts";
import { controllerOf } from "../framework/ownership.ts";
import { namespaceEnds } from "../framework/refusals.ts";
import { beyondHistory, deleteJob, jobFor, jobName, outcomeOf, referenceTo } from "./child-jobs.ts";
import { due, mailDate, scheduleOf } from "./due.ts";

const lateness = (metrics: Metrics) =>
  metrics.histogram(
    "cronjob_controller_job_creation_skew_duration_seconds",
    "Seconds from when a Job was due until it was made.",
    [],
    growingBounds(1, 2, 10),
  );

/** Makes Jobs on a schedule, and keeps the last few of them. */
export const cronJobController = defineController({
  name: "cronjob",
  for: CronJob,
  owns: [Job],
  workers: 5,
  meters: declared(lateness),
  reconcile,
});

async function reconcile(key: ObjectKey, context: ReconcileContext): Promise<ReconcileResult> {
  const { cache, client } = context;
  const known = cache.get(CronJob, key);
  if (!known) return done;
  const jobs = cache.ownedBy(Job, known.metadata.uid);
  const seen = await lookAfter(known, jobs, context);
  const { cronJob, result } = await start(seen, jobs, context);
  if (!isEqual(cronJob.status ?? {}, known.status ?? {})) await client.updateStatus(CronJob, cronJob);
  if (!cronJob.metadata.deletionTimestamp) {
    for (const job of beyondHistory(cronJob, jobs)) await deleteJob(cronJob, job, context);
  }
  return result;
}

const withActive = (cronJob: CronJob, active: readonly ObjectReference[]): CronJob => {
  const { active: _, ...status } = cronJob.status ?? {};
  return { ...cronJob, status: active.length > 0 ? { ...status, active } : status };
};

/** Takes what ended, or what went missing, from the list of active Jobs. */
async function lookAfter(cronJob: CronJob, jobs: readonly Job[], context: ReconcileContext): Promise<CronJob> {
  const { client, events } = context;
  const active = cronJob.status?.active ?? [];
  let lastSuccess = cronJob.status?.lastSuccessfulTime;
  let kept = active;
  const forget = (uid: string | undefined) => {
    kept = kept.filter((reference) => reference.uid !== uid);
  };
  for (const job of jobs) {
    const { name, uid } = job.metadata;
    const listed = active.some((reference) => reference.uid === uid);
    if (!isJobFinished(job)) {
      if (listed) continue;
      const message = `Saw a job that the controller did not create or forgot: ${name}`;
      events.record(cronJob, "Warning", "UnexpectedJob", message);
      continue;
    }
    const { completionTime } = job.status ?? {};
    if (outcomeOf(job) === "Complete" && completionTime && (!lastSuccess || lastSuccess < completionTime)) {
      lastSuccess = completionTime;
    }
    if (!listed) continue;
    forget(uid);
    events.record(cronJob, "Normal", "SawCompletedJob", `Saw completed job: ${name}, status: ${outcomeOf(job)}`);
  }
  for (const { uid, name = "" } of kept) {
    if (jobs.some((job) => job.metadata.uid === uid)) continue;
    try {
      const job = await client.get(Job, { namespace: cronJob.metadata.namespace, name });
      if (job.metadata.uid === uid) continue;
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
    events.record(cronJob, "Normal", "MissingJob", `Active job went missing: ${name}`);
    forget(uid);
  }
  const result = kept === active ? cronJob : withActive(cronJob, kept);
  if (lastSuccess === cronJob.status?.lastSuccessfulTime) return result;
  return { ...result, status: { ...result.status, ...(lastSuccess ? { lastSuccessfulTime: lastSuccess } : {}) } };
}

interface Started {
  readonly cronJob: CronJob;
  readonly result: ReconcileResult;
}

async function start(cronJob: CronJob, jobs: readonly Job[], context: ReconcileContext): Promise<Started> {
  const { clock, events } = context;
  if (cronJob.metadata.deletionTimestamp || cronJob.spec.suspend) return { cronJob, result: done };
  let schedule: ReturnType<typeof scheduleOf>;
  try {
    schedule = scheduleOf(cronJob);
  } catch (error) {
    const { schedule, timeZone } = cronJob.spec;
    const zone = errorMessage(error).startsWith("unknown time zone");
    if (zone)
      events.record(cronJob, "Warning", "UnknownTimeZone", `invalid timeZone: "${timeZone}": ${errorMessage(error)}`);
    else
      events.record(
        cronJob,
        "Warning",
        "UnparseableSchedule",
        `unparseable schedule: "${schedule}" : ${errorMessage(error)}`,
      );
    return { cronJob, result: done };
  }
  const now = clock.now();
  const { at, tooMany, wait } = due(cronJob, schedule, now);
  const result = wait === undefined ? done : { requeueAfter: wait };
  if (tooMany) {
    const message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
    events.record(cronJob, "Warning", "TooManyMissedTimes", message);
  }
  if (at === undefined || cronJob.status?.lastScheduleTime === timeOf(at)) return { cronJob, result };
  const { startingDeadlineSeconds: deadline, concurrencyPolicy } = cronJob.spec;
  if (deadline !== undefined && at + deadline * 1000 < now) {
    events.record(cronJob, "Warning", "MissSchedule", `Missed scheduled time to start a job: ${mailDate(at)}`);
    return { cronJob, result };
  }
  const active = cronJob.status?.active ?? [];
  if (active.some(({ name }) => name === jobName(cronJob, at))) return { cronJob, result };
  if (concurrencyPolicy === "Forbid" && active.length > 0) {
    const message = "Not starting job because prior execution is running and concurrency policy is Forbid";
    events.record(cronJob, "Normal", "JobAlreadyActive", message);
    return { cronJob, result };
  }
  let ready = cronJob;
  if (concurrencyPolicy === "Replace") {
    for (const { uid } of active) {
      const job = jobs.find(({ metadata }) => metadata.uid === uid);
      if (job) await deleteJob(cronJob, job, context);
    }
    ready = withActive(cronJob, []);
  }
  return { cronJob: await make(ready, at, context), result };
}

/** Makes the Job of a time and lists it; a second try finds what the first one made. */
async function make(
  cronJob: CronJob,
  at: number,
  { client, clock, events, metrics }: ReconcileContext,
): Promise<CronJob> {
  const draft = jobFor(cronJob, at);
  let job: Job;
  try {
    job = await client.create(Job, draft);
    metrics.meter(lateness).observe((clock.now() - at) / 1000);
    events.record(cronJob, "Normal", "SuccessfulCreate", `Created job ${job.metadata.name}`);
  } catch (error) {
    if (namespaceEnds(error)) return cronJob;
    if (!isStatus(error, "AlreadyExists")) {
      events.record(cronJob, "Warning", "FailedCreate", `Error creating job: ${errorMessage(error)}`);
      throw error;
    }
    job = await client.get(Job, { namespace: cronJob.metadata.namespace, name: jobName(cronJob, at) });
    if (controllerOf(job)?.uid !== cronJob.metadata.uid) throw error;
  }
  const active = cronJob.status?.active ?? [];
  const listed = isJobFinished(job) ? cronJob : withActive(cronJob, [...active, referenceTo(job)]);
  return { ...listed, status: { ...listed.status, lastScheduleTime: timeOf(at) } };
}

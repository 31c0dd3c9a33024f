import { isJobFinished, Job, jobCondition } from "../../api/batch/job.ts";
import { Pod } from "../../api/core/pod.ts";
import type { JobCondition, JobConditionType, JobStatus } from "../../api/generated/batch-v1.ts";
import { selectorOfObject } from "../../machinery/labels.ts";
import { type KindRef, type KubeObject, keyOf, type ObjectKey } from "../../machinery/object.ts";
import { timeOf } from "../../machinery/times.ts";
import {
  type Cache,
  declared,
  defineController,
  done,
  type ReconcileContext,
  type ReconcileResult,
  restAfter,
  watches,
} from "../framework/controller.ts";
import { claim, controllerOf } from "../framework/ownership.ts";
import { type Census, takeCensus } from "./census.ts";
import { type JobAction, jobMetrics } from "./job-metrics.ts";
import { isIndexed, isTracked } from "./job-pods.ts";
import { carryOut, planPods } from "./manage.ts";
import { type FailureRecord, recordFailures } from "./pause.ts";
import { countEnded, untrack, writeStatus } from "./tracking.ts";
import { completion, deadlineIn, earlyEnd, type Verdict } from "./verdict.ts";

const ownName = "kubernetes.io/job-controller";

/** Runs pods until enough of them succeeded, or the Job has failed. */
export function jobController() {
  /** Failures since the last success, by the Job's uid. Lost at a restart, which only shortens a pause. */
  const failures = new Map<string, FailureRecord>();
  return defineController({
    name: "job",
    for: Job,
    owns: [Pod],
    meters: declared(jobMetrics),
    watches: [
      watches(Pod, (pod, previous, cache) =>
        controllerOf(pod)
          ? []
          : cache
              .list(Job, pod.metadata.namespace)
              .filter((job) => [pod, previous].some((each) => each && selects(job, each)))
              .map(keyOf),
      ),
    ],
    async reconcile(key, context) {
      const { cache, clock, metrics } = context;
      const job = cache.get(Job, key);
      const began = clock.monotonic();
      const sync: Sync = { action: "reconciling" };
      const tell = (result: "success" | "error") =>
        job && metrics.meter(jobMetrics).synced(job, result, sync.action, (clock.monotonic() - began) / 1000);
      try {
        const result = await reconcile(key, job, context, failures, sync);
        tell("success");
        return result;
      } catch (error) {
        tell("error");
        throw error;
      }
    },
  });
}

/** What is told of a look at a Job once it is over. */
interface Sync {
  action: JobAction;
}

const selects = ({ spec }: Job, { metadata }: KubeObject) => selectorOfObject(spec.selector).matches(metadata.labels);

async function reconcile(
  key: ObjectKey,
  job: Job | undefined,
  context: ReconcileContext,
  failures: Map<string, FailureRecord>,
  sync: Sync,
): Promise<ReconcileResult> {
  const { clock, metrics } = context;
  if (!job || isJobFinished(job)) {
    if (job) failures.delete(job.metadata.uid);
    await letGo(key, job, context);
    return done;
  }
  if (job.spec.managedBy !== undefined && job.spec.managedBy !== ownName) {
    metrics.meter(jobMetrics).leftTo(job.spec.managedBy);
    return done;
  }
  await letGo(key, job, context);
  const pods = await podsOf(job, context);
  const now = clock.now();
  const census = takeCensus(job, pods);
  const record = recordFailures(failures.get(job.metadata.uid), census, now);
  const end = earlyEnd(job, pods, census, now);

  const plan = end ? { remove: census.active, create: [] } : planPods(job, census, record, now);
  const acts = job.metadata.deletionTimestamp ? { remove: [], create: [] } : plan;
  const { made, removed, error } = await carryOut(job, acts, context);
  if (made > 0) sync.action = "pods_created";
  else if (removed > 0) sync.action = "pods_deleted";
  const active = census.active.length + made - removed;
  const verdict = end ?? completion(job, census, active);
  const status = runningStatus(job, census, { active, removed }, verdict, context);
  const counted = await countEnded(job, pods, census, { status, over: verdict !== undefined }, context);
  if (counted.job !== job && sync.action === "reconciling") sync.action = "tracking";
  failures.set(job.metadata.uid, record);
  if (error) throw error;

  const ended = active === 0 && census.terminating.length + removed === 0;
  if (verdict && ended && counted.settled) {
    failures.delete(job.metadata.uid);
    await finish(counted.job, verdict, context);
    return done;
  }
  const waits = [deadlineIn(counted.job, now), "wait" in plan ? plan.wait : undefined].filter(
    (wait) => wait !== undefined,
  );
  const later = waits.length > 0 && !verdict ? { requeueAfter: Math.max(0, Math.min(...waits)) } : done;
  return { ...later, ...restAfter(pods.length) };
}

async function podsOf(job: Job, { cache, client }: ReconcileContext): Promise<readonly Pod[]> {
  return await claim({
    client,
    kind: Pod,
    ownerKind: Job as unknown as KindRef<KubeObject>,
    owner: job,
    candidates: [...cache.ownedBy(Pod, job.metadata.uid), ...cache.orphans(Pod, job.metadata.namespace)],
    matches: (pod) => selects(job, pod),
  });
}

/** Pods of a Job that is gone or over are not counted any more: nothing may hold them. */
async function letGo(key: ObjectKey, job: Job | undefined, context: ReconcileContext): Promise<void> {
  const over = job === undefined || isJobFinished(job);
  for (const pod of podsNaming(key, context.cache)) {
    const ours = controllerOf(pod)?.uid === job?.metadata.uid;
    if (!ours || over) await untrack(pod, context);
  }
}

function podsNaming({ namespace = "", name }: ObjectKey, cache: Cache): readonly Pod[] {
  return cache.list(Pod, namespace).filter((pod) => {
    const owner = controllerOf(pod);
    return isTracked(pod) && owner?.kind === Job.kind && owner.name === name;
  });
}

/** The status of a Job that is not over yet; the end that is decided is written down before the last pod is gone. */
function runningStatus(
  job: Job,
  census: Census,
  { active, removed }: { readonly active: number; readonly removed: number },
  verdict: Verdict | undefined,
  { clock, events }: ReconcileContext,
): JobStatus {
  const time = timeOf(clock.now());
  let conditions = job.status?.conditions ?? [];
  let startTime = job.status?.startTime;
  if (verdict) {
    const type = verdict.type === "Failed" ? "FailureTarget" : "SuccessCriteriaMet";
    conditions = withCondition(conditions, { ...verdict, type, status: "True" }, time);
  } else if (job.spec.suspend) {
    conditions = withCondition(conditions, suspension("True", "JobSuspended", "Job suspended"), time);
    if (conditions !== job.status?.conditions) events.record(job, "Normal", "Suspended", "Job suspended");
  } else if (jobCondition(job, "Suspended")?.status === "True") {
    conditions = withCondition(conditions, suspension("False", "JobResumed", "Job resumed"), time);
    startTime = time;
    events.record(job, "Normal", "Resumed", "Job resumed");
  }
  if (!startTime && !job.spec.suspend) startTime = time;
  const { failed, succeeded, completionTime, uncountedTerminatedPods } = job.status ?? {};
  const indexed = isIndexed(job) && census.succeededIndexes.size > 0;
  const perIndex = job.spec.backoffLimitPerIndex !== undefined;
  return {
    ...(conditions.length > 0 ? { conditions } : {}),
    ...(startTime ? { startTime } : {}),
    ...(completionTime ? { completionTime } : {}),
    ...(active > 0 ? { active } : {}),
    ...(succeeded ? { succeeded } : {}),
    ...(failed ? { failed } : {}),
    terminating: census.terminating.length + removed,
    ready: census.ready,
    ...(indexed ? { completedIndexes: `${census.succeededIndexes}` } : {}),
    ...(perIndex ? { failedIndexes: `${census.failedIndexes}` } : {}),
    uncountedTerminatedPods: uncountedTerminatedPods ?? {},
  };
}

const suspension = (status: "True" | "False", reason: string, message: string) =>
  ({ type: "Suspended", status, reason, message }) as const;

async function finish(job: Job, verdict: Verdict, context: ReconcileContext): Promise<void> {
  const { clock, events } = context;
  const time = timeOf(clock.now());
  const conditions = withCondition(job.status?.conditions ?? [], { ...verdict, status: "True" }, time);
  const completionTime = verdict.type === "Complete" ? { completionTime: time } : {};
  await writeStatus(job, { ...job.status, conditions, ...completionTime }, context);
  context.metrics.meter(jobMetrics).finished(job, verdict.type, verdict.reason);
  if (verdict.type === "Complete") events.record(job, "Normal", "Completed", "Job completed");
  else events.record(job, "Warning", verdict.reason, verdict.message);
}

function withCondition(
  conditions: readonly JobCondition[],
  condition: {
    readonly type: JobConditionType;
    readonly status: "True" | "False";
    readonly reason: string;
    readonly message: string;
  },
  time: string,
): readonly JobCondition[] {
  const { type, status, reason, message } = condition;
  const known = conditions.find((each) => each.type === type);
  if (known?.status === status) return conditions;
  const next: JobCondition = { type, status, lastProbeTime: time, lastTransitionTime: time, reason, message };
  return known ? conditions.map((each) => (each === known ? next : each)) : [...conditions, next];
}

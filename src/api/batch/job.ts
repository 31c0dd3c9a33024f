import { ageColumn, containersColumn, imagesColumn, nameColumn, selectorColumn, text } from "../columns.ts";
import { podTemplateDefaults } from "../core/pod-defaults.ts";
import { humanDuration } from "../durations.ts";
import { change, each, fill, fillEmpty } from "../fill.ts";
import type * as batch from "../generated/batch-v1.ts";
import { defineKind } from "../kind.ts";
import { jobMappings } from "./job-versions.ts";
import { validateJob, validateJobStatus, validateJobUpdate } from "./validate-job.ts";

export type Job = batch.Job;

/** The label that ties a Job's pods to it. */
export const controllerUidLabel = "batch.kubernetes.io/controller-uid";
/** The label that names the Job on its pods. */
export const jobNameLabel = "batch.kubernetes.io/job-name";
const oldControllerUidLabel = "controller-uid";
const oldJobNameLabel = "job-name";

/** Runs pods until enough of them have succeeded. */
export const Job = defineKind<batch.Job>({
  type: "batch/v1.Job",
  plural: "jobs",
  categories: ["all"],
  scope: "Namespaced",
  subresources: ["status"],
  defaults: (job) => change(fill(job, { spec: {} as batch.JobSpec }), { spec: jobSpecDefaults }),
  prepareCreate: (job) => {
    const spec = job.spec.manualSelector ? job.spec : withSelector(job);
    const labels = job.metadata.labels ?? spec.template.metadata?.labels;
    return { ...job, metadata: labels ? { ...job.metadata, labels } : job.metadata, spec, status: {} };
  },
  validate: validateJob,
  validateUpdate: validateJobUpdate,
  validateStatus: validateJobStatus,
  columns: [
    nameColumn,
    text("Status", statusText),
    text("Completions", completionsText),
    text("Duration", durationText),
    ageColumn,
    containersColumn,
    imagesColumn,
    selectorColumn,
  ],
  fields: { "status.successful": ({ status }) => String(status?.succeeded ?? 0) },
  defaultPropagation: "Orphan",
  versions: jobMappings,
});

/** The condition of a type, if the Job has it. */
export function jobCondition(job: batch.Job, type: batch.JobConditionType): batch.JobCondition | undefined {
  return job.status?.conditions?.find((condition) => condition.type === type);
}

/** True when the Job has succeeded or failed for good. */
export function isJobFinished(job: batch.Job): boolean {
  return jobCondition(job, "Complete")?.status === "True" || jobCondition(job, "Failed")?.status === "True";
}

/** What a Job's spec gets when it does not say. */
function jobSpecDefaults(given: batch.JobSpec): batch.JobSpec {
  const once = given.completions === undefined && given.parallelism === undefined ? { completions: 1 } : {};
  const perIndex = given.backoffLimitPerIndex !== undefined;
  const filled = fill(fillEmpty(given, { completionMode: "NonIndexed" }), {
    ...once,
    parallelism: 1,
    backoffLimit: perIndex ? 0x7fffffff : 6,
    suspend: false,
    manualSelector: false,
    podReplacementPolicy: given.podFailurePolicy ? "Failed" : "TerminatingOrFailed",
  });
  return change(filled, {
    template: podTemplateDefaults,
    podFailurePolicy: (policy) =>
      change(policy, {
        rules: each((rule) =>
          change(rule, { onPodConditions: each((pattern) => fillEmpty(pattern, { status: "True" })) }),
        ),
      }),
  });
}

/** Ties the Job to its pods by its uid. Labels that the user set stay as they are, and fail validation if they are wrong. */
function withSelector({ metadata, spec }: batch.Job): batch.JobSpec {
  const template = spec.template ?? {};
  const labels = {
    [oldJobNameLabel]: metadata.name,
    [jobNameLabel]: metadata.name,
    [oldControllerUidLabel]: metadata.uid,
    [controllerUidLabel]: metadata.uid,
    ...template.metadata?.labels,
  };
  const matchLabels = { [controllerUidLabel]: metadata.uid, ...spec.selector?.matchLabels };
  return {
    ...spec,
    selector: { ...spec.selector, matchLabels },
    template: { ...template, metadata: { ...template.metadata, labels } },
  };
}

function statusText(job: batch.Job): string {
  const has = (type: batch.JobConditionType) => jobCondition(job, type)?.status === "True";
  if (has("Complete")) return "Complete";
  if (has("Failed")) return "Failed";
  if (job.metadata.deletionTimestamp) return "Terminating";
  return (["Suspended", "FailureTarget", "SuccessCriteriaMet"] as const).find(has) ?? "Running";
}

function completionsText({ spec: { completions, parallelism = 0 }, status }: batch.Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (completions !== undefined) return `${succeeded}/${completions}`;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationText({ status }: batch.Job, { now }: { readonly now: number }): string {
  if (!status?.startTime) return "";
  const end = status.completionTime ? Date.parse(status.completionTime) : now;
  return humanDuration(end - Date.parse(status.startTime));
}

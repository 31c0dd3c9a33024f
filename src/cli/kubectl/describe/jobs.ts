import type { CronJob, Job, JobTemplateSpec } from "../../../api/generated/batch-v1.ts";
import type { LabelSelector } from "../../../machinery/generated/meta-v1.ts";
import { selectorOfObject } from "../../../machinery/labels.ts";
import { defineDescriber } from "./describer.ts";
import { controllerRow, marks, nameRows } from "./metadata.ts";
import { podTemplateText } from "./pod-template.ts";
import { between, row, rowIf, type Text, timeText, truth } from "./text.ts";

const seconds = (value: number | undefined) => (value === undefined ? undefined : `${value}s`);

const plainSelector = (selector: LabelSelector | undefined) => selectorOfObject(selector).toString();

/** `kubectl describe job` */
export const job = defineDescriber<Job>("v1", (job) => {
  const { spec, status = {} } = job;
  const { startTime, completionTime, ready, active = 0, succeeded = 0, failed = 0 } = status;
  return [
    nameRows(job),
    row("Selector", plainSelector(spec.selector)),
    marks(job),
    controllerRow(job),
    rowIf("Parallelism", spec.parallelism),
    row("Completions", spec.completions ?? "<unset>"),
    rowIf("Completion Mode", spec.completionMode),
    rowIf("Suspend", spec.suspend),
    rowIf("Backoff Limit", spec.backoffLimit),
    rowIf("TTL Seconds After Finished", spec.ttlSecondsAfterFinished),
    rowIf("Start Time", startTime && timeText(startTime)),
    rowIf("Completed At", completionTime && timeText(completionTime)),
    rowIf("Duration", startTime && completionTime && between(startTime, completionTime)),
    rowIf("Active Deadline Seconds", seconds(spec.activeDeadlineSeconds)),
    row(
      "Pods Statuses",
      `${active} Active${ready === undefined ? "" : ` (${ready} Ready)`} / ${succeeded} Succeeded / ${failed} Failed`,
    ),
    spec.completionMode === "Indexed" && row("Completed Indexes", indexesText(status.completedIndexes)),
    podTemplateText(spec.template),
  ];
});

/** About fifty characters of a list of numbers. */
function indexesText(indexes: string | undefined): string {
  if (!indexes) return "<none>";
  const end = indexes.indexOf(",", 50);
  return end < 0 ? indexes : `${indexes.slice(0, end + 1)}...`;
}

/** `kubectl describe cronjob` */
export const cronJob = defineDescriber<CronJob>("v1", (cronJob) => {
  const { spec, status } = cronJob;
  return [
    nameRows(cronJob),
    marks(cronJob),
    row("Schedule", spec.schedule),
    row("Concurrency Policy", spec.concurrencyPolicy),
    row("Suspend", truth(spec.suspend)),
    row("Successful Job History Limit", spec.successfulJobsHistoryLimit ?? "<unset>"),
    row("Failed Job History Limit", spec.failedJobsHistoryLimit ?? "<unset>"),
    row("Starting Deadline Seconds", seconds(spec.startingDeadlineSeconds) ?? "<unset>"),
    jobTemplateText(spec.jobTemplate),
    row("Last Schedule Time", status?.lastScheduleTime ? timeText(status.lastScheduleTime) : "<unset>"),
    row("Active Jobs", (status?.active ?? []).map(({ name }) => name).join(", ") || "<none>"),
  ];
});

function jobTemplateText({ spec }: JobTemplateSpec): Text {
  return [
    row("Selector", spec?.selector ? plainSelector(spec.selector) : "<unset>"),
    row("Parallelism", spec?.parallelism ?? "<unset>"),
    row("Completions", spec?.completions ?? "<unset>"),
    rowIf("Active Deadline Seconds", seconds(spec?.activeDeadlineSeconds)),
    podTemplateText(spec?.template ?? {}),
  ];
}

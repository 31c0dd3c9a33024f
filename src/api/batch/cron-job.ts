import { field, path } from "../../machinery/fields.ts";
import { tooLongText } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, nonNegative, requiredOneOf } from "../checks.ts";
import { ageColumn, imagesOf, integer, nameColumn, namesOf, orNone, selectorText, text, wide } from "../columns.ts";
import { podTemplateDefaults } from "../core/pod-defaults.ts";
import { since } from "../durations.ts";
import { change, fill, fillEmpty } from "../fill.ts";
import type * as batch from "../generated/batch-v1.ts";
import { defineKind, type VersionMapping } from "../kind.ts";
import { reducedVersion } from "../reduced-version.ts";
import { sameInVersions } from "../renamed-version.ts";
import { scheduleFault } from "./schedule.ts";
import { validateJobSpec } from "./validate-job.ts";

export type CronJob = batch.CronJob;

const spec = path("spec");
/** The Jobs' names get a suffix of eleven characters, and theirs is a label. */
const longestName = 52;

// What it was called for one release.
const scheduledJob: VersionMapping = {
  ...reducedVersion({
    stored: { apiVersion: "batch/v1", kind: "CronJob" },
    apiVersion: "batch/v2alpha1",
    type: "batch/v2alpha1.ScheduledJob",
    spec: ["schedule", "startingDeadlineSeconds", "concurrencyPolicy", "suspend", "jobTemplate"],
    implied: { successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 },
  }),
  plural: "scheduledjobs",
};

/** Makes Jobs on a schedule. */
export const CronJob = defineKind<batch.CronJob>({
  type: "batch/v1.CronJob",
  plural: "cronjobs",
  shortNames: ["cj"],
  categories: ["all"],
  scope: "Namespaced",
  subresources: ["status"],
  defaults: (job) => change(fill(job, { spec: {} as batch.CronJobSpec }), { spec: withDefaults }),
  validate: (job) => [...validateName(job.metadata.name), ...validateCronJob(job.spec)],
  columns: [
    nameColumn,
    text("Schedule", (job) => job.spec.schedule ?? ""),
    text("Timezone", (job) => orNone(job.spec.timeZone)),
    { name: "Suspend", type: "boolean", of: (job) => (job.spec.suspend ? "True" : "False") },
    integer("Active", ({ status }) => status?.active?.length ?? 0),
    text("Last Schedule", ({ status }, { now }) =>
      status?.lastScheduleTime ? since(status.lastScheduleTime, now) : "<none>",
    ),
    ageColumn,
    wide(text("Containers", (job) => namesOf(containersOf(job)))),
    wide(text("Images", (job) => imagesOf(containersOf(job)))),
    wide(text("Selector", (job) => selectorText(job.spec.jobTemplate?.spec?.selector))),
  ],
  versions: {
    ...sameInVersions("batch/v1", {
      "batch/v1beta1": "batch/v1beta1.CronJob",
      "batch/v2alpha1": "batch/v2alpha1.CronJob",
    }),
    "batch/v2alpha1/scheduledjobs": scheduledJob,
  },
});

function containersOf(job: batch.CronJob) {
  return job.spec.jobTemplate?.spec?.template?.spec?.containers;
}

function withDefaults(given: batch.CronJobSpec): batch.CronJobSpec {
  const filled = fill(fillEmpty(given, { concurrencyPolicy: "Allow" }), {
    suspend: false,
    successfulJobsHistoryLimit: 3,
    failedJobsHistoryLimit: 1,
  });
  return change(filled, {
    jobTemplate: (template) => change(template, { spec: (job) => change(job, { template: podTemplateDefaults }) }),
  });
}

function validateName(name: string): Errors {
  if (name.length <= longestName) return [];
  return [field.invalid(path("metadata", "name"), name, tooLongText(longestName))];
}

function validateCronJob(given: batch.CronJobSpec): Errors {
  const { schedule, timeZone } = given;
  const errors: FieldError[] = [];
  const place = spec.child("schedule");
  if (!schedule) errors.push(field.required(place));
  else {
    const fault = scheduleFault(schedule);
    if (fault !== undefined) errors.push(field.invalid(place, schedule, fault));
    if (schedule.includes("TZ")) {
      const detail =
        timeZone === undefined
          ? "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
          : "cannot use both timeZone field and TZ or CRON_TZ in schedule";
      errors.push(field.invalid(place, schedule, detail));
    }
  }
  errors.push(...nonNegative(spec.child("startingDeadlineSeconds"), given.startingDeadlineSeconds));
  errors.push(...validateTimeZone(timeZone));
  const policies = ["Allow", "Forbid", "Replace"];
  errors.push(...requiredOneOf(spec.child("concurrencyPolicy"), given.concurrencyPolicy, policies));
  errors.push(...validateTemplate(given.jobTemplate?.spec));
  errors.push(...nonNegative(spec.child("successfulJobsHistoryLimit"), given.successfulJobsHistoryLimit));
  return [...errors, ...nonNegative(spec.child("failedJobsHistoryLimit"), given.failedJobsHistoryLimit)];
}

function validateTemplate(job: batch.JobSpec | undefined): Errors {
  const place = spec.child("jobTemplate", "spec");
  const errors: FieldError[] = [];
  if (job?.manualSelector) {
    errors.push(field.notSupported(place.child("manualSelector"), true, ["nil", "false"]));
  }
  if (job?.selector) {
    errors.push(field.invalid(place.child("selector"), job.selector, "`selector` will be auto-generated"));
  }
  return [...errors, ...validateJobSpec(job ?? { template: {} }, place)];
}

function validateTimeZone(timeZone: string | undefined): Errors {
  if (timeZone === undefined) return [];
  const place = spec.child("timeZone");
  if (timeZone === "") return [field.invalid(place, timeZone, "timeZone must be nil or non-empty string")];
  if (timeZone.toLowerCase() === "local") {
    return [
      field.invalid(
        place,
        timeZone,
        "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
      ),
    ];
  }
  try {
    new Intl.DateTimeFormat("en", { timeZone });
    return [];
  } catch {
    return [field.invalid(place, timeZone, `unknown time zone ${timeZone}`)];
  }
}

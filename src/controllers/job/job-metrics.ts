import type { Job } from "../../api/batch/job.ts";
import { growingBounds } from "../../lib/growing-bounds.ts";
import type { Metrics } from "../../lib/metrics.ts";
import { isIndexed } from "./job-pods.ts";

/** What a look at a Job came to, in upstream's words. */
export type JobAction = "reconciling" | "tracking" | "pods_created" | "pods_deleted";

/** The Job controller's metrics under upstream's names. */
export function jobMetrics(metrics: Metrics) {
  const syncLabels = ["completion_mode", "result", "action"] as const;
  const syncs = metrics.counter("job_controller_job_syncs_total", "Looks at Jobs.", syncLabels);
  const duration = metrics.histogram(
    "job_controller_job_sync_duration_seconds",
    "Seconds that a look at a Job took.",
    syncLabels,
    growingBounds(0.001, 2, 15),
  );
  const jobs = metrics.counter("job_controller_jobs_finished_total", "Jobs that ended, by how and why.", [
    "completion_mode",
    "result",
    "reason",
  ]);
  const pods = metrics.counter("job_controller_job_pods_finished_total", "Pods of Jobs that ended and were counted.", [
    "completion_mode",
    "result",
  ]);
  const handled = metrics.counter(
    "job_controller_pod_failures_handled_by_failure_policy_total",
    "Failed pods about which a rule of their Job's failure policy decided.",
    ["action"],
  );
  const created = metrics.counter("job_controller_job_pods_creation_total", "Pods made for Jobs, by why.", [
    "reason",
    "status",
  ]);
  const external = metrics.counter(
    "job_controller_jobs_by_external_controller_total",
    "Jobs that somebody else looks after.",
    ["controller_name"],
  );
  const mode = (job: Job) => (isIndexed(job) ? "Indexed" : "NonIndexed");
  return {
    synced(job: Job, result: "success" | "error", action: JobAction, seconds: number) {
      const labels = { completion_mode: mode(job), result, action };
      syncs.inc(labels);
      duration.observe(labels, seconds);
    },
    finished: (job: Job, type: "Complete" | "Failed", reason: string) =>
      jobs.inc({ completion_mode: mode(job), result: type === "Complete" ? "succeeded" : "failed", reason }),
    counted(job: Job, { succeeded, failed }: { readonly succeeded: number; readonly failed: number }) {
      if (succeeded > 0) pods.inc({ completion_mode: mode(job), result: "succeeded" }, succeeded);
      if (failed > 0) pods.inc({ completion_mode: mode(job), result: "failed" }, failed);
    },
    judged: (action: string) => handled.inc({ action }),
    made(replacing: boolean, succeeded: boolean) {
      const reason = replacing ? "recreate_terminating_or_failed" : "new";
      created.inc({ reason, status: succeeded ? "succeeded" : "failed" });
    },
    leftTo: (controller: string) => external.inc({ controller_name: controller }),
  };
}

import { isJobFinished, Job, jobCondition } from "../../api/batch/job.ts";
import { growingBounds } from "../../lib/growing-bounds.ts";
import type { Metrics } from "../../lib/metrics.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { declared, defineController, done } from "../framework/controller.ts";

/** When a finished Job may be deleted, in milliseconds since the epoch; undefined if never, or if it is not finished. */
export function expiresAt(job: Job): number | undefined {
  const seconds = job.spec.ttlSecondsAfterFinished;
  if (seconds === undefined || !isJobFinished(job)) return undefined;
  const end =
    jobCondition(job, "Complete")?.status === "True" ? jobCondition(job, "Complete") : jobCondition(job, "Failed");
  return end?.lastTransitionTime ? Date.parse(end.lastTransitionTime) + seconds * 1000 : undefined;
}

const lateness = (metrics: Metrics) =>
  metrics.histogram(
    "ttl_after_finished_controller_job_deletion_duration_seconds",
    "Seconds from when a finished Job might be deleted until it was.",
    [],
    growingBounds(0.1, 2, 14),
  );

/** Deletes Jobs some time after they finished, with their pods. */
export const ttlAfterFinishedController = defineController({
  name: "ttl-after-finished",
  for: Job,
  workers: 5,
  meters: declared(lateness),
  async reconcile(key, { cache, client, clock, metrics }) {
    const job = cache.get(Job, key);
    if (!job || job.metadata.deletionTimestamp) return done;
    const at = expiresAt(job);
    if (at === undefined) return done;
    if (at > clock.now()) return { requeueAfter: at - clock.now() };
    const { uid, resourceVersion } = job.metadata;
    try {
      // Somebody may have lengthened its time meanwhile.
      await client.delete(Job, key, { propagationPolicy: "Foreground", preconditions: { uid, resourceVersion } });
      metrics.meter(lateness).observe((clock.now() - at) / 1000);
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
    return done;
  },
});

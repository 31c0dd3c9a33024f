import type { Job } from "../../api/batch/job.ts";
import type { Pod } from "../../api/core/pod.ts";
import { type BackoffOptions, backoffDelay } from "../../lib/backoff.ts";
import type { Census } from "./census.ts";
import { endedAt, failuresBefore } from "./job-pods.ts";

/** The pause before a failed pod is replaced (as upstream). */
const pause: BackoffOptions = { base: 10_000, factor: 2, max: 600_000 };

/** Failures of a Job's pods since its last success. */
export interface FailureRecord {
  readonly failures: number;
  /** When the last one ended, in milliseconds since the epoch. */
  readonly last: number;
}

/** The record after what a census found new. */
export function recordFailures(
  known: FailureRecord | undefined,
  { newSucceeded, newFailed }: Census,
  now: number,
): FailureRecord {
  const ends = [
    ...newSucceeded.map((pod) => ({ at: endedAt(pod, now), ok: true })),
    ...newFailed.map((pod) => ({ at: endedAt(pod, now), ok: false })),
  ].sort((a, b) => a.at - b.at);
  let record = known ?? { failures: 0, last: 0 };
  for (const { at, ok } of ends) record = ok ? { failures: 0, last: 0 } : { failures: record.failures + 1, last: at };
  return record;
}

/** Milliseconds until pods may be made again; 0 or less when they may now. */
export function pauseLeft({ failures, last }: FailureRecord, now: number): number {
  return failures === 0 ? 0 : last + backoffDelay(pause, failures) - now;
}

/** The same for one index, whose last failed pod carries the count. */
export function indexPauseLeft(job: Job, failed: Pod | undefined, now: number): number {
  if (!failed || job.spec.backoffLimitPerIndex === undefined) return 0;
  return endedAt(failed, now) + backoffDelay(pause, failuresBefore(failed) + 1) - now;
}

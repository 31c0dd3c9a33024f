import type { Metrics } from "../lib/metrics.ts";
import type { QueuedPod, SchedulingQueue } from "./framework/queue.ts";

export interface SchedulerMetrics {
  attempt(profile: string, result: "scheduled" | "unschedulable" | "error", seconds: number): void;
  bound(entry: QueuedPod): void;
  preempted(victims: number): void;
}

const fine = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096];

/** The scheduler's metrics under upstream's names. */
export function schedulerMetrics(metrics: Metrics, queue: SchedulingQueue): SchedulerMetrics {
  const attempts = metrics.counter("scheduler_schedule_attempts_total", "Tries to place a pod, by result.", [
    "result",
    "profile",
  ]);
  const duration = metrics.histogram(
    "scheduler_scheduling_attempt_duration_seconds",
    "Seconds from taking a pod to its decision.",
    ["result", "profile"],
    fine,
  );
  const tries = metrics.histogram(
    "scheduler_pod_scheduling_attempts",
    "Tries until a pod was placed.",
    [],
    [1, 2, 4, 8, 16],
  );
  const preemptions = metrics.counter("scheduler_preemption_attempts_total", "Times room was made by evictions.");
  const victims = metrics.histogram(
    "scheduler_preemption_victims",
    "Pods evicted at a time to make room.",
    [],
    [1, 2, 4, 8, 16, 32, 64],
  );
  const pending = metrics.gauge("scheduler_pending_pods", "Pods that want a node, by where they wait.", ["queue"]);
  const sample = () => {
    const { ready, backingOff, waiting, gated } = queue.size;
    pending.set({ queue: "active" }, ready);
    pending.set({ queue: "backoff" }, backingOff);
    pending.set({ queue: "unschedulable" }, waiting);
    pending.set({ queue: "gated" }, gated);
  };
  let attempted = 0;
  return {
    attempt(profile, result, seconds) {
      attempts.inc({ result, profile });
      duration.observe({ result, profile }, seconds);
      if (++attempted % 16 === 0 || queue.size.ready === 0) sample();
    },
    bound: (entry) => tries.observe(entry.attempts + 1),
    preempted(count) {
      preemptions.inc();
      victims.observe(count);
    },
  };
}

import type { Metrics } from "../lib/metrics.ts";
import type { QueuedPod, SchedulingQueue } from "./framework/queue.ts";

/** What the scheduler tells of itself; disposing ends the looks at its queue. */
export interface SchedulerMetrics extends Disposable {
  attempt(profile: string, result: "scheduled" | "unschedulable" | "error", seconds: number): void;
  /** `waited` is the time in seconds since the pod first came. */
  bound(entry: QueuedPod, waited: number): void;
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
  const untilBound = metrics.histogram(
    "scheduler_pod_scheduling_sli_duration_seconds",
    "Seconds from a pod's coming to its binding, by how many tries it took.",
    ["attempts"],
    Array.from({ length: 20 }, (_, index) => 0.01 * 2 ** index),
  );
  const look = metrics.onRead(() => {
    const { ready, backingOff, waiting, gated } = queue.size;
    pending.set({ queue: "active" }, ready);
    pending.set({ queue: "backoff" }, backingOff);
    pending.set({ queue: "unschedulable" }, waiting);
    pending.set({ queue: "gated" }, gated);
  });
  return {
    attempt(profile, result, seconds) {
      attempts.inc({ result, profile });
      duration.observe({ result, profile }, seconds);
    },
    bound({ attempts: before }, waited) {
      const count = before + 1;
      tries.observe(count);
      untilBound.observe({ attempts: count < 15 ? String(count) : "15+" }, waited);
    },
    preempted(count) {
      preemptions.inc();
      victims.observe(count);
    },
    [Symbol.dispose]: () => look[Symbol.dispose](),
  };
}

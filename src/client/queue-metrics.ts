import type { Metrics } from "../lib/metrics.ts";

/** What a work queue tells of itself; times in seconds. */
export interface QueueMeter {
  added(): void;
  retried(): void;
  /** A key was handed to a worker after it had waited so long. */
  started(waited: number): void;
  ended(worked: number): void;
  waiting(count: number): void;
}

const powers = Array.from({ length: 10 }, (_, index) => 1e-8 * 10 ** index);

/** A queue's meter under upstream's metric names. */
export function queueMeter(metrics: Metrics, name: string): QueueMeter {
  const label = { name };
  const counter = (what: string, help: string) => metrics.counter(`workqueue_${what}`, help, ["name"]).with(label);
  const times = (what: string, help: string) =>
    metrics.histogram(`workqueue_${what}`, help, ["name"], powers).with(label);
  const depth = metrics.gauge("workqueue_depth", "Keys that wait for a worker.", ["name"]).with(label);
  const adds = counter("adds_total", "Keys added to the queue.");
  const retries = counter("retries_total", "Keys that come again because the work on them failed.");
  const waits = times("queue_duration_seconds", "Seconds that keys wait for a worker.");
  const works = times("work_duration_seconds", "Seconds that the work on a key takes.");
  return {
    added: () => adds.inc(),
    retried: () => retries.inc(),
    started: (waited) => waits.observe(waited),
    ended: (worked) => works.observe(worked),
    waiting: (count) => depth.set(count),
  };
}

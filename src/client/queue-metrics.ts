import type { Metrics } from "../lib/metrics.ts";

/** What a work queue tells of itself; times in seconds. */
export interface QueueMeter {
  added(): void;
  retried(): void;
  /** A key was handed to a worker after it had waited so long. */
  started(waited: number): void;
  ended(worked: number): void;
  waiting(count: number): void;
  /** Asks, whenever somebody looks, for how long each key has been worked on that is; until disposed. */
  running(seconds: () => readonly number[]): Disposable;
}

const powers = Array.from({ length: 10 }, (_, index) => 1e-8 * 10 ** index);

/** A queue's meter under upstream's metric names. */
export function queueMeter(metrics: Metrics, name: string): QueueMeter {
  const label = { name };
  const counter = (what: string, help: string) => metrics.counter(`workqueue_${what}`, help, ["name"]).with(label);
  const times = (what: string, help: string) =>
    metrics.histogram(`workqueue_${what}`, help, ["name"], powers).with(label);
  const gauge = (what: string, help: string) => metrics.gauge(`workqueue_${what}`, help, ["name"]).with(label);
  const depth = gauge("depth", "Keys that wait for a worker.");
  const adds = counter("adds_total", "Keys added to the queue.");
  const retries = counter("retries_total", "Keys that come again because the work on them failed.");
  const unfinished = gauge("unfinished_work_seconds", "Seconds of work that is under way, of all keys together.");
  const longest = gauge("longest_running_processor_seconds", "Seconds of work on the key that takes longest.");
  const waits = times("queue_duration_seconds", "Seconds that keys wait for a worker.");
  const works = times("work_duration_seconds", "Seconds that the work on a key takes.");
  return {
    added: () => adds.inc(),
    retried: () => retries.inc(),
    started: (waited) => waits.observe(waited),
    ended: (worked) => works.observe(worked),
    waiting: (count) => depth.set(count),
    running(seconds) {
      const tell = (all: readonly number[]) => {
        unfinished.set(all.reduce((sum, one) => sum + one, 0));
        longest.set(Math.max(0, ...all));
      };
      const look = metrics.onRead(() => tell(seconds()));
      return {
        [Symbol.dispose]() {
          look[Symbol.dispose]();
          tell([]);
        },
      };
    },
  };
}

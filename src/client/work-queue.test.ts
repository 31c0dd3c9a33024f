import { expect, test } from "vitest";
import { Metrics } from "../lib/metrics.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { queueMeter } from "./queue-metrics.ts";
import { WorkQueue } from "./work-queue.ts";

const setUp = () => {
  const clock = new VirtualClock(0);
  return { clock, queue: new WorkQueue({ clock }) };
};

test("a key is there once however often it is added, and keys come in the order of arrival", async () => {
  const { queue } = setUp();
  for (const key of ["a", "b", "a"]) queue.add(key);
  expect(queue.size).toBe(2);
  expect([await queue.take(), await queue.take()]).toEqual(["a", "b"]);
});

test("a key is never handed to two workers: added while it is worked on, it comes again afterwards", async () => {
  const { queue } = setUp();
  queue.add("a");
  expect(await queue.take()).toBe("a");
  queue.add("a");
  queue.add("a");
  expect(queue.size).toBe(0);
  queue.done("a");
  expect(await queue.take()).toBe("a");
  queue.done("a");
  expect(queue.idle).toBe(true);
});

test("a key that rests comes once after its rest, however often it was added meanwhile", async () => {
  const { queue, clock } = setUp();
  queue.add("a");
  await queue.take();
  queue.done("a", 100);
  for (let change = 0; change < 9; change += 1) {
    queue.add("a");
    clock.advance(10);
  }
  expect(queue.size).toBe(0);
  clock.advance(10);
  expect(queue.size).toBe(1);
  await queue.take();
  queue.done("a", 100);
  clock.advance(100);
  expect(queue.idle).toBe(true);
});

test("a worker that waits gets the next key, and closing sends all workers home", async () => {
  const { queue } = setUp();
  const first = queue.take();
  const second = queue.take();
  queue.add("a");
  expect(await first).toBe("a");
  queue[Symbol.dispose]();
  expect(await second).toBeUndefined();
  queue.add("b");
  expect(await queue.take()).toBeUndefined();
});

test("of several delays the earliest counts, and then the key comes once", async () => {
  const { clock, queue } = setUp();
  queue.addAfter("a", 100);
  queue.addAfter("a", 50);
  queue.addAfter("a", 200);
  clock.advance(49);
  expect(queue.size).toBe(0);
  expect(queue.idle).toBe(false);
  clock.advance(1);
  expect(await queue.take()).toBe("a");
  queue.done("a");
  clock.advance(1000);
  expect(queue.idle).toBe(true);
});

test("retries wait 5 ms, then twice as long each time, until the key is forgotten", async () => {
  const { clock, queue } = setUp();
  const waits: number[] = [];
  const failOnce = async () => {
    queue.retry("a");
    const before = clock.now();
    clock.advance((clock.nextDue ?? 0) - clock.monotonic());
    waits.push(clock.now() - before);
    expect(await queue.take()).toBe("a");
    queue.done("a");
  };
  for (let round = 0; round < 4; round += 1) await failOnce();
  expect(queue.failures("a")).toBe(4);
  queue.forget("a");
  await failOnce();
  expect(waits).toEqual([5, 10, 20, 40, 5]);
  for (let round = 0; round < 30; round += 1) await failOnce();
  expect(Math.max(...waits)).toBe(1_000_000);
});

test("a closed queue leaves no timer behind", () => {
  const { clock, queue } = setUp();
  queue.addAfter("a", 100);
  queue[Symbol.dispose]();
  expect(clock.nextDue).toBeUndefined();
});

test("a queue tells how long work is under way, until it is closed", async () => {
  const clock = new VirtualClock(0);
  const metrics = new Metrics();
  const queue = new WorkQueue({ clock, meter: queueMeter(metrics, "q") });
  for (const key of ["a", "b"]) {
    queue.add(key);
    await queue.take();
    clock.advance(2000);
  }
  const text = await metrics.text();
  expect(text).toContain('workqueue_unfinished_work_seconds{name="q"} 6');
  expect(text).toContain('workqueue_longest_running_processor_seconds{name="q"} 4');
  queue.done("a");
  clock.advance(1000);
  expect(await metrics.text()).toContain('workqueue_unfinished_work_seconds{name="q"} 3');
  queue[Symbol.dispose]();
  clock.advance(1000);
  expect(await metrics.text()).toContain('workqueue_unfinished_work_seconds{name="q"} 0');
});

test("a queue tells how long keys wait and how long the work on them takes", async () => {
  const clock = new VirtualClock(0);
  const metrics = new Metrics();
  const queue = new WorkQueue({ clock, meter: queueMeter(metrics, "q") });
  queue.add("a");
  queue.add("a");
  clock.advance(2000);
  await queue.take();
  clock.advance(3000);
  queue.done("a", 100);
  clock.advance(100);
  const text = await metrics.text();
  for (const line of [
    'workqueue_adds_total{name="q"} 1',
    'workqueue_depth{name="q"} 0',
    'workqueue_queue_duration_seconds_sum{name="q"} 2',
    'workqueue_work_duration_seconds_sum{name="q"} 3',
    'workqueue_work_duration_seconds_count{name="q"} 1',
  ])
    expect(text).toContain(line);
});

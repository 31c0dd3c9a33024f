import { describe, expect, test } from "vitest";
import { metricValues } from "../lib/metric-values.ts";
import { Metrics } from "../lib/metrics.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { bind, release, reserve } from "./binding.ts";
import { decide } from "./framework/decide.ts";
import { type Plugin, reject, skip } from "./framework/plugin.ts";
import { profileOf } from "./framework/profile.ts";
import { SchedulingQueue } from "./framework/queue.ts";
import { timedProfile } from "./framework/timed-profile.ts";
import { WaitingPods } from "./framework/waiting-pods.ts";
import { schedulerMetrics, watchScheduler } from "./scheduler-metrics.ts";
import { sampleCluster, sampleNode, samplePod } from "./testing/samples.ts";

function open(...plugins: Partial<Plugin>[]) {
  const metrics = new Metrics();
  const clock = new VirtualClock();
  const now = () => clock.monotonic();
  const told = schedulerMetrics(metrics, now);
  const weighted = plugins.map((each, index) => ({ plugin: { name: `P${index}`, retryOn: [], ...each }, weight: 1 }));
  const plain = profileOf("p", weighted);
  return { metrics, clock, told, plain, timed: timedProfile(plain, now, told.plugin), meter: told.profile("p") };
}
const cluster = sampleCluster([sampleNode("a"), sampleNode("b"), sampleNode("c")]);
const choice = { random: () => 0, start: 0 };
const points = "scheduler_framework_extension_point_duration_seconds_count";

describe("metrics of a decision", () => {
  test("tell the time of each extension point with how it ended", async () => {
    const { metrics, clock, plain, meter } = open({
      filter: () => void clock.advance(100),
      score: () => 1,
    });
    decide(samplePod(), plain, cluster, { ...choice, meter });
    expect(await metricValues(metrics, points)).toEqual({
      '{extension_point="PreFilter",status="Success",profile="p"}': 1,
      '{extension_point="Filter",status="Success",profile="p"}': 1,
      '{extension_point="PreScore",status="Success",profile="p"}': 1,
      '{extension_point="Score",status="Success",profile="p"}': 1,
    });
    const sums = await metricValues(metrics, points.replace("_count", "_sum"));
    expect(sums).toEqual({ '{extension_point="Filter",status="Success",profile="p"}': expect.closeTo(0.3) });
  });

  test("tell that nobody could make room, and a plugin that fails", async () => {
    const { metrics, plain, meter } = open(
      { filter: () => reject("full") },
      { rescue: () => ({ kind: "none", message: "no" }) },
    );
    decide(samplePod(), plain, cluster, { ...choice, meter });
    const failing = open({
      filter: () => {
        throw new Error("broken");
      },
    });
    const again = () => decide(samplePod(), failing.plain, cluster, { ...choice, meter: failing.meter });
    expect(again).toThrow("broken");
    expect(await metricValues(metrics, points)).toMatchObject({
      '{extension_point="PostFilter",status="Unschedulable",profile="p"}': 1,
    });
    expect(await metricValues(failing.metrics, points)).toMatchObject({
      '{extension_point="Filter",status="Error",profile="p"}': 1,
    });
  });

  test("count each question to a plugin, and none to one that left the pod alone", async () => {
    const { metrics, plain, meter } = open(
      { prepareFilter: () => skip, filter: () => undefined },
      { filter: (_pod, node) => (node.name === "a" ? reject("full") : undefined), score: () => 1 },
    );
    decide(samplePod(), plain, cluster, { ...choice, meter });
    const expected = {
      '{plugin="P1",extension_point="Filter",profile="p"}': 3,
      '{plugin="P1",extension_point="Score",profile="p"}': 2,
    };
    expect(await metricValues(metrics, "scheduler_plugin_evaluation_total")).toEqual(expected);
    expect(await metricValues(metrics, "scheduler_plugin_evaluation_total"), "read twice").toEqual(expected);
  });

  test("tell the time of single plugins where an attempt is timed", async () => {
    const { metrics, clock, timed, meter } = open({
      filter: () => undefined,
      score: () => {
        clock.advance(20);
        return 1;
      },
      normalize: () => {},
    });
    decide(samplePod(), timed, cluster, { ...choice, meter });
    const name = "scheduler_plugin_execution_duration_seconds";
    expect(await metricValues(metrics, `${name}_count`)).toEqual({
      '{plugin="P0",extension_point="Filter",status="Success"}': 1,
      '{plugin="P0",extension_point="Score",status="Success"}': 1,
      '{plugin="P0",extension_point="ScoreExtensionNormalize",status="Success"}': 1,
    });
    expect(await metricValues(metrics, `${name}_sum`)).toEqual({
      '{plugin="P0",extension_point="Score",status="Success"}': expect.closeTo(0.02),
    });
  });

  test("a timed plugin answers as it would, as itself", () => {
    class Mine {
      readonly name = "Mine";
      readonly retryOn = [];
      readonly word = "by name";
      filter() {
        return reject(this.word);
      }
    }
    const { timed } = open();
    const mine = timedProfile(
      profileOf("p", [{ plugin: new Mine(), weight: 0 }]),
      () => 0,
      () => {},
    );
    expect(timed.filter).toEqual([]);
    const { decision } = decide(samplePod(), mine, cluster, choice);
    expect(decision).toMatchObject({
      placed: false,
      refusals: [{ plugin: "Mine", rejection: { reasons: ["by name"] } }],
    });
  });
});

test("the steps from a chosen node to a binding are told, and how long a pod was held", async () => {
  const { metrics, clock, timed, meter } = open({
    reserve: () => undefined,
    permit: () => ({ waitMs: 60_000 }),
    bind: async () => true,
  });
  const waiting = new WaitingPods(clock);
  const step = { pod: samplePod(), node: "a", profile: timed, meter };
  const reserved = reserve(step, cluster, new Map());
  if (reserved.kind !== "reserved") throw new Error("not reserved");
  const bound = bind(step, reserved.holds, waiting, new AbortController().signal);
  clock.advance(2000);
  waiting.allow(step.pod.metadata.uid, "P0");
  expect(await bound).toEqual({ kind: "bound" });
  release(step);
  expect(Object.keys(await metricValues(metrics, points))).toEqual([
    '{extension_point="Reserve",status="Success",profile="p"}',
    '{extension_point="Permit",status="Wait",profile="p"}',
    '{extension_point="PreBind",status="Success",profile="p"}',
    '{extension_point="Bind",status="Success",profile="p"}',
    '{extension_point="Unreserve",status="Success",profile="p"}',
  ]);
  expect(Object.keys(await metricValues(metrics, "scheduler_plugin_execution_duration_seconds_count"))).toEqual([
    '{plugin="P0",extension_point="Reserve",status="Success"}',
    '{plugin="P0",extension_point="Permit",status="Wait"}',
    '{plugin="P0",extension_point="Bind",status="Success"}',
  ]);
  expect(await metricValues(metrics, "scheduler_permit_wait_duration_seconds_sum")).toEqual({
    '{result="Success"}': 2,
  });
});

describe("metrics of the queue", () => {
  function openQueue() {
    const { metrics, clock, told } = open();
    const gate = (pod: { readonly metadata: { readonly name: string } }) =>
      pod.metadata.name === "gated" ? { plugin: "Gates", rejection: reject("closed") } : undefined;
    const queue = new SchedulingQueue({ clock, gate, entered: told.entered, hints: () => new Map() });
    const look = watchScheduler(metrics, { queue, cluster, binding: () => 3 });
    return { metrics, clock, told, queue, look };
  }
  const incoming = "scheduler_queue_incoming_pods_total";

  test("count what enters each part, by upstream's reasons", async () => {
    const { metrics, queue, clock } = openQueue();
    queue.add(samplePod({ name: "gated" }));
    queue.add(samplePod());
    const entry = queue.poll()!;
    queue.reject(entry, new Set(["Fit"]));
    queue.activate(entry.uid);
    queue.fail(queue.poll()!);
    clock.advance(5000);
    expect(await metricValues(metrics, incoming)).toEqual({
      '{queue="unschedulable",event="UnschedulablePodAdd"}': 1,
      '{queue="active",event="UnschedulablePodAdd"}': 1,
      '{queue="unschedulable",event="ScheduleAttemptFailure"}': 1,
      '{queue="active",event="ForceActivate"}': 1,
      '{queue="backoff",event="ScheduleAttemptFailure"}': 1,
      '{queue="active",event="BackoffComplete"}': 1,
    });
  });

  test("know who waits because of which plugin, and forget whoever waits no more", async () => {
    const { metrics, queue } = openQueue();
    queue.add(samplePod({ name: "gated" }));
    queue.add(samplePod());
    const entry = queue.poll()!;
    queue.reject(entry, new Set(["Fit", "Taints"]));
    expect(await metricValues(metrics, "scheduler_unschedulable_pods")).toEqual({
      '{plugin="Gates",profile="default-scheduler"}': 1,
      '{plugin="Fit",profile="default-scheduler"}': 1,
      '{plugin="Taints",profile="default-scheduler"}': 1,
    });
    queue.remove(entry.uid);
    expect(await metricValues(metrics, "scheduler_unschedulable_pods")).toEqual({
      '{plugin="Gates",profile="default-scheduler"}': 1,
    });
    expect(await metricValues(metrics, "scheduler_goroutines")).toEqual({ '{operation="binding"}': 3 });
    expect(await metricValues(metrics, "scheduler_cache_size")).toEqual({ '{type="nodes"}': 3 });
  });

  test("a pod that is placed after nothing but time had woken it is told", async () => {
    const { metrics, queue, clock, told } = openQueue();
    queue.add(samplePod());
    queue.reject(queue.poll()!, new Set(["Fit"]));
    clock.advance(400_000);
    const entry = queue.poll()!;
    told.bound(entry);
    told.bound({ ...entry, swept: false });
    expect(await metricValues(metrics, "scheduler_pod_scheduled_after_flush_total")).toEqual({ "": 1 });
    expect(await metricValues(metrics, "scheduler_pod_scheduling_sli_duration_seconds_count")).toEqual({
      '{attempts="2"}': 2,
    });
  });
});

import { describe, expect, test } from "vitest";
import type { Pod } from "../../api/generated/core-v1.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import { sampleNode, samplePod } from "../testing/samples.ts";
import { type Retry, retryTable } from "./changes.ts";
import { reject } from "./plugin.ts";
import { noNodes, SchedulingQueue } from "./queue.ts";

function open(hints: Readonly<Record<string, readonly Retry[]>> = {}, gate?: (pod: Pod) => boolean) {
  const clock = new VirtualClock();
  const tables = new Map(Object.entries(hints).map(([name, retries]) => [name, retryTable(retries)]));
  const queue = new SchedulingQueue({
    clock,
    hints: (plugin) => tables.get(plugin),
    ...(gate ? { gate: (pod: Pod) => (gate(pod) ? { plugin: "Gate", rejection: reject("closed") } : undefined) } : {}),
  });
  return { clock, queue };
}
const by = (...names: string[]) => new Set(names);
const names = (queue: SchedulingQueue) => {
  const all: string[] = [];
  for (let entry = queue.poll(); entry; entry = queue.poll()) all.push(entry.pod.metadata.name);
  return all;
};
const onPodGone = { event: "AssignedPod/delete" } as const;

describe("the scheduling queue", () => {
  test("gives higher priority first, then who came earlier", () => {
    const { queue } = open();
    for (const [name, priority] of [
      ["low", 1],
      ["high", 5],
      ["low-2", 1],
      ["none", undefined],
    ] as const)
      queue.add(samplePod({ name, ...(priority === undefined ? {} : { priority }) }));
    expect(names(queue)).toEqual(["high", "low", "low-2", "none"]);
  });

  test("hands a pod to whoever waits for one, and nothing once it is closed", async () => {
    const { queue } = open();
    const taken = queue.take();
    queue.add(samplePod({ name: "a" }));
    expect((await taken)?.pod.metadata.name).toBe("a");
    const last = queue.take();
    queue[Symbol.dispose]();
    expect(await last).toBeUndefined();
    expect(await queue.take()).toBeUndefined();
  });

  test("a rejected pod waits until something changes that its plugin cares for", () => {
    const { queue, clock } = open({ Fit: ["AssignedPod/delete"] });
    queue.add(samplePod({ name: "a" }));
    queue.reject(queue.poll()!, by("Fit"));
    queue.changed({ event: "Node/labels" });
    clock.advance(60_000);
    expect(names(queue)).toEqual([]);
    queue.changed(onPodGone);
    expect(names(queue)).toEqual(["a"]);
  });

  test("a hint that says no leaves it waiting", () => {
    const fits = sampleNode("yes");
    const { queue } = open({ Fit: [{ on: "Node/add", helps: (_pod, { node }) => node === fits }] });
    queue.add(samplePod({ name: "a" }));
    queue.reject(queue.poll()!, by("Fit"));
    queue.changed({ event: "Node/add", node: sampleNode("no") });
    expect(queue.size).toMatchObject({ waiting: 1 });
    queue.changed({ event: "Node/add", node: fits });
    expect(queue.size).toMatchObject({ waiting: 0 });
  });

  test("one of several rejecting plugins is enough, and an unknown one is tried after every change", () => {
    const { queue } = open({ Fit: ["Node/add"], Ports: ["AssignedPod/delete"] });
    queue.add(samplePod({ name: "both" }));
    queue.reject(queue.poll()!, by("Fit", "Ports"));
    queue.add(samplePod({ name: "unknown" }));
    queue.reject(queue.poll()!, by("Mine"));
    queue.changed(onPodGone);
    expect(names(queue).sort()).toEqual(["both", "unknown"]);
  });

  test("backing off takes 1 s, doubles and ends at 10 s, unless there is nothing else to do", () => {
    const { queue, clock } = open();
    queue.add(samplePod({ name: "a" }));
    const waits: number[] = [];
    for (let round = 0; round < 6; round++) {
      queue.fail(queue.poll()!);
      const from = clock.monotonic();
      while (queue.size.ready === 0) clock.advance(500);
      waits.push((clock.monotonic() - from) / 1000);
    }
    expect(waits).toEqual([1, 2, 4, 8, 10, 10]);
  });

  test("a rejected pod that backs off is taken early only when no other is ready, one that failed by an error is not", () => {
    const { queue } = open({ Fit: ["Node/add"] });
    queue.add(samplePod({ name: "rejected" }));
    queue.reject(queue.poll()!, by("Fit"));
    queue.add(samplePod({ name: "failed" }));
    queue.fail(queue.poll()!);
    queue.changed({ event: "Node/add" });
    queue.add(samplePod({ name: "new" }));
    expect(queue.size).toMatchObject({ ready: 1, backingOff: 2 });
    expect(names(queue)).toEqual(["new", "rejected"]);
    expect(queue.size.backingOff).toBe(1);
  });

  test("whoever waits for a pod gets a rejected one at once when a change helps it", async () => {
    const { queue } = open({ Fit: ["Node/add"] });
    queue.add(samplePod({ name: "a" }));
    queue.reject(queue.poll()!, by("Fit"));
    const taken = queue.take();
    queue.changed({ event: "Node/add" });
    expect((await taken)?.pod.metadata.name).toBe("a");
  });

  test("without any node only a new one is worth a try", () => {
    const { queue } = open();
    queue.add(samplePod({ name: "a" }));
    queue.reject(queue.poll()!, by(noNodes));
    queue.changed(onPodGone);
    expect(names(queue)).toEqual([]);
    queue.changed({ event: "Node/add" });
    expect(names(queue)).toEqual(["a"]);
  });

  test("after five minutes a waiting pod is tried whatever happened: a missed change loses nobody", () => {
    const { queue, clock } = open({ Fit: ["Node/add"] });
    queue.add(samplePod({ name: "a" }));
    queue.reject(queue.poll()!, by("Fit"));
    clock.advance(270_000);
    expect(queue.size.waiting).toBe(1);
    clock.advance(60_000);
    expect(names(queue)).toEqual(["a"]);
  });

  test("a pod that was rejected late only backs off: a change may have been missed", () => {
    const { queue, clock } = open({ Fit: ["Node/add"] });
    queue.add(samplePod({ name: "a" }));
    queue.retry(queue.poll()!, by("Fit"));
    clock.advance(1000);
    expect(queue.size.ready).toBe(1);
  });

  test("its newer form replaces a pod wherever it is", () => {
    const { queue, clock } = open({ Fit: ["Node/add", { on: "Pod/update", helps: () => false }] });
    const pods = ["ready", "waiting", "backing"].map((name) => samplePod({ name }));
    queue.add(pods[2]!);
    queue.fail(queue.poll()!);
    queue.add(pods[1]!);
    queue.reject(queue.poll()!, by("Fit"));
    queue.add(pods[0]!);
    for (const pod of pods) queue.update({ ...pod, metadata: { ...pod.metadata, resourceVersion: "new" } }, pod);
    expect(queue.size).toMatchObject({ ready: 1, waiting: 1, backingOff: 1 });
    clock.advance(10_000);
    queue.changed({ event: "Node/add" });
    const versions = [queue.poll(), queue.poll(), queue.poll()].map((entry) => entry?.pod.metadata.resourceVersion);
    expect(versions).toEqual(["new", "new", "new"]);
  });

  test("an update that its plugin waits for wakes a pod, news of its status do not", () => {
    const { queue } = open({ Fit: ["Pod/update"] });
    const pod = samplePod({ name: "a" });
    queue.add(pod);
    queue.reject(queue.poll()!, by("Fit"));
    queue.update({ ...pod, status: { conditions: [] } } as typeof pod, pod);
    expect(names(queue)).toEqual([]);
    queue.update({ ...pod, metadata: { ...pod.metadata, labels: { app: "a" } } }, pod);
    expect(names(queue)).toEqual(["a"]);
  });

  test("a gated pod stays out until an update lets it in", () => {
    const { queue } = open({}, ({ spec }) => (spec.schedulingGates ?? []).length > 0);
    const pod = samplePod({ name: "a", spec: { schedulingGates: [{ name: "x" }] } });
    queue.add(pod);
    expect(queue.size).toMatchObject({ ready: 0, gated: 1 });
    expect(queue.gatedBy(pod.metadata.uid)?.plugin).toBe("Gate");
    queue.update({ ...pod, spec: { ...pod.spec, schedulingGates: [] } }, pod);
    expect(names(queue)).toEqual(["a"]);
  });

  test.each(["ready", "waiting", "backing off", "gated"])("a pod that is %s can be removed", (state) => {
    const { queue, clock } = open({ Fit: ["Node/add"] }, () => state === "gated");
    const pod = samplePod();
    queue.add(pod);
    if (state === "waiting") queue.reject(queue.poll()!, by("Fit"));
    if (state === "backing off") queue.fail(queue.poll()!);
    expect(queue.has(pod.metadata.uid)).toBe(true);
    queue.remove(pod.metadata.uid);
    queue.changed({ event: "Node/add" });
    clock.advance(400_000);
    expect(queue.has(pod.metadata.uid)).toBe(false);
    expect(queue.poll()).toBeUndefined();
  });
});

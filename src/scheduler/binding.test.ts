import { describe, expect, test } from "vitest";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { StatusError } from "../machinery/status-error.ts";
import { bind, placeOf, release, reserve } from "./binding.ts";
import { type Plugin, reject } from "./framework/plugin.ts";
import { profileOf } from "./framework/profile.ts";
import { WaitingPods } from "./framework/waiting-pods.ts";
import { sampleCluster, sampleNode, samplePod } from "./testing/samples.ts";

const cluster = sampleCluster([sampleNode("a")]);
const { signal } = new AbortController();
const waiting = () => new WaitingPods(new VirtualClock());
const stepOf = (...plugins: Partial<Plugin>[]) => ({
  pod: samplePod(),
  node: "a",
  profile: profileOf(
    "p",
    plugins.map((each, index) => ({ plugin: { name: `P${index}`, retryOn: [], ...each }, weight: 0 })),
  ),
});
const none = new Map<string, number>();

describe("reserving", () => {
  test("plugins reserve with what they found out, and hold pods", () => {
    const seen: unknown[] = [];
    const step = stepOf(
      { reserve: (_pod, node, state) => void seen.push([node.name, state]) },
      { permit: () => ({ waitMs: 5 }) },
    );
    expect(reserve(step, cluster, new Map([["P0", "state"]]))).toEqual({
      kind: "reserved",
      holds: new Map([["P1", 5]]),
    });
    expect(seen).toEqual([["a", "state"]]);
  });

  test.each([
    { name: "a reservation", plugin: { reserve: () => reject("taken") } },
    { name: "a permission", plugin: { permit: () => reject("taken") } },
  ])("$name can be refused", ({ plugin }) => {
    expect(reserve(stepOf(plugin), cluster, none)).toMatchObject({
      kind: "rejected",
      plugin: "P0",
      rejection: { reasons: ["taken"] },
    });
  });

  test("a node that is gone takes nobody", () => {
    expect(reserve({ ...stepOf(), node: "gone" }, cluster, none)).toMatchObject({
      kind: "rejected",
      rejection: { reasons: ['node "gone" is gone'] },
    });
  });

  test("what was reserved is released in the opposite order", () => {
    const order: string[] = [];
    const undo = (name: string) => ({ reserve: () => undefined, unreserve: () => void order.push(name) });
    release(stepOf(undo("first"), undo("second")));
    expect(order).toEqual(["second", "first"]);
  });
});

describe("binding", () => {
  const binder = { bind: async () => true };
  test("the first plugin that takes it binds", async () => {
    const asked: string[] = [];
    const ask = (name: string, answer: boolean) => ({
      async bind() {
        asked.push(name);
        return answer;
      },
    });
    expect(
      await bind(stepOf(ask("one", false), ask("two", true), ask("three", true)), none, waiting(), signal),
    ).toEqual({ kind: "bound" });
    expect(asked).toEqual(["one", "two"]);
  });

  test("a plugin that cannot prepare sends the pod back", async () => {
    const step = stepOf({ preBind: async () => reject("no volume") }, binder);
    expect(await bind(step, none, waiting(), signal)).toMatchObject({ kind: "rejected", plugin: "P0" });
  });

  test("a failure is told, not thrown", async () => {
    const error = new Error("away");
    expect(await bind(stepOf({ bind: () => Promise.reject(error) }), none, waiting(), signal)).toEqual({
      kind: "failed",
      error,
    });
    expect(await bind(stepOf(), none, waiting(), signal)).toMatchObject({ kind: "failed" });
  });

  test("an extender that binds goes before the plugins", async () => {
    const bound: string[] = [];
    const step = stepOf({ bind: () => expect.unreachable("asked the plugin") });
    const extender = { bind: async (_pod: unknown, node: string) => void bound.push(node) };
    expect(await bind(step, none, waiting(), signal, extender)).toEqual({ kind: "bound" });
    expect(bound).toEqual(["a"]);
  });

  test("a held pod is not bound before it is let go", async () => {
    const pods = waiting();
    const step = stepOf(binder);
    let done = false;
    const end = bind(step, new Map([["P0", 1000]]), pods, signal).then((result) => {
      done = true;
      return result;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toBe(false);
    pods.allow(step.pod.metadata.uid, "P0");
    expect(await end).toEqual({ kind: "bound" });
  });
});

describe("where a pod is after a binding that failed", () => {
  const pod = samplePod();
  const asking = (...answers: readonly (() => unknown)[]) => {
    let asked = 0;
    const get = async () => answers[asked++]!() as never;
    return placeOf(pod, { get }, { sleep: async () => {} }, signal);
  };
  const fail = (reason: "NotFound" | "ServiceUnavailable") => () => {
    throw new StatusError(reason, "no");
  };
  test.each([
    {
      name: "on a node: the binding took effect",
      answers: [() => ({ ...pod, spec: { nodeName: "a" } })],
      place: { gone: false, node: "a" },
    },
    { name: "on none", answers: [() => pod], place: { gone: false, node: undefined } },
    { name: "deleted", answers: [fail("NotFound")], place: { gone: true, node: undefined } },
    { name: "another one of its name", answers: [() => samplePod()], place: { gone: true, node: undefined } },
    {
      name: "asked again until the API answers",
      answers: [fail("ServiceUnavailable"), () => pod],
      place: { gone: false, node: undefined },
    },
  ])("$name", async ({ answers, place }) => {
    expect(await asking(...answers)).toEqual(place);
  });
});

import { describe, expect, test } from "vitest";
import type { Pod } from "../../api/core/pod.ts";
import { timeOf } from "../../machinery/times.ts";
import type { PodMetric } from "./metrics-client.ts";
import { forAverageValue, forRatio, forShare, forUtilization } from "./replica-calculator.ts";

const now = Date.UTC(2026, 0, 1, 12);
const minute = 60_000;
interface Sample {
  readonly phase?: "Running" | "Pending" | "Failed";
  readonly ready?: boolean;
  /** Minutes since the start, and since readiness changed. */
  readonly started?: number;
  readonly since?: number;
  readonly request?: string;
}
const pod = (name: string, sample: Sample = {}): Pod => {
  const { phase = "Running", ready = true, started = 60, since = 59, request = "1" } = sample;
  const lastTransitionTime = timeOf(now - since * minute);
  return {
    metadata: { name },
    spec: { containers: [{ name: "c", resources: { requests: { cpu: request } } }] },
    status: {
      phase,
      startTime: timeOf(now - started * minute),
      conditions: [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime }],
    },
  } as unknown as Pod;
};
const used = (values: Readonly<Record<string, number>>): ReadonlyMap<string, PodMetric> =>
  new Map(Object.entries(values).map(([name, value]) => [name, { value, at: now, window: minute }]));
const tolerances = { up: 0.1, down: 0.1 };
const three = [pod("a"), pod("b"), pod("c")];
const utilization = (pods: readonly Pod[], metrics: Readonly<Record<string, number>>, target = 50, more = {}) =>
  forUtilization(
    { pods, metrics: used(metrics), replicas: pods.length, tolerances, resource: "cpu", now, ...more },
    target,
  );

describe("a utilization", () => {
  test.each([
    { name: "twice the target doubles", metrics: { a: 1000, b: 1000, c: 1000 }, replicas: 6, percent: 100 },
    { name: "half the target halves, rounded up", metrics: { a: 250, b: 250, c: 250 }, replicas: 2, percent: 25 },
    { name: "within the tolerance changes nothing", metrics: { a: 540, b: 540, c: 540 }, replicas: 3, percent: 54 },
    { name: "is of all pods together", metrics: { a: 1500, b: 0, c: 0 }, replicas: 3, percent: 50 },
    {
      name: "counts who was not measured as fully used on the way down",
      metrics: { a: 100, b: 100 },
      replicas: 3,
      percent: 10,
    },
    {
      name: "counts who was not measured as idle on the way up",
      metrics: { a: 1000, b: 1000 },
      replicas: 4,
      percent: 100,
    },
  ])("$name", ({ metrics, replicas, percent }) => {
    expect(utilization(three, Object.fromEntries(Object.entries(metrics)))).toMatchObject({
      replicas,
      utilization: percent,
    });
  });

  test("does not turn round because of pods that were not measured", () => {
    expect(utilization(three, { a: 600 }).replicas).toBe(3);
  });

  test("leaves out pods that are going, and counts pods that start as idle on the way up", () => {
    const going = { ...pod("x"), metadata: { name: "x", deletionTimestamp: timeOf(now) } } as unknown as Pod;
    const starting = pod("s", { started: 1, since: 1, ready: false });
    expect(utilization([...three, going], { a: 1000, b: 1000, c: 1000, x: 9000 }).replicas).toBe(6);
    expect(utilization([...three, starting], { a: 1000, b: 1000, c: 1000, s: 9000 }).replicas).toBe(6);
    expect(utilization([...three, starting], { a: 250, b: 250, c: 250, s: 9000 }).replicas).toBe(2);
  });

  test("has its own tolerance each way", () => {
    const metrics = { a: 540, b: 540, c: 540 };
    expect(utilization(three, metrics, 50, { tolerances: { up: 0.05, down: 0.1 } }).replicas).toBe(4);
    expect(utilization(three, metrics, 50, { tolerances: { up: 0.5, down: 0 } }).replicas).toBe(3);
  });

  test("says why nothing can be said", () => {
    const unready = [pod("a", { phase: "Pending" })];
    expect(() => utilization([], {})).toThrow("No pods returned by selector while calculating replica count");
    expect(() => utilization(unready, { a: 1 })).toThrow(
      "did not receive metrics for targeted pods (pods might be unready)",
    );
    const bare = { ...pod("a"), spec: { containers: [{ name: "c" }] } } as unknown as Pod;
    expect(() => utilization([bare], { a: 1 })).toThrow("missing request for cpu in container c of Pod a");
  });
});

describe("samples of cpu", () => {
  test.each([
    {
      name: "in the first five minutes count once a whole window lies after readiness",
      sample: { started: 3, since: 2 },
      replicas: 6,
    },
    { name: "do not count before", sample: { started: 3, since: 0.5 }, replicas: 4 },
    {
      name: "of a pod that never got ready do not count",
      sample: { started: 10, since: 9.7, ready: false },
      replicas: 4,
    },
    { name: "of a pod that was ready once count", sample: { started: 10, since: 5, ready: false }, replicas: 6 },
  ])("$name", ({ sample, replicas }) => {
    expect(utilization([pod("a"), pod("b"), pod("s", sample)], { a: 1000, b: 1000, s: 1000 }).replicas).toBe(replicas);
  });
});

test("an average value per pod needs no requests", () => {
  const input = { pods: three, metrics: used({ a: 30_000, b: 20_000, c: 10_000 }), replicas: 3, tolerances, now };
  expect(forAverageValue(input, 10_000)).toEqual({ replicas: 6, average: 20_000 });
});

test("a value of one object is a ratio of the ready pods, and from zero stands for itself", () => {
  const pods = [...three, pod("d", { ready: false })];
  expect(forRatio(2, { replicas: 4, pods, tolerances })).toBe(6);
  expect(forRatio(1.05, { replicas: 4, pods, tolerances })).toBe(4);
  expect(forRatio(2.5, { replicas: 0, pods: [], tolerances })).toBe(3);
});

test("a value shared by all pods asks for as many as it takes", () => {
  expect(forShare(100_000, 30_000, 3, tolerances)).toEqual({ replicas: 4, average: 33_334 });
  expect(forShare(90_000, 30_000, 3, tolerances)).toEqual({ replicas: 3, average: 30_000 });
});

import { describe, expect, test } from "vitest";
import type { Deployment } from "../../api/apps/deployment.ts";
import type { ReplicaSet } from "../../api/apps/replica-set.ts";
import { deployment, template } from "../framework/testing/samples.ts";
import { boundsOf, currentSize, proportionalSizes, shrinkOld } from "./sizes.ts";

const rolling = (replicas: number, maxSurge: number | string, maxUnavailable: number | string) =>
  deployment({
    replicas,
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge, maxUnavailable } },
  }) as unknown as Deployment;

/** A ReplicaSet `age` (0 is the oldest) of so many pods, so many of them available, scaled when `max` pods were allowed. */
const set = (age: number, replicas: number, available: number, max = 0): ReplicaSet => ({
  apiVersion: "apps/v1",
  kind: "ReplicaSet",
  metadata: {
    name: `s${age}`,
    namespace: "default",
    uid: `u${age}`,
    resourceVersion: "1",
    creationTimestamp: `2026-01-01T00:00:0${age}Z`,
    annotations: {
      "deployment.kubernetes.io/desired-replicas": "1",
      "deployment.kubernetes.io/max-replicas": `${max}`,
    },
  },
  spec: { replicas, template: template(`img:${age}`) },
  status: { replicas, availableReplicas: available },
});
const named = (plan: readonly { readonly set: ReplicaSet; readonly replicas: number }[]) =>
  Object.fromEntries(plan.map((each) => [each.set.metadata.name, each.replicas]));

describe("surge is rounded up, unavailability down", () => {
  test.each([
    { name: "a quarter of 10", given: [10, "25%", "25%"] as const, surge: 3, unavailable: 2 },
    { name: "a quarter of 1 is one more and none fewer", given: [1, "25%", "25%"] as const, surge: 1, unavailable: 0 },
    { name: "numbers are taken as they are", given: [10, 4, 3] as const, surge: 4, unavailable: 3 },
    { name: "never both nothing, or it would not move", given: [10, 0, "1%"] as const, surge: 0, unavailable: 1 },
    { name: "not more unavailable than there are", given: [2, 0, 5] as const, surge: 0, unavailable: 2 },
    { name: "nothing of nothing", given: [0, "25%", "25%"] as const, surge: 0, unavailable: 0 },
  ])("$name", ({ given: [replicas, more, fewer], surge, unavailable }) => {
    expect(boundsOf(rolling(replicas, more, fewer))).toEqual({ surge, unavailable });
  });
});

describe("the current ReplicaSet grows as far as the surge leaves room", () => {
  test.each([
    { name: "all at once when there is no other", replicas: 10, surge: 0, old: 0, size: 0, grown: 10 },
    { name: "by the surge beside a full old one", replicas: 10, surge: 3, old: 10, size: 0, grown: 3 },
    { name: "not at all without room", replicas: 10, surge: 0, old: 10, size: 0, grown: 0 },
    { name: "not beyond what is wanted", replicas: 10, surge: 5, old: 1, size: 8, grown: 10 },
    { name: "down at once when it is too large", replicas: 4, surge: 1, old: 0, size: 9, grown: 4 },
  ])("$name", ({ replicas, surge, old, size, grown }) => {
    const sets = [set(0, old, old), set(1, size, size)];
    expect(currentSize(rolling(replicas, surge, 0), sets, size)).toBe(grown);
  });
});

describe("old ReplicaSets shrink as far as availability allows", () => {
  test.each([
    {
      name: "by what is unavailable at most, when new pods are not ready",
      given: rolling(10, 3, 2),
      old: [set(0, 10, 10)],
      current: set(1, 3, 0),
      plan: { s0: 8 },
    },
    {
      name: "not below what must be available",
      given: rolling(10, 3, 2),
      old: [set(0, 8, 8)],
      current: set(1, 5, 0),
      plan: {},
    },
    {
      name: "pods that are not available first, of whichever set",
      given: rolling(10, 0, 2),
      old: [set(0, 4, 4), set(1, 6, 5)],
      current: set(2, 0, 0),
      plan: { s0: 3, s1: 5 },
    },
    {
      name: "the oldest set first",
      given: rolling(4, 4, 0),
      old: [set(1, 2, 2), set(0, 2, 2)],
      current: set(2, 3, 3),
      plan: { s0: 0, s1: 1 },
    },
  ])("$name", ({ given, old, current, plan }) => {
    expect(named(shrinkOld(given, { current, old }))).toEqual(plan);
  });
});

describe("scaling during a rollout keeps the proportions", () => {
  test.each([
    {
      name: "up",
      replicas: 15,
      old: [set(0, 8, 8, 13)],
      size: 5,
      plan: { s0: 11, s9: 7 },
    },
    { name: "down", replicas: 5, old: [set(0, 8, 8, 13)], size: 5, plan: { s0: 5, s9: 3 } },
    { name: "to nothing", replicas: 0, old: [set(0, 8, 8, 13)], size: 5, plan: { s0: 0, s9: 0 } },
  ])("$name", ({ replicas, old, size, plan }) => {
    expect(named(proportionalSizes(rolling(replicas, 3, 2), { current: set(9, size, 0, 13), old }))).toEqual(plan);
  });

  test("one ReplicaSet with pods gets all of it", () => {
    const sets = { current: set(9, 0, 0), old: [set(0, 3, 3)] };
    expect(named(proportionalSizes(rolling(7, 1, 1), sets))).toEqual({ s0: 7 });
  });
});

import { describe, expect, test } from "vitest";
import { limit, type Memory, remember, type Wish } from "./behavior.ts";

const now = 1_000_000_000;
const none: Memory = { recommendations: [], ups: [], downs: [] };
const wish = (current: number, desired: number, more: Partial<Wish> = {}) =>
  limit({ current, desired, minimum: 1, maximum: 100, memory: none, now, ...more });
const recommended = (replicas: number, secondsAgo: number): Memory => ({
  ...none,
  recommendations: [{ replicas, at: now - secondsAgo * 1000 }],
});

describe("without rules", () => {
  test.each([
    { name: "up to twice as many at once", current: 10, desired: 50, replicas: 20, reason: "ScaleUpLimit" },
    { name: "or four from few", current: 1, desired: 50, replicas: 4, reason: "ScaleUpLimit" },
    { name: "never beyond the maximum", current: 80, desired: 150, replicas: 100, reason: "TooManyReplicas" },
    { name: "never below the minimum", current: 5, desired: 0, replicas: 1, reason: "TooFewReplicas" },
    { name: "down at once", current: 50, desired: 2, replicas: 2, reason: "DesiredWithinRange" },
  ])("$name", ({ current, desired, replicas, reason }) => {
    const result = wish(current, desired);
    expect([result.replicas, result.range.reason]).toEqual([replicas, reason]);
  });

  test("the highest recommendation of five minutes counts", () => {
    expect(wish(8, 2, { memory: recommended(6, 290) })).toMatchObject({
      replicas: 6,
      stabilizedBy: { reason: "ScaleDownStabilized" },
    });
    expect(wish(8, 2, { memory: recommended(6, 310) }).replicas).toBe(2);
  });
});

const policies = (type: "Pods" | "Percent", value: number) => [{ type, value, periodSeconds: 60 }];
const up = (value: number, more: object = {}) => ({
  scaleUp: { policies: policies("Pods", value), stabilizationWindowSeconds: 0, ...more },
  scaleDown: { policies: policies("Percent", 100), stabilizationWindowSeconds: 0 },
});
const down = (value: number, more: object = {}) => ({
  scaleUp: { policies: policies("Percent", 100), stabilizationWindowSeconds: 0 },
  scaleDown: { policies: policies("Pods", value), stabilizationWindowSeconds: 0, ...more },
});

describe("with rules", () => {
  test.each([
    {
      name: "so many pods a period up",
      behavior: up(4),
      current: 10,
      desired: 50,
      replicas: 14,
      reason: "ScaleUpLimit",
    },
    {
      name: "so many pods a period down",
      behavior: down(3),
      current: 10,
      desired: 1,
      replicas: 7,
      reason: "ScaleDownLimit",
    },
    {
      name: "the policy that allows the most by default",
      behavior: up(4, { policies: [...policies("Pods", 4), ...policies("Percent", 100)] }),
      current: 10,
      desired: 50,
      replicas: 20,
      reason: "ScaleUpLimit",
    },
    {
      name: "or the one that allows the least",
      behavior: down(5, { policies: [...policies("Pods", 5), ...policies("Percent", 10)], selectPolicy: "Min" }),
      current: 10,
      desired: 1,
      replicas: 9,
      reason: "ScaleDownLimit",
    },
    {
      name: "or none",
      behavior: down(5, { selectPolicy: "Disabled" }),
      current: 10,
      desired: 1,
      replicas: 10,
      reason: "ScaleDownLimit",
    },
  ])("$name", ({ behavior, current, desired, replicas, reason }) => {
    const result = wish(current, desired, { behavior: behavior as NonNullable<Wish["behavior"]> });
    expect([result.replicas, result.range.reason]).toEqual([replicas, reason]);
  });

  test("what was changed within the period counts", () => {
    const behavior = up(4);
    const memory = remember(none, 10, 13, { behavior, now: now - 30_000 });
    expect(wish(13, 50, { behavior, memory }).replicas).toBe(14);
    expect(wish(13, 50, { behavior, memory, now: now + 31_000 }).replicas).toBe(17);
  });

  test("a window up waits for the lowest recommendation", () => {
    const behavior = up(50, { stabilizationWindowSeconds: 60 });
    const memory = recommended(11, 30);
    expect(wish(10, 20, { behavior, memory })).toMatchObject({
      replicas: 11,
      stabilizedBy: { reason: "ScaleUpStabilized" },
    });
    expect(wish(10, 20, { behavior, memory, now: now + 31_000 }).replicas).toBe(20);
  });
});

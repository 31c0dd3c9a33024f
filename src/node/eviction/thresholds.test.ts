import { expect, test } from "vitest";
import { keptBack, parseThresholds, usualHard } from "./thresholds.ts";

test("the kubelet's flags are read", () => {
  const thresholds = parseThresholds({
    hard: "memory.available<1Gi, nodefs.available<10%",
    soft: "memory.available<2Gi",
    softGrace: "memory.available=1m30s",
    minReclaim: "memory.available=500Mi",
  });
  const minReclaim = { amount: 500 * 2 ** 20 };
  expect(thresholds).toEqual([
    { signal: "memory.available", below: { amount: 2 ** 30 }, graceMs: 0, minReclaim },
    { signal: "nodefs.available", below: { share: 0.1 }, graceMs: 0 },
    { signal: "memory.available", below: { amount: 2 ** 31 }, graceMs: 90_000, minReclaim },
  ]);
});

test("nothing and everything switch a threshold off", () => {
  expect(parseThresholds({ hard: "nodefs.available<0%,imagefs.available<100%" })).toEqual([]);
});

test.each([
  { flags: { hard: "disk<1Gi" }, says: "unsupported eviction signal disk" },
  { flags: { hard: "memory.available=1Gi" }, says: 'eviction-hard: "memory.available=1Gi" is not signal<value' },
  {
    flags: { hard: "memory.available<1Gi,memory.available<2Gi" },
    says: "duplicate eviction threshold definition for memory.available",
  },
  { flags: { hard: "memory.available<lots" }, says: 'eviction threshold memory.available: "lots" is no quantity' },
  {
    flags: { hard: "", soft: "memory.available<1Gi" },
    says: "grace period must be specified for the soft eviction threshold memory.available",
  },
])("$says", ({ flags, says }) => {
  expect(() => parseThresholds(flags)).toThrow(says);
});

test("what hard thresholds keep free is not for pods", () => {
  const thresholds = parseThresholds({ hard: usualHard });
  expect(keptBack(thresholds, "memory.available", 2 ** 33)).toBe(100 * 2 ** 20);
  expect(keptBack(thresholds, "nodefs.available", 1000)).toBe(100);
  expect(keptBack(thresholds, "pid.available", 1000)).toBe(0);
});

import { describe, expect, test } from "vitest";
import { assess, calm, type Observations, type PressureState } from "./assess.ts";
import { parseThresholds } from "./thresholds.ts";

const transitionMs = 60_000;

/** Assesses one reading after the other, each a time in seconds and what is available of 1000 bytes of memory and disk. */
function follow(flags: Parameters<typeof parseThresholds>[0]) {
  const thresholds = parseThresholds(flags);
  let state: PressureState = calm;
  return (second: number, memory: number, disk = 1000) => {
    const now = second * 1000;
    const reading = (available: number) => ({ available, capacity: 1000, at: now });
    const observations: Observations = { "memory.available": reading(memory), "nodefs.available": reading(disk) };
    const assessment = assess(state, thresholds, observations, { now, transitionMs });
    state = assessment.state;
    const { conditions, reclaim } = assessment;
    return { conditions, reclaim: reclaim?.signal };
  };
}

describe("a hard threshold", () => {
  test("is acted upon at once, and its condition stays for the transition period", () => {
    const see = follow({ hard: "memory.available<100" });
    expect(see(0, 100)).toEqual({ conditions: [], reclaim: undefined });
    expect(see(10, 99)).toEqual({ conditions: ["MemoryPressure"], reclaim: "memory.available" });
    expect(see(20, 500)).toEqual({ conditions: ["MemoryPressure"], reclaim: undefined });
    expect(see(69, 500).conditions).toEqual(["MemoryPressure"]);
    expect(see(70, 500).conditions).toEqual([]);
  });

  test("is acted upon until the minimum is won back", () => {
    const see = follow({ hard: "memory.available<100", minReclaim: "memory.available=50" });
    expect(see(0, 120).reclaim).toBeUndefined();
    expect(see(10, 90).reclaim).toBe("memory.available");
    expect(see(20, 149).reclaim).toBe("memory.available");
    expect(see(30, 150).reclaim).toBeUndefined();
    expect(see(40, 120).reclaim).toBeUndefined();
  });

  test("is not acted upon twice for one reading", () => {
    const thresholds = parseThresholds({ hard: "memory.available<100" });
    const observations = { "memory.available": { available: 1, capacity: 1000, at: 5 } };
    const first = assess(calm, thresholds, observations, { now: 5, transitionMs });
    const second = assess(first.state, thresholds, observations, { now: 9, transitionMs });
    expect([first.reclaim?.signal, second.reclaim]).toEqual(["memory.available", undefined]);
  });
});

test("a soft threshold is acted upon after its grace, and tells its condition before", () => {
  const see = follow({ hard: "", soft: "memory.available<100", softGrace: "memory.available=30s" });
  expect(see(0, 50)).toEqual({ conditions: ["MemoryPressure"], reclaim: undefined });
  expect(see(29, 50).reclaim).toBeUndefined();
  expect(see(30, 50).reclaim).toBe("memory.available");
  expect(see(40, 500).reclaim).toBeUndefined();
  expect(see(50, 50).reclaim).toBeUndefined();
});

test("memory goes before everything else", () => {
  const see = follow({ hard: "nodefs.available<10%,memory.available<10%" });
  expect(see(0, 50, 50)).toEqual({ conditions: ["DiskPressure", "MemoryPressure"], reclaim: "memory.available" });
  expect(see(10, 500, 50).reclaim).toBe("nodefs.available");
});

import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { TurnGate } from "./turn-gate.ts";

test("those above the number wait for the next turns, in the order they came", async () => {
  const gate = new TurnGate(2);
  const passed: number[] = [];
  const all = Array.from({ length: 5 }, async (_, index) => {
    await gate.pass();
    passed.push(index);
  });
  await Promise.resolve();
  expect(passed).toEqual([0, 1]);
  await setImmediate();
  expect(passed).toEqual([0, 1, 2, 3]);
  await Promise.all(all);
  expect(passed).toEqual([0, 1, 2, 3, 4]);
});

test("who comes while others wait does not overtake them", async () => {
  const gate = new TurnGate(1);
  const passed: string[] = [];
  const go = async (name: string) => {
    await gate.pass();
    passed.push(name);
    if (name === "a") await go("late");
  };
  await Promise.all([go("a"), go("b")]);
  expect(passed).toEqual(["a", "b", "late"]);
});

test("work that never waits for anything else lets timers have their turn", async () => {
  const gate = new TurnGate(8);
  let fired = false;
  setTimeout(() => {
    fired = true;
  }, 0);
  while (!fired) await gate.pass();
  expect(fired).toBe(true);
});

test("a new turn gives the whole number again", async () => {
  const gate = new TurnGate(1);
  expect(gate.pass()).toBeUndefined();
  await setImmediate();
  expect(gate.pass()).toBeUndefined();
});

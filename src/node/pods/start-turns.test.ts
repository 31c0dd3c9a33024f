import { expect, test } from "vitest";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import { Ending } from "./ending.ts";
import { StartTurns } from "./start-turns.ts";

test("pods that have begun go before those that have not", async () => {
  const turns = new StartTurns(1);
  const story: string[] = [];
  const first = Promise.withResolvers<void>();
  const all = [
    turns.run(() => first.promise, { begun: false }),
    turns.run(async () => void story.push("fresh"), { begun: false }),
    turns.run(async () => void story.push("begun"), { begun: true }),
  ];
  first.resolve();
  await Promise.all(all);
  expect(story).toEqual(["begun", "fresh"]);
});

test("a start that fails hands its turn on", async () => {
  const turns = new StartTurns(1);
  const failing = turns.run(() => Promise.reject(new Error("no")), { begun: false });
  const next = turns.run(async () => "done", { begun: false });
  await expect(failing).rejects.toThrow("no");
  expect(await next).toBe("done");
});

test("the time to end gets shorter, never longer", () => {
  const clock = new VirtualClock();
  using ending = new Ending(clock, 30);
  let told = 0;
  ending.onShortened(() => {
    told += 1;
  });
  clock.advance(10_000);
  ending.shorten(60);
  expect([ending.left, told]).toEqual([20, 0]);
  ending.shorten(5);
  expect([ending.left, told]).toEqual([5, 1]);
  clock.advance(5_000);
  expect(ending.over.aborted).toBe(true);
});

import { expect, test } from "vitest";
import { VirtualClock } from "./virtual-clock.ts";

test("timers fall due in the order of their times, equal ones in the order they were set", () => {
  const clock = new VirtualClock(0);
  const fired: string[] = [];
  clock.after(20, () => fired.push("later"));
  clock.after(10, () => fired.push("first"));
  clock.after(10, () => fired.push("second"));
  clock.advance(15);
  expect(fired).toEqual(["first", "second"]);
  expect(clock.now()).toBe(15);
  clock.advance(5);
  expect(fired).toEqual(["first", "second", "later"]);
});

test("a disposed timer never fires, and an aborted sleep leaves none behind", async () => {
  const clock = new VirtualClock();
  const stop = new AbortController();
  clock.after(5, () => expect.unreachable())[Symbol.dispose]();
  const sleep = clock.sleep(10, stop.signal);
  stop.abort(new Error("enough"));
  await expect(sleep).rejects.toThrow("enough");
  expect(clock.nextDue).toBeUndefined();
  clock.advance(100);
});

test("passing time lets what a timer started finish before the next one fires", async () => {
  const clock = new VirtualClock(0);
  const story: string[] = [];
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
  void (async () => {
    for (let beat = 1; beat <= 3; beat += 1) {
      await clock.sleep(100);
      story.push(`beat ${beat} at ${clock.now()}`);
    }
  })();
  await clock.pass(250, settled);
  expect(story).toEqual(["beat 1 at 100", "beat 2 at 200"]);
  expect(clock.now()).toBe(250);
});

import { expect, test } from "vitest";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import { reject } from "./plugin.ts";
import { WaitingPods } from "./waiting-pods.ts";

const open = () => {
  const clock = new VirtualClock();
  return { clock, waiting: new WaitingPods(clock) };
};

test("a pod goes on when everybody who holds it lets go", async () => {
  const { waiting } = open();
  const end = waiting.wait(
    "u",
    new Map([
      ["A", 1000],
      ["B", 1000],
    ]),
  );
  waiting.allow("u", "A");
  expect(waiting.uids).toEqual(["u"]);
  waiting.allow("u", "B");
  expect(await end).toBeUndefined();
  expect(waiting.uids).toEqual([]);
});

test("one rejection is enough", async () => {
  const { waiting } = open();
  const end = waiting.wait(
    "u",
    new Map([
      ["A", 1000],
      ["B", 1000],
    ]),
  );
  waiting.reject("u", reject("no"));
  expect((await end)?.rejection.reasons).toEqual(["no"]);
});

test("the holder whose time is up first rejects it, and nothing is left to fall due", async () => {
  const { clock, waiting } = open();
  const end = waiting.wait(
    "u",
    new Map([
      ["A", 5000],
      ["B", 2000],
    ]),
  );
  clock.advance(2000);
  expect(await end).toMatchObject({
    plugin: "B",
    rejection: { reasons: ['pod "u" rejected due to timeout after waiting 2s at plugin B'] },
  });
  expect(clock.nextDue).toBeUndefined();
});

test("nobody waits any longer when all are rejected, and strangers are nobody's business", async () => {
  const { waiting } = open();
  const ends = ["u", "v"].map((uid) => waiting.wait(uid, new Map([["A", 1000]])));
  waiting.allow("x", "A");
  waiting.rejectAll(reject("the end"));
  expect((await Promise.all(ends)).map((end) => end?.plugin)).toEqual(["A", "A"]);
});

import { expect, test } from "vitest";
import { silentLog } from "../lib/log.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { followRuntime } from "./follow-runtime.ts";
import type { ContainerRuntime, RuntimeEvent } from "./runtime/runtime.ts";

const settled = async () => {
  for (let round = 0; round < 10; round++) await new Promise((resolve) => setImmediate(resolve));
};

test("events go on after their stream has broken or ended", async () => {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const event = (podUid: string): RuntimeEvent => ({
    type: "started",
    kind: "container",
    id: "c",
    sandboxId: "s",
    podUid,
  });
  const streams: (() => AsyncGenerator<RuntimeEvent>)[] = [
    async function* () {
      yield event("a");
      throw new Error("broken");
    },
    async function* () {
      yield event("b");
    },
    async function* () {
      yield event("c");
      await new Promise<void>((resolve) => stop.signal.addEventListener("abort", () => resolve()));
    },
  ];
  const runtime = { events: () => streams.shift()!() } as unknown as ContainerRuntime;
  const seen: string[] = [];
  const following = followRuntime({ runtime, clock, log: silentLog }, (uid) => seen.push(uid), stop.signal);
  await clock.pass(60_000, settled);
  expect(seen).toEqual(["a", "b", "c"]);
  stop.abort();
  await following;
  expect(clock.nextDue).toBeUndefined();
});

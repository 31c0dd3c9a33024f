import { expect, test } from "vitest";
import { Pod } from "../api/core/pod.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { FakeApi } from "./testing/fake-api.ts";
import { timeLimited, withinTime } from "./time-limit.ts";

const never = () => new Promise<never>(() => {});
const limit = (clock: VirtualClock, signal?: AbortSignal) => ({ clock, ms: 1000, message: "too late", signal });

test("a call that ends in time is left as it is, and no timer stays", async () => {
  const clock = new VirtualClock();
  expect(await withinTime(limit(clock), async () => "done")).toBe("done");
  await expect(withinTime(limit(clock), () => Promise.reject(new Error("its own")))).rejects.toThrow("its own");
  expect(clock.nextDue).toBeUndefined();
});

test("a call that does not end is given up in time, and hears of it", async () => {
  const clock = new VirtualClock();
  let heard: AbortSignal | undefined;
  const waiting = withinTime(limit(clock), (signal) => {
    heard = signal;
    return never();
  });
  const outcome = expect(waiting).rejects.toMatchObject({ code: "unavailable", message: "too late" });
  clock.advance(1000);
  await outcome;
  expect(heard?.aborted).toBe(true);
});

test("a call is given up earlier when its caller says so", async () => {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const outcome = expect(withinTime(limit(clock, stop.signal), never)).rejects.toMatchObject({ code: "aborted" });
  stop.abort();
  await outcome;
  await expect(withinTime(limit(clock, stop.signal), never)).rejects.toMatchObject({ code: "aborted" });
});

test("an API call whose answer got lost fails as if the server were away", async () => {
  const clock = new VirtualClock();
  const { client } = new FakeApi({ clock });
  const lost = timeLimited({ ...client, get: never, updateStatus: never, delete: never }, clock);
  const key = { namespace: "default", name: "web" };
  const calls = [lost.get(Pod, key), lost.updateStatus(Pod, {} as Pod), lost.delete(Pod, key)];
  const outcomes = Promise.allSettled(calls);
  clock.advance(90_000);
  for (const outcome of await outcomes)
    expect(outcome).toMatchObject({ status: "rejected", reason: { code: "unavailable" } });
});

test("an API call that is answered is passed on with all that it said", async () => {
  const { client } = new FakeApi();
  const seen: unknown[] = [];
  const spied = {
    ...client,
    list: async (kind: unknown, options: unknown) => {
      seen.push(kind, options);
      return { items: [] };
    },
  } as unknown as typeof client;
  await timeLimited(spied, new VirtualClock()).list(Pod, { namespace: "default", limit: 3 });
  expect(seen).toEqual([Pod, { namespace: "default", limit: 3, signal: expect.any(AbortSignal) }]);
});

import { expect, test } from "vitest";
import { Fault } from "../lib/fault.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { bytes, nextBatch, scope, text } from "./contract-tools.ts";
import { inRange } from "./keys.ts";
import type { Change, KeyRange } from "./store.ts";
import { Watchers } from "./watchers.ts";

/** A hub over a history in an array, whose watermark a test can move. */
function hub() {
  const log: Change[] = [];
  const history = {
    compacted: 0,
    reads: 0,
    since(range: KeyRange, after: number) {
      history.reads++;
      const changes = log.filter(({ key, revision }) => revision > after && inRange(range, key));
      return { changes, reached: Number(log.at(-1)?.revision ?? 0) };
    },
  };
  const clock = new VirtualClock();
  const watchers = new Watchers({ history, clock, revision: 0 });
  const publish = (count: number, key = "/a") => {
    const first = log.length + 1;
    for (let i = 0; i < count; i++) {
      const revision = BigInt(log.length + 1);
      log.push({ key, value: bytes(String(revision)), previous: undefined, revision, created: revision });
    }
    const batch = log.slice(first - 1);
    watchers.publish({ keys: batch.map((change) => change.key), revision: log.length, change: (i) => batch[i]! });
  };
  return { history, clock, watchers, publish };
}

const range: KeyRange = { start: "/a", end: "/b" };

test("a batch larger than any queue reaches a waiting watch by way of history", async () => {
  const { history, watchers, publish } = hub();
  using end = scope();
  const watch = watchers.watch(range, 0n, end.signal);
  const waiting = nextBatch(watch);
  expect(history.reads).toBe(1);
  publish(10_000);
  const { changes, revision } = await waiting;
  expect([changes.length, revision, history.reads]).toEqual([10_000, 10_000n, 2]);
});

test("a consumer that sleeps has its queue dropped, and reads the rest from history without a gap", async () => {
  const { watchers, publish } = hub();
  using end = scope();
  const watch = watchers.watch(range, 0n, end.signal);
  const first = nextBatch(watch);
  publish(1);
  await first;
  for (let i = 0; i < 100; i++) publish(50);
  publish(1);
  const { changes } = await nextBatch(watch);
  expect(changes.map(({ revision }) => Number(revision))).toEqual(Array.from({ length: 5001 }, (_, i) => i + 2));
});

test("a consumer that slept through a compaction is told", async () => {
  const { history, watchers, publish } = hub();
  using end = scope();
  const watch = watchers.watch(range, 0n, end.signal);
  const first = nextBatch(watch);
  publish(1);
  await first;
  publish(5000);
  history.compacted = 4000;
  await expect(nextBatch(watch)).rejects.toMatchObject({ code: "compacted" });
});

test("an idle watch of a quiet range is not behind, however long ago its last change was", async () => {
  const { history, clock, watchers, publish } = hub();
  using end = scope();
  const watch = watchers.watch(range, 0n, end.signal);
  const waiting = nextBatch(watch);
  publish(6000, "/elsewhere");
  history.compacted = 6000;
  clock.advance(1000);
  expect(await waiting).toEqual({ changes: [], revision: 6000n });
  const next = nextBatch(watch);
  publish(1);
  expect(text((await next).changes[0]?.value)).toBe("6001");
});

test("a change that cannot be made fails the watch that wants it and no other", async () => {
  const { watchers, publish } = hub();
  using end = scope();
  const here = nextBatch(watchers.watch(range, 0n, end.signal));
  const elsewhere = watchers.watch({ start: "/x", end: "/y" }, 0n, end.signal);
  const waiting = nextBatch(elsewhere);
  const broken = new Fault("corrupt", "unreadable");
  watchers.publish({
    keys: ["/a", "/x"],
    revision: 0,
    change: (index) => {
      if (index === 0) throw broken;
      return { key: "/x", value: null, previous: undefined, revision: 1n, created: 1n };
    },
  });
  await expect(here).rejects.toBe(broken);
  expect((await waiting).changes).toHaveLength(1);
  publish(1, "/x");
});

test("nothing is armed while nobody watches", () => {
  const { clock, watchers, publish } = hub();
  publish(3);
  clock.advance(10_000);
  expect(watchers.revision).toBe(3);
});

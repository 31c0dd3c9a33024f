import { expect, test } from "vitest";
import type { Bench } from "./contract.ts";
import { all, nextBatch, scope, story, take, win } from "./contract-tools.ts";
import { prefixRange } from "./keys.ts";
import type { Change, Revision } from "./store.ts";

/** What watches yield. */
export function watchContract(bench: Bench): void {
  test("yields creations, changes and deletions with what was there before", async () => {
    const { store } = bench;
    using end = scope();
    const start = await store.revision();
    const watch = store.watch(all, start, end.signal);
    const created = await win(store, "/a", "1", 0n);
    const changed = await win(store, "/a", "2", created);
    const deleted = await win(store, "/a", null, changed);
    const reborn = await win(store, "/a", "3", 0n);
    const changes = await take(watch, 4);
    expect(changes.map(story)).toEqual(["+/a=1", "~/a=2 was 1", "-/a was 2", "+/a=3"]);
    expect(changes.map(({ revision }) => revision)).toEqual([created, changed, deleted, reborn]);
    expect(changes.map((change) => change.created)).toEqual([created, created, created, reborn]);
  });

  test("resumes after any revision without a gap or a repetition", async () => {
    const { store } = bench;
    const start = await store.revision();
    const revisions: Revision[] = [];
    for (let i = 0; i < 20; i++)
      revisions.push(await win(store, `/k${i % 4}`, String(i), i < 4 ? 0n : revisions[i - 4]!));
    for (const [i, after] of [start, ...revisions.slice(0, -1)].entries()) {
      using end = scope();
      const changes = await take(store.watch(all, after, end.signal), revisions.length - i);
      expect(changes.map(({ revision }) => revision)).toEqual(revisions.slice(i));
    }
  });

  test("a watch that began in history goes on live, in order", async () => {
    const { store } = bench;
    using end = scope();
    const start = await store.revision();
    let written = 0;
    const write = async () => {
      for (let i = 0; i < 50; i++) await win(store, `/k${written++}`, "x", 0n);
    };
    await write();
    const [changes] = await Promise.all([take(store.watch(all, start, end.signal), 150), write(), write()]);
    expect(new Set(changes.map(({ key }) => key)).size).toBe(150);
  });

  test("sees only its range, while others see theirs", async () => {
    const { store } = bench;
    using end = scope();
    const start = await store.revision();
    const pods = store.watch(prefixRange("/pods/"), start, end.signal);
    const nodes = store.watch(prefixRange("/nodes/"), start, end.signal);
    const both = store.watch(all, start, end.signal);
    const one = store.watch({ start: "/pods/b", end: "/pods/b " }, start, end.signal);
    for (const key of ["/nodes/x", "/pods/a", "/podsecurity/y", "/pods/b", "/nodes/z", "/pods/c"])
      await win(store, key, "1", 0n);
    const keys = (changes: readonly Change[]) => changes.map(({ key }) => key);
    expect(keys(await take(pods, 3))).toEqual(["/pods/a", "/pods/b", "/pods/c"]);
    expect(keys(await take(nodes, 2))).toEqual(["/nodes/x", "/nodes/z"]);
    expect(keys(await take(one, 1))).toEqual(["/pods/b"]);
    expect(await take(both, 6)).toHaveLength(6);
  });

  test("every watcher sees every change of many concurrent writers, in one and the same order", async () => {
    const { store } = bench;
    using end = scope();
    const start = await store.revision();
    const watches = Array.from({ length: 5 }, () => take(store.watch(all, start, end.signal), 200));
    const writers = Array.from({ length: 10 }, async (_, w) => {
      let revision = 0n;
      for (let i = 0; i < 20; i++) revision = await win(store, `/w${w}`, String(i), revision);
    });
    const [first, ...others] = await Promise.all(watches);
    await Promise.all(writers);
    const order = first!.map(({ revision }) => revision);
    for (const other of others) expect(other.map(({ revision }) => revision)).toEqual(order);
    for (let w = 0; w < 10; w++) {
      const values = first!.filter(({ key }) => key === `/w${w}`).map(story);
      expect(values).toHaveLength(20);
      expect(values.at(-1)).toBe(`~/w${w}=19 was 18`);
    }
  });

  test("what a watch shows can be read: nothing is visible before it is durable", async () => {
    const { store } = bench;
    using end = scope();
    const watch = store.watch(all, await store.revision(), end.signal);
    const writing = Promise.all(Array.from({ length: 30 }, (_, i) => win(store, `/k${i}`, "x", 0n)));
    for (const { key, revision } of await take(watch, 30)) {
      const snapshot = await store.read(all);
      expect(snapshot.revision >= revision).toBe(true);
      expect(snapshot.entries.some((entry) => entry.key === key)).toBe(true);
    }
    await writing;
  });

  test("makes progress, empty if need be, when asked", async () => {
    const { store } = bench;
    using end = scope();
    const watch = store.watch(prefixRange("/quiet/"), await store.revision(), end.signal);
    const batch = nextBatch(watch);
    const elsewhere = await win(store, "/busy/a", "x", 0n);
    watch.prompt();
    expect(await batch).toEqual({ changes: [], revision: elsewhere });
    const next = nextBatch(watch);
    expect(watch.reached).toBe(elsewhere);
    const here = await win(store, "/quiet/a", "x", 0n);
    expect(await next).toMatchObject({ changes: [{ key: "/quiet/a" }], revision: here });
  });

  test("makes progress by itself within about a second", async () => {
    const { store } = bench;
    using end = scope();
    const batch = nextBatch(store.watch(prefixRange("/quiet/"), await store.revision(), end.signal));
    const elsewhere = await win(store, "/busy/a", "x", 0n);
    await bench.advance(1500);
    const { changes, revision } = await batch;
    expect(changes).toEqual([]);
    expect(revision >= elsewhere).toBe(true);
  });

  test("counts a change as reached only when its consumer comes back for more", async () => {
    const { store } = bench;
    using end = scope();
    const start = await store.revision();
    const watch = store.watch(all, start, end.signal);
    const first = await win(store, "/a", "1", 0n);
    const { changes } = await nextBatch(watch);
    expect(changes).toHaveLength(1);
    expect(watch.reached).toBe(start);
    const waiting = nextBatch(watch);
    expect(watch.reached).toBe(first);
    const second = await win(store, "/a", "2", first);
    await waiting;
    expect(watch.reached).toBe(first);
    const idle = watch[Symbol.asyncIterator]().next();
    expect(watch.reached).toBe(second);
    end.abort();
    expect(await idle).toMatchObject({ done: true });
  });

  test("a slow consumer loses nothing, however far it falls behind", async () => {
    const { store } = bench;
    using end = scope();
    const watch = store.watch(all, await store.revision(), end.signal);
    const first = nextBatch(watch);
    const revisions: Revision[] = [await win(store, "/first", "x", 0n)];
    await first;
    for (let round = 0; round < 12; round++) {
      revisions.push(
        ...(await Promise.all(Array.from({ length: 500 }, (_, i) => win(store, `/k${round}-${i}`, "x", 0n)))),
      );
    }
    const changes = await take(watch, 6000);
    revisions.shift();
    const inOrder = revisions.toSorted((a, b) => (a < b ? -1 : 1));
    expect(changes.map(({ revision }) => revision)).toEqual(inOrder);
  });

  test("an abort ends a waiting watch quietly, and an aborted signal one that has not begun", async () => {
    const { store } = bench;
    const controller = new AbortController();
    const start = await store.revision();
    const waiting = store.watch(all, start, controller.signal)[Symbol.asyncIterator]().next();
    controller.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    const late = store.watch(all, start, controller.signal)[Symbol.asyncIterator]().next();
    expect(await late).toEqual({ done: true, value: undefined });
  });

  test("a consumer that leaves its loop ends the watch; the store goes on", async () => {
    const { store } = bench;
    using end = scope();
    await win(store, "/a", "1", 0n);
    for await (const { changes } of store.watch(all, (await store.revision()) - 1n, end.signal)) {
      expect(changes).toHaveLength(1);
      break;
    }
    await win(store, "/b", "2", 0n);
  });
}

import { expect, test } from "vitest";
import type { Bench } from "./contract.ts";
import { all, pairs, win } from "./contract-tools.ts";
import { everyKey, keyRange, prefixRange } from "./keys.ts";

/** What reads of the present return. */
export function readContract(bench: Bench): void {
  test("an empty store reads as nothing, at a revision above zero", async () => {
    const snapshot = await bench.store.read(all, { count: true });
    expect(snapshot).toMatchObject({ entries: [], more: false, count: 0 });
    expect(snapshot.revision).toBe(await bench.store.revision());
    expect(snapshot.revision > 0n).toBe(true);
  });

  test("a range takes its start and leaves its end", async () => {
    const { store } = bench;
    for (const key of ["/a", "/b", "/c", "/d"]) await win(store, key, "x", 0n);
    expect(pairs(await store.read({ start: "/b", end: "/d" }))).toEqual(["/b=x", "/c=x"]);
    expect(pairs(await store.read({ start: "/b", end: "/b" }))).toEqual([]);
    expect(await store.read({ start: "/d", end: "/b" }, { count: true })).toMatchObject({ entries: [], count: 0 });
    expect(pairs(await store.read({ start: "/aa", end: "/bb" }))).toEqual(["/b=x"]);
  });

  test("the range of a prefix holds its keys and not its neighbours", async () => {
    const { store } = bench;
    for (const key of ["/pods", "/pods/", "/pods/a", "/pods/z/z", "/pods0", "/podsecurity"])
      await win(store, key, "x", 0n);
    expect(pairs(await store.read(prefixRange("/pods/")))).toEqual(["/pods/=x", "/pods/a=x", "/pods/z/z=x"]);
    expect(pairs(await store.read(keyRange("/pods")))).toEqual(["/pods=x"]);
  });

  test("keys come in the order of their UTF-8 bytes, whatever order they were written in", async () => {
    const { store } = bench;
    // U+FF5E sorts before U+1F600 in bytes, but after it in UTF-16; long keys take another way through encoders.
    const long = "x".repeat(100);
    const keys = [
      "/a",
      "/a b",
      "/a-b",
      "/a/b",
      "/ab",
      "/b",
      "/é",
      "/\uff5e",
      "/\u{1f600}",
      `/${long}\uff5e`,
      `/${long}\u{1f600}`,
    ];
    for (const key of keys.toReversed()) await win(store, key, "x", 0n);
    const { entries } = await store.read(all);
    const inBytes = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(entries.map(({ key }) => key)).toEqual(inBytes);
    expect((await store.read(everyKey)).entries).toHaveLength(keys.length);
  });

  test("a limit cuts the range and says that there is more; the rest follows after the last key", async () => {
    const { store } = bench;
    for (let i = 0; i < 7; i++) await win(store, `/k${i}`, "x", 0n);
    const first = await store.read(all, { limit: 3 });
    expect(first.entries.map(({ key }) => key)).toEqual(["/k0", "/k1", "/k2"]);
    expect(first.more).toBe(true);
    const rest = await store.read({ start: "/k2 ", end: all.end }, { limit: 4 });
    expect(rest.entries.map(({ key }) => key)).toEqual(["/k3", "/k4", "/k5", "/k6"]);
    expect(rest.more).toBe(false);
  });

  test("a count covers the whole range, whatever the limit", async () => {
    const { store } = bench;
    for (let i = 0; i < 5; i++) await win(store, `/k${i}`, "x", 0n);
    expect(await store.read(all, { limit: 2, count: true })).toMatchObject({ more: true, count: 5 });
    expect(await store.read(all, { limit: 5, count: true })).toMatchObject({ more: false, count: 5 });
    expect(await store.read(all, { limit: 0, count: true })).toMatchObject({ entries: [], count: 5 });
    expect(await store.read({ start: "/k1", end: "/k3" }, { count: true })).toMatchObject({ count: 2 });
  });

  test.each([-1, 1.5, Number.NaN])("refuses a limit of %s as invalid", async (limit) => {
    await expect(bench.store.read(all, { limit })).rejects.toMatchObject({ code: "invalid" });
  });

  test("a read right after a commit sees it", async () => {
    const { store } = bench;
    for (let i = 0; i < 50; i++) {
      const revision = await win(store, `/k${i}`, String(i), 0n);
      const snapshot = await store.read(keyRange(`/k${i}`));
      expect(pairs(snapshot)).toEqual([`/k${i}=${i}`]);
      expect(snapshot.revision >= revision).toBe(true);
    }
  });

  test("a snapshot is of one moment: two keys written in turn never disagree by more than one", async () => {
    const { store } = bench;
    let first = await win(store, "/a", "0", 0n);
    let second = await win(store, "/b", "0", 0n);
    let stop = false;
    const writer = (async () => {
      for (let i = 1; i <= 40; i++) {
        first = await win(store, "/a", String(i), first);
        second = await win(store, "/b", String(i), second);
      }
      stop = true;
    })();
    while (!stop) {
      const [a, b] = (await store.read(all)).entries.map(({ value }) => Number(Buffer.from(value).toString()));
      expect(a! - b!).toBeGreaterThanOrEqual(0);
      expect(a! - b!).toBeLessThanOrEqual(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await writer;
  });
}

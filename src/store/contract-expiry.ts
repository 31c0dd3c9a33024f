import { expect, test } from "vitest";
import type { Bench } from "./contract.ts";
import { all, bytes, nextBatch, pairs, scope, story, take, win, winner } from "./contract-tools.ts";

/** How keys expire, and how a store ends. */
export function expiryContract(bench: Bench): void {
  const put = async (key: string, ttl?: number, expected = 0n) =>
    winner(await bench.store.commit({ key, value: bytes(key), expected, ttl }));

  test("a key with a ttl is deleted when its time is over, and watches are told", async () => {
    const { store } = bench;
    using end = scope();
    const start = await store.revision();
    const changes = take(store.watch(all, start, end.signal), 3);
    const created = await put("/mortal", 2);
    await put("/immortal");
    await bench.advance(500);
    expect(pairs(await store.read(all))).toEqual(["/immortal=/immortal", "/mortal=/mortal"]);
    await bench.advance(4000);
    const stories = await changes;
    expect(stories.map(story)).toEqual(["+/mortal=/mortal", "+/immortal=/immortal", "-/mortal was /mortal"]);
    expect(stories[2]).toMatchObject({ created });
    expect(pairs(await store.read(all))).toEqual(["/immortal=/immortal"]);
  });

  test("a later write renews the ttl or takes it away", async () => {
    const { store } = bench;
    using end = scope();
    const expiry = take(store.watch({ start: "/marker", end: "/marker " }, await store.revision(), end.signal), 2);
    const renewed = await put("/renewed", 2);
    const kept = await put("/kept", 2);
    await put("/renewed", 300, renewed);
    await put("/kept", undefined, kept);
    await put("/marker", 2);
    await bench.advance(4500);
    await expiry;
    expect(pairs(await store.read(all))).toEqual(["/kept=/kept", "/renewed=/renewed"]);
  });

  test("keys that were deleted or reborn do not expire by an old ttl", async () => {
    const { store } = bench;
    using end = scope();
    const expiry = take(store.watch({ start: "/marker", end: "/marker " }, await store.revision(), end.signal), 2);
    const first = await put("/a", 2);
    await win(store, "/a", null, first);
    await put("/a");
    await put("/marker", 2);
    await bench.advance(4500);
    await expiry;
    expect(pairs(await store.read(all))).toEqual(["/a=/a"]);
  });

  test("many keys expire each at its time", async () => {
    const { store } = bench;
    using end = scope();
    for (let i = 0; i < 20; i++) await put(`/k${i}`, i % 2 === 0 ? 1 : 5);
    const watch = store.watch(all, await store.revision(), end.signal);
    const early = take(watch, 10);
    await bench.advance(3000);
    for (const { key, value } of await early) expect([value, Number(key.slice(2)) % 2]).toEqual([null, 0]);
    const late = take(watch, 10);
    await bench.advance(4000);
    for (const { key, value } of await late) expect([value, Number(key.slice(2)) % 2]).toEqual([null, 1]);
    expect(pairs(await store.read(all))).toEqual([]);
  });

  test("a closed store refuses everything as closed, and closing twice is harmless", async () => {
    const { store } = bench;
    const revision = await put("/a");
    using end = scope();
    const waiting = nextBatch(store.watch(all, revision, end.signal));
    waiting.catch(() => {});
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await expect(waiting).rejects.toMatchObject({ code: "closed" });
    await expect(store.read(all)).rejects.toMatchObject({ code: "closed" });
    await expect(store.revision()).rejects.toMatchObject({ code: "closed" });
    await expect(store.compact(revision)).rejects.toMatchObject({ code: "closed" });
    await expect(store.commit({ key: "/b", value: bytes("x"), expected: 0n })).rejects.toMatchObject({
      code: "closed",
    });
    expect(() => store.watch(all, revision, end.signal)).toThrow("closed");
  });

  test("commits under way when the store closes are settled, not forgotten", async () => {
    const { store } = bench;
    const commits = Array.from({ length: 50 }, (_, i) =>
      store.commit({ key: `/k${i}`, value: bytes("x"), expected: 0n }),
    );
    const closing = store[Symbol.asyncDispose]();
    for (const result of await Promise.all(commits)) expect(result.ok).toBe(true);
    await closing;
  });
}

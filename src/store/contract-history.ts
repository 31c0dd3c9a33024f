import { expect, test } from "vitest";
import { seededRandom } from "../lib/random.ts";
import type { Bench } from "./contract.ts";
import { all, bytes, nextBatch, pairs, scope, story, take, text, win } from "./contract-tools.ts";
import { keyRange } from "./keys.ts";
import type { Revision } from "./store.ts";

/** How the past reads, and how it is forgotten. */
export function historyContract(bench: Bench): void {
  test("a key reads as it was at each revision: absent, created, changed, deleted, reborn", async () => {
    const { store } = bench;
    const before = await store.revision();
    const created = await win(store, "/a", "1", 0n);
    const changed = await win(store, "/a", "2", created);
    const deleted = await win(store, "/a", null, changed);
    const reborn = await win(store, "/a", "3", 0n);
    const at = async (revision: Revision) => pairs(await store.read(all, { at: revision }));
    expect(await at(before)).toEqual([]);
    expect(await at(created)).toEqual(["/a=1"]);
    expect(await at(changed)).toEqual(["/a=2"]);
    expect(await at(deleted)).toEqual([]);
    expect(await at(reborn)).toEqual(["/a=3"]);
    const [entry] = (await store.read(keyRange("/a"), { at: changed })).entries;
    expect(entry).toMatchObject({ created, modified: changed });
  });

  test("limit and count hold in the past too, and the snapshot names its moment", async () => {
    const { store } = bench;
    const revisions: Revision[] = [];
    for (let i = 0; i < 6; i++) revisions.push(await win(store, `/k${i}`, "old", 0n));
    const then = await store.revision();
    await win(store, "/k1", null, revisions[1]!);
    await win(store, "/k2", "new", revisions[2]!);
    await win(store, "/k0a", "new", 0n);
    await win(store, "/k9", "new", 0n);
    const page = await store.read(all, { at: then, limit: 4, count: true });
    expect(pairs(page)).toEqual(["/k0=old", "/k1=old", "/k2=old", "/k3=old"]);
    expect(page).toMatchObject({ more: true, count: 6, revision: then });
    const rest = await store.read({ start: "/k3 ", end: all.end }, { at: then, limit: 4, count: true });
    expect(pairs(rest)).toEqual(["/k4=old", "/k5=old"]);
    expect(rest).toMatchObject({ more: false, count: 2 });
    expect(await store.read(all, { count: true })).toMatchObject({ count: 7 });
  });

  test("a revision that was not reached yet is invalid", async () => {
    const { store } = bench;
    const future = (await store.revision()) + 100n;
    await expect(store.read(all, { at: future })).rejects.toMatchObject({ code: "invalid" });
    await expect(store.compact(future)).rejects.toMatchObject({ code: "invalid" });
  });

  test("random writes: every revision reads as a model remembers it, before and after compaction", async () => {
    const { store } = bench;
    const random = seededRandom(20);
    const model = new Map<string, { value: string; revision: Revision }>();
    const remembered = new Map<Revision, string[]>();
    for (let i = 0; i < 150; i++) {
      const key = `/k${Math.floor(random.next() * 12)}`;
      const current = model.get(key);
      const value = current && random.next() < 0.3 ? null : `v${i}`;
      const revision = await win(store, key, value, current?.revision ?? 0n);
      if (value === null) model.delete(key);
      else model.set(key, { value, revision });
      remembered.set(revision, [...model].map(([name, held]) => `${name}=${held.value}`).sort());
    }
    for (const [revision, held] of remembered) {
      expect(pairs(await store.read(all, { at: revision })).sort()).toEqual(held);
    }
    const watermark = [...remembered.keys()][70]!;
    await store.compact(watermark);
    for (const [revision, held] of remembered) {
      if (revision < watermark) {
        await expect(store.read(all, { at: revision })).rejects.toMatchObject({ code: "compacted" });
      } else {
        const snapshot = await store.read(all, { at: revision, count: true });
        expect(pairs(snapshot).sort()).toEqual(held);
        expect(snapshot.count).toBe(held.length);
      }
    }
    using end = scope();
    const later = [...remembered.keys()].filter((revision) => revision > watermark);
    const changes = await take(store.watch(all, watermark, end.signal), later.length);
    expect(changes.map(({ revision }) => revision)).toEqual(later);
    const replayed = new Map(
      (await store.read(all, { at: watermark })).entries.map(({ key, value }) => [key, text(value)]),
    );
    for (const { key, value, previous } of changes) {
      expect(text(previous)).toBe(replayed.get(key));
      if (value === null) replayed.delete(key);
      else replayed.set(key, text(value));
    }
    expect([...replayed].map(([key, value]) => `${key}=${value}`).sort()).toEqual(remembered.get(later.at(-1)!));
  });

  test("compaction keeps every live key, also those written long before", async () => {
    const { store } = bench;
    const old = await win(store, "/old", "still here", 0n);
    let revision = await win(store, "/busy", "0", 0n);
    for (let i = 1; i <= 20; i++) revision = await win(store, "/busy", String(i), revision);
    const gone = await win(store, "/gone", "x", 0n);
    const last = await win(store, "/gone", null, gone);
    await store.compact(last);
    expect(pairs(await store.read(all))).toEqual(["/busy=20", "/old=still here"]);
    expect(pairs(await store.read(all, { at: last }))).toEqual(["/busy=20", "/old=still here"]);
    const [entry] = (await store.read(keyRange("/old"))).entries;
    expect(entry).toMatchObject({ created: old, modified: old });
    const next = await win(store, "/old", "changed", old);
    expect(next > last).toBe(true);
    await store.compact(next);
    expect(pairs(await store.read(all))).toEqual(["/busy=20", "/old=changed"]);
  });

  test("compacting again, to the same or an earlier revision, changes nothing", async () => {
    const { store } = bench;
    const first = await win(store, "/a", "1", 0n);
    const second = await win(store, "/a", "2", first);
    const third = await win(store, "/a", "3", second);
    await store.compact(second);
    await store.compact(second);
    await store.compact(first);
    expect(pairs(await store.read(all, { at: second }))).toEqual(["/a=2"]);
    expect(await store.revision()).toBe(third);
  });

  test("a watch from below the watermark is told that history is compacted", async () => {
    const { store } = bench;
    let revision = await win(store, "/a", "0", 0n);
    const first = revision;
    for (let i = 1; i <= 5; i++) revision = await win(store, "/a", String(i), revision);
    await store.compact(revision);
    using end = scope();
    const late = store.watch(all, first, end.signal);
    await expect(nextBatch(late)).rejects.toMatchObject({ code: "compacted" });
  });

  test("a watch at the watermark goes on, with what was there before", async () => {
    const { store } = bench;
    const first = await win(store, "/a", "1", 0n);
    const second = await win(store, "/a", "2", first);
    await win(store, "/a", "3", second);
    await store.compact(second);
    using end = scope();
    expect((await take(store.watch(all, second, end.signal), 1)).map(story)).toEqual(["~/a=3 was 2"]);
  });

  test("compaction while others write disturbs neither", async () => {
    const { store } = bench;
    const write = async (key: string) => {
      let revision = 0n;
      for (let i = 0; i < 60; i++) revision = await win(store, key, String(i), revision);
    };
    const compact = async () => {
      for (let i = 0; i < 10; i++) await store.compact(await store.revision());
    };
    await Promise.all([write("/a"), write("/b"), write("/c"), compact()]);
    expect(pairs(await store.read(all))).toEqual(["/a=59", "/b=59", "/c=59"]);
  });

  test("the revision only grows, and every commit takes a later one", async () => {
    const { store } = bench;
    let seen = await store.revision();
    for (let i = 0; i < 30; i++) {
      const revision = await win(store, `/k${i}`, "x", 0n);
      expect(revision > seen).toBe(true);
      expect(await store.revision()).toBe(revision);
      seen = revision;
    }
    await store.commit({ key: "/k0", value: bytes("lost"), expected: seen });
    expect(await store.revision()).toBe(seen);
    await store.compact(seen);
    expect(await store.revision()).toBe(seen);
  });
}

import { expect, test } from "vitest";
import type { Bench } from "./contract.ts";
import { all, bytes, pairs, text, win } from "./contract-tools.ts";
import { keyRange } from "./keys.ts";

/** How commits compare, win and lose. */
export function commitContract(bench: Bench): void {
  test.each([
    { name: "creates an absent key", seed: false, expected: "absent", value: "b", ok: true },
    { name: "refuses to create twice", seed: true, expected: "absent", value: "b", ok: false },
    { name: "replaces the expected revision", seed: true, expected: "seen", value: "b", ok: true },
    { name: "refuses a stale revision", seed: true, expected: "stale", value: "b", ok: false },
    { name: "refuses to replace what is absent", seed: false, expected: "stale", value: "b", ok: false },
    { name: "deletes the expected revision", seed: true, expected: "seen", value: null, ok: true },
    { name: "refuses to delete a stale revision", seed: true, expected: "stale", value: null, ok: false },
    { name: "refuses to delete what is absent", seed: false, expected: "stale", value: null, ok: false },
  ])("$name", async ({ seed, expected, value, ok }) => {
    const { store } = bench;
    const stale = await win(store, "/other", "x", 0n);
    const seen = seed ? await win(store, "/a", "a", 0n) : 0n;
    const before = await store.revision();
    const result = await store.commit({
      key: "/a",
      value: value === null ? null : bytes(value),
      expected: expected === "seen" ? seen : expected === "stale" ? stale : 0n,
    });
    expect(result.ok).toBe(ok);
    const after = await store.read(keyRange("/a"));
    if (result.ok) {
      expect(result.revision > before).toBe(true);
      expect(after.revision).toBe(result.revision);
      expect(pairs(after)).toEqual(value === null ? [] : ["/a=b"]);
    } else {
      expect(after.revision).toBe(before);
      expect(pairs(after)).toEqual(seed ? ["/a=a"] : []);
      expect(text(result.current?.value)).toBe(seed ? "a" : undefined);
      expect(result.current?.modified).toBe(seed ? seen : undefined);
    }
  });

  test("a key keeps its creation through changes and gets a new one in its next life", async () => {
    const { store } = bench;
    const first = await win(store, "/a", "1", 0n);
    const second = await win(store, "/a", "2", first);
    const [changed] = (await store.read(keyRange("/a"))).entries;
    expect(changed).toMatchObject({ created: first, modified: second });
    await win(store, "/a", null, second);
    const third = await win(store, "/a", "3", 0n);
    const [reborn] = (await store.read(keyRange("/a"))).entries;
    expect(reborn).toMatchObject({ created: third, modified: third });
  });

  test("of writers in flight for one key exactly one wins, and the others learn what it wrote", async () => {
    const { store } = bench;
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) => store.commit({ key: "/a", value: bytes(`writer ${i}`), expected: 0n })),
    );
    const winners = results.flatMap((result, i) => (result.ok ? [{ i, revision: result.revision }] : []));
    expect(winners).toHaveLength(1);
    const [{ i, revision }] = winners as [(typeof winners)[number]];
    for (const result of results) {
      if (result.ok) continue;
      expect(result.current?.modified).toBe(revision);
      expect(text(result.current?.value)).toBe(`writer ${i}`);
    }
  });

  test("concurrent writers that retry lose no increment", async () => {
    const { store } = bench;
    const increment = async () => {
      for (;;) {
        const [entry] = (await store.read(keyRange("/counter"))).entries;
        const value = bytes(String(Number(text(entry?.value) ?? 0) + 1));
        const result = await store.commit({ key: "/counter", value, expected: entry?.modified ?? 0n });
        if (result.ok) return;
      }
    };
    await Promise.all(Array.from({ length: 8 }, increment).concat(Array.from({ length: 8 }, increment)));
    expect(pairs(await store.read(keyRange("/counter")))).toEqual(["/counter=16"]);
  });

  test("writers of different keys all win, each with a revision of its own", async () => {
    const { store } = bench;
    const revisions = await Promise.all(Array.from({ length: 100 }, (_, i) => win(store, `/k${i}`, `v${i}`, 0n)));
    expect(new Set(revisions).size).toBe(100);
    const { entries, revision } = await store.read(all);
    expect(entries).toHaveLength(100);
    for (const { key, modified } of entries) expect(modified).toBe(revisions[Number(key.slice(2))]);
    expect(revision).toBe(revisions.reduce((a, b) => (a > b ? a : b)));
  });

  test("keeps values byte for byte: empty, binary and large", async () => {
    const { store } = bench;
    const values = [
      new Uint8Array(0),
      Uint8Array.from({ length: 256 }, (_, i) => i),
      new Uint8Array(1_000_000).fill(7),
    ];
    for (const [i, value] of values.entries()) await store.commit({ key: `/v${i}`, value, expected: 0n });
    const { entries } = await store.read(all);
    expect(entries).toHaveLength(3);
    for (const [i, { value }] of entries.entries()) expect(Buffer.compare(value, values[i]!)).toBe(0);
  });

  test.each([
    { name: "an empty key", write: { key: "", value: bytes("x"), expected: 0n } },
    { name: "a control character in a key", write: { key: "/a\0b", value: bytes("x"), expected: 0n } },
    { name: "half a surrogate pair in a key", write: { key: "/\ud800", value: bytes("x"), expected: 0n } },
    { name: "a key of more than 1024 bytes", write: { key: `/${"ä".repeat(512)}`, value: bytes("x"), expected: 0n } },
    { name: "a deletion that expects nothing", write: { key: "/a", value: null, expected: 0n } },
    { name: "a negative revision", write: { key: "/a", value: bytes("x"), expected: -1n } },
    { name: "a ttl of zero", write: { key: "/a", value: bytes("x"), expected: 0n, ttl: 0 } },
    { name: "a ttl with a fraction", write: { key: "/a", value: bytes("x"), expected: 0n, ttl: 1.5 } },
  ])("refuses $name as invalid and stays as it was", async ({ write }) => {
    const { store } = bench;
    const before = await store.revision();
    await expect(store.commit(write)).rejects.toMatchObject({ code: "invalid" });
    expect(await store.revision()).toBe(before);
  });

  test("takes keys of 1024 bytes", async () => {
    const { store } = bench;
    const key = `/${"k".repeat(1023)}`;
    await win(store, key, "long", 0n);
    expect(pairs(await store.read(keyRange(key)))).toEqual([`${key}=long`]);
  });
}

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../lib/clock.ts";
import { faultCode } from "../lib/fault.ts";
import { checkDataDirectory } from "./check.ts";
import { all, win } from "./contract-tools.ts";
import { openLmdbStore } from "./lmdb.ts";

/** A file system of twenty megabytes, so that the disk is really full. */
const disk = mkdtempSync(join(tmpdir(), "navarch-full-"));
beforeAll(() => void execFileSync("mount", ["-t", "tmpfs", "-o", "size=20m", "navarch-full", disk]));
afterAll(() => {
  execFileSync("umount", [disk]);
  rmSync(disk, { recursive: true });
});

test("on a full disk writes are exhausted, nothing is half-written, reads go on, and freed space is used again", async () => {
  const path = join(disk, "data");
  const open = () => openLmdbStore({ path, clock: systemClock, mapSize: 64 * 1024 * 1024 });
  await using store = await open();
  const accepted = new Map<string, bigint>();
  const codes = new Set<unknown>();
  for (let round = 0; round < 12; round++) {
    await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        const key = `/k${round}-${i}`;
        try {
          const result = await store.commit({ key, value: new Uint8Array(400_000).fill(round), expected: 0n });
          if (result.ok) accepted.set(key, result.revision);
        } catch (error) {
          codes.add(faultCode(error));
        }
      }),
    );
  }
  expect([...codes]).toEqual(["exhausted"]);
  expect(accepted.size).toBeGreaterThan(20);

  const { entries, revision } = await store.read(all);
  expect(new Map(entries.map(({ key, modified }) => [key, modified]))).toEqual(accepted);
  expect(revision).toBe([...accepted.values()].at(-1));
  // The disk may hold a little more, but not this; each write learns its own fate.
  const [freeing, large] = await Promise.allSettled([
    win(store, "/k0-0", null, accepted.get("/k0-0")!),
    store.commit({ key: "/large", value: new Uint8Array(3_000_000), expected: 0n }),
  ]);
  expect(freeing).toMatchObject({ status: "fulfilled" });
  expect(large).toMatchObject({ status: "rejected", reason: { code: "exhausted" } });

  for (const [key, modified] of [...accepted].slice(1, 20)) await win(store, key, null, modified);
  await store.compact(await store.revision());
  const again = await store.commit({ key: "/again", value: new Uint8Array(300_000), expected: 0n });
  expect(again.ok).toBe(true);
  const last = await store.revision();
  await store[Symbol.asyncDispose]();

  expect((await checkDataDirectory(path)).problems).toEqual([]);
  await using reopened = await open();
  expect(await reopened.revision()).toBe(last);
  expect((await reopened.read(all, { count: true })).count).toBe(accepted.size - 20 + 1);
});

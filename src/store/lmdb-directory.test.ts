import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { systemClock } from "../lib/clock.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { checkDataDirectory } from "./check.ts";
import { all, bytes, pairs, scope, story, take, win, winner } from "./contract-tools.ts";
import { keyRange } from "./keys.ts";
import { openLmdbStore } from "./lmdb.ts";

const folder = mkdtempSync(join(tmpdir(), "navarch-store-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let directories = 0;
const freshPath = () => join(folder, `directory-${directories++}`);
const openAt = (path: string, options: { quota?: number; clock?: VirtualClock } = {}) =>
  openLmdbStore({ path, clock: systemClock, patience: 0, ...options });

/** A directory with some history in it, closed. */
async function filled(): Promise<string> {
  const path = freshPath();
  await using store = await openAt(path);
  for (let i = 0; i < 200; i++) await win(store, `/k${i}`, `value ${i}`.repeat(30), 0n);
  return path;
}

test("what was committed is there after reopening, with its revisions and its history", async () => {
  const path = freshPath();
  const first = await openAt(path);
  const a = await win(first, "/a", "1", 0n);
  const changed = await win(first, "/a", "2", a);
  const deleted = await win(first, "/a", null, changed);
  const b = await win(first, "/b", "1", 0n);
  await first[Symbol.asyncDispose]();

  await using second = await openAt(path);
  expect(await second.revision()).toBe(b);
  const snapshot = await second.read(all);
  expect(snapshot.entries).toMatchObject([{ key: "/b", modified: b, created: b }]);
  expect(pairs(await second.read(all, { at: changed }))).toEqual(["/a=2"]);
  using end = scope();
  expect((await take(second.watch(all, a, end.signal), 3)).map(story)).toEqual(["~/a=2 was 1", "-/a was 2", "+/b=1"]);
  expect((await win(second, "/c", "x", 0n)) > deleted).toBe(true);
});

test("the watermark, the ttl and an unfinished sweep survive reopening", async () => {
  const path = freshPath();
  const clock = new VirtualClock();
  const first = await openAt(path, { clock });
  const keys = Array.from({ length: 1500 }, (_, i) => `/k${i}`);
  const old = await Promise.all(keys.map((key) => win(first, key, "old", 0n)));
  const revisions = await Promise.all(keys.map((key, i) => win(first, key, "new", old[i]!)));
  winner(await first.commit({ key: "/mortal", value: bytes("x"), expected: 0n, ttl: 60 }));
  const before = first.usage().bytes;
  const watermark = revisions.at(-1)!;
  // Closing stops the sweep in the middle, once the watermark is durable.
  const compaction = first.compact(watermark);
  while (await first.read(keyRange("/k0"), { at: old[0]! }).then(isThere, isGone)) await nextTurn();
  await first[Symbol.asyncDispose]();
  await compaction;

  await using second = await openAt(path, { clock });
  expect(second.usage().bytes).toBeGreaterThan((before * 2) / 3);
  await expect(second.read(all, { at: old[0]! })).rejects.toMatchObject({ code: "compacted" });
  await second.compact(watermark);
  expect(second.usage().bytes).toBeLessThan((before * 2) / 3);
  expect((await second.read(all, { at: watermark, count: true })).count).toBe(1500);
  using end = scope();
  const watch = second.watch(all, await second.revision(), end.signal);
  const gone = take(watch, 1);
  clock.advance(61_000);
  expect((await gone).map(story)).toEqual(["-/mortal was x"]);
  expect((await checkDataDirectory(path)).problems).toEqual([]);
});

test("a directory is open once in a process", async () => {
  const path = freshPath();
  await using store = await openAt(path);
  await expect(openAt(path)).rejects.toMatchObject({ code: "in-use" });
  await win(store, "/a", "1", 0n);
});

test("a second process is told that the directory is in use, until the first is gone, even by force", async () => {
  const path = freshPath();
  const program = `
    import { systemClock } from ${JSON.stringify(new URL("../lib/clock.ts", import.meta.url).href)};
    import { openLmdbStore } from ${JSON.stringify(new URL("./lmdb.ts", import.meta.url).href)};
    const store = await openLmdbStore({ path: ${JSON.stringify(path)}, clock: systemClock });
    await store.commit({ key: "/theirs", value: new Uint8Array(1), expected: 0n });
    console.log("open");
    setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(holder.stdout, "data");
    await expect(openAt(path)).rejects.toMatchObject({
      code: "in-use",
      message: expect.stringContaining(`process ${holder.pid}`),
    });
  } finally {
    holder.kill("SIGKILL");
    await once(holder, "exit");
  }
  await using store = await openAt(path);
  expect((await store.read(all)).entries.map(({ key }) => key)).toEqual(["/theirs"]);
});

test("data of a later version is refused, and says which", async () => {
  const path = await filled();
  writeFileSync(join(path, "format"), "navarch-store 7\n");
  await expect(openAt(path)).rejects.toMatchObject({
    code: "newer-format",
    message: expect.stringContaining("format 7"),
  });
  writeFileSync(join(path, "format"), "navarch-store 1\n");
  await (await openAt(path))[Symbol.asyncDispose]();
});

test.each([
  { name: "the data file is missing", damage: (path: string) => rmSync(join(path, "data.mdb")) },
  { name: "the data file is empty", damage: (path: string) => truncateSync(join(path, "data.mdb")) },
  { name: "the data file was cut in half", damage: (path: string) => cut(path, 0.5) },
  { name: "the data file lost its last third", damage: (path: string) => cut(path, 0.67) },
  { name: "the head was overwritten", damage: (path: string) => overwrite(path, 0, 8192) },
  { name: "the format file is not one", damage: (path: string) => writeFileSync(join(path, "format"), "what?\n") },
])("is corrupt, and says what to do, when $name", async ({ damage }) => {
  const path = await filled();
  damage(path);
  await expect(openAt(path)).rejects.toMatchObject({ code: "corrupt", message: expect.stringContaining("backup") });
  expect(await checkDataDirectory(path)).toMatchObject({ ok: false });
});

test("a start that crashed while opening has the data checked by another process before it is mapped again", async () => {
  const path = await filled();
  writeFileSync(join(path, "opening"), "1\n");
  await (await openAt(path))[Symbol.asyncDispose]();
  overwrite(path, 8192, Number.POSITIVE_INFINITY);
  writeFileSync(join(path, "opening"), "1\n");
  await expect(openAt(path)).rejects.toMatchObject({ code: "corrupt" });
});

test("an interrupted first start is no damage", async () => {
  const path = freshPath();
  await (await openAt(path))[Symbol.asyncDispose]();
  rmSync(join(path, "format"));
  await using store = await openAt(path);
  await win(store, "/a", "1", 0n);
});

test("a check finds a flipped bit in a value, and a read refuses it", async () => {
  const path = await filled();
  expect(await checkDataDirectory(path)).toMatchObject({
    ok: true,
    contents: { keys: 200, records: 200, revision: 201 },
  });
  const file = join(path, "data.mdb");
  const data = readFileSync(file);
  for (let at = data.indexOf("value 77"); at >= 0; at = data.indexOf("value 77", at + 1)) data[at] = data[at]! ^ 1;
  writeFileSync(file, data);
  const report = await checkDataDirectory(path);
  expect(report.ok).toBe(false);
  expect(report.problems.join()).toContain("damaged");
  await using store = await openAt(path);
  await expect(store.read(all)).rejects.toMatchObject({ code: "corrupt", message: expect.stringContaining("backup") });
});

test("there is nothing to check where there is no store", async () => {
  expect(await checkDataDirectory(freshPath())).toMatchObject({
    ok: false,
    problems: [expect.stringContaining("no store")],
  });
});

test("a full quota refuses values as exhausted, still deletes and reads, and compaction makes room", async () => {
  const path = freshPath();
  await using store = await openAt(path, { quota: 20_000 });
  const revisions = [];
  const value = new Uint8Array(1000);
  for (let i = 0; ; i++) {
    const result = store.commit({ key: `/k${i}`, value, expected: 0n });
    const outcome = await result.then(winner, (error: unknown) => error);
    if (typeof outcome !== "bigint") {
      expect(outcome).toMatchObject({ code: "exhausted", message: expect.stringContaining("quota") });
      break;
    }
    revisions.push(outcome);
  }
  expect(revisions.length).toBeGreaterThan(15);
  expect((await store.read(all)).entries).toHaveLength(revisions.length);
  for (let i = 0; i < 10; i++) await win(store, `/k${i}`, null, revisions[i]!);
  await expect(store.commit({ key: "/more", value, expected: 0n })).rejects.toMatchObject({ code: "exhausted" });
  await store.compact(await store.revision());
  winner(await store.commit({ key: "/more", value, expected: 0n }));
  expect((await checkDataDirectory(path)).problems).toEqual([]);
});

test("a backup taken while others write opens as a store of one moment", async () => {
  const path = freshPath();
  const copy = freshPath();
  await using store = await openAt(path);
  for (let i = 0; i < 50; i++) await win(store, `/k${i}`, "x", 0n);
  const writing = Promise.all(Array.from({ length: 200 }, (_, i) => win(store, `/later${i}`, "x", 0n)));
  await store.backup(copy);
  await writing;
  await expect(store.backup(copy)).rejects.toMatchObject({ code: "invalid" });
  expect((await checkDataDirectory(copy)).problems).toEqual([]);
  await using restored = await openAt(copy);
  const { entries, revision } = await restored.read(all);
  expect(entries.length).toBeGreaterThanOrEqual(50);
  expect(revision).toBe(BigInt(entries.length + 1));
});

test("nobody but the owner may read the data", async () => {
  const path = await filled();
  for (const file of ["data.mdb", "lock.mdb", "format"]) expect(statSync(join(path, file)).mode & 0o077).toBe(0);
  expect(statSync(path).mode & 0o077).toBe(0);
});

const isThere = () => true;
const isGone = () => false;
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

function cut(path: string, share: number): void {
  const file = join(path, "data.mdb");
  truncateSync(file, Math.floor((statSync(file).size * share) / 4096) * 4096);
}

function overwrite(path: string, from: number, to: number): void {
  const file = join(path, "data.mdb");
  const data = readFileSync(file);
  data.fill(0xa5, from, Math.min(to, data.length));
  writeFileSync(file, data);
}

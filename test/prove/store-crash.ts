import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { systemClock } from "../../src/lib/clock.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { checkDataDirectory } from "../../src/store/check.ts";
import { openLmdbStore } from "../../src/store/lmdb.ts";
import type { Change, Store } from "../../src/store/store.ts";

/**
 * Proves that the embedded store keeps its word through kill -9: writers in a child process note every write before
 * they try it and after it is acknowledged; the parent kills the child at a random moment, opens the store and holds it
 * against the notes. No acknowledged write may be lost, none invented, and the revision never goes back.
 *
 *   node test/prove/store-crash.ts --kills 10 --seed 1 --writers 16
 */
const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "10" },
    seed: { type: "string", default: "1" },
    writers: { type: "string", default: "16" },
    folder: { type: "string", default: tmpdir() },
    // The child's own options.
    child: { type: "string" },
    notes: { type: "string" },
  },
});
const writers = Number(values.writers);
const everything = { start: "/", end: "0" };

if (values.child !== undefined && values.notes !== undefined) await write(values.child, values.notes);
else await prove();

/** Writes until killed: each writer owns a few keys, and puts or deletes them one after the other. */
async function write(directory: string, notes: string): Promise<void> {
  const store = await openLmdbStore({ path: directory, clock: systemClock });
  const file = openSync(notes, "a");
  const note = (line: string) => writeSync(file, `${line}\n`);
  const random = seededRandom(Number(values.seed));
  const present = new Map((await store.read(everything)).entries.map(({ key, modified }) => [key, modified]));
  const next = new Map<string, number>();
  for (const { key, step } of readNotes(notes).tried) next.set(key, Math.max(next.get(key) ?? 0, step));
  note("ready");
  const writer = async (name: number) => {
    for (;;) {
      const key = `/w${name}/k${Math.floor(random.next() * 4)}`;
      const step = (next.get(key) ?? 0) + 1;
      next.set(key, step);
      const deletes = present.has(key) && random.next() < 0.2;
      note(`try ${key} ${step} ${deletes ? "delete" : "put"}`);
      const value = deletes ? null : Buffer.from(`${key} ${step} ${"x".repeat(random.next() * 2000)}`);
      const result = await store.commit({ key, value, expected: present.get(key) ?? 0n });
      if (!result.ok) throw new Error(`${key} lost although nobody else writes it`);
      note(`ack ${key} ${step} ${result.revision}`);
      if (deletes) present.delete(key);
      else present.set(key, result.revision);
      if (random.next() < 0.002) await store.compact((await store.revision()) - 200n).catch(() => {});
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, name) => writer(name)));
}

interface Attempt {
  readonly key: string;
  readonly step: number;
  readonly deletes: boolean;
}

interface Notes {
  readonly tried: readonly Attempt[];
  /** The revisions of acknowledged attempts, by key and step. */
  readonly acknowledged: ReadonlyMap<string, bigint>;
}

function readNotes(file: string): Notes {
  const tried: Attempt[] = [];
  const acknowledged = new Map<string, bigint>();
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const [word, key = "", step = "", rest = ""] = line.split(" ");
    if (word === "try") tried.push({ key, step: Number(step), deletes: rest === "delete" });
    if (word === "ack") acknowledged.set(`${key} ${step}`, BigInt(rest));
  }
  return { tried, acknowledged };
}

async function prove(): Promise<void> {
  const random = seededRandom(Number(values.seed));
  const folder = mkdtempSync(join(values.folder, "navarch-crash-"));
  const directory = join(folder, "data");
  const notes = join(folder, "notes");
  appendFileSync(notes, "");
  let revision = 1n;
  let writes = 0;
  try {
    for (let kill = 1; kill <= Number(values.kills); kill++) {
      const child = startWriters(directory, notes, kill);
      await untilReady(child, notes, kill);
      await systemClock.sleep(random.next() * 300);
      child.kill("SIGKILL");
      await once(child, "exit");
      const store = await openLmdbStore({ path: directory, clock: systemClock });
      try {
        const reached = await store.revision();
        if (reached < revision) throw new Error(`the revision went back from ${revision} to ${reached}`);
        revision = reached;
        writes = await verify(store, readNotes(notes));
      } finally {
        await store[Symbol.asyncDispose]();
      }
      const { problems } = await checkDataDirectory(directory);
      if (problems.length > 0) throw new Error(`the check found: ${problems.join("; ")}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`store-crash: ok, ${values.kills} kills, ${writes} acknowledged writes, revision ${revision}`);
}

function startWriters(directory: string, notes: string, seed: number): ChildProcess {
  const options = ["--child", directory, "--notes", notes, "--seed", String(seed), "--writers", String(writers)];
  return spawn(process.execPath, [fileURLToPath(import.meta.url), ...options], {
    stdio: ["ignore", "inherit", "inherit"],
  });
}

async function untilReady(child: ChildProcess, notes: string, count: number): Promise<void> {
  while (
    readFileSync(notes, "utf8")
      .split("\n")
      .filter((line) => line === "ready").length < count
  ) {
    if (child.exitCode !== null) throw new Error(`the writers ended by themselves with ${child.exitCode}`);
    await systemClock.sleep(5);
  }
}

/** Holds the store against the notes; gives the number of acknowledged writes. */
async function verify(store: Store, { tried, acknowledged }: Notes): Promise<number> {
  const attempts = new Map(tried.map((attempt) => [`${attempt.key} ${attempt.step}`, attempt]));
  const lastTried = new Map<string, number>();
  const lastAcknowledged = new Map<string, number>();
  for (const { key, step } of tried) lastTried.set(key, Math.max(step, lastTried.get(key) ?? 0));
  for (const name of acknowledged.keys()) {
    const [key = "", step] = name.split(" ");
    lastAcknowledged.set(key, Math.max(Number(step), lastAcknowledged.get(key) ?? 0));
  }

  const present = new Map((await store.read(everything)).entries.map((entry) => [entry.key, entry]));
  for (const [key, last] of lastTried) {
    const least = lastAcknowledged.get(key) ?? 0;
    const entry = present.get(key);
    const step = entry && Number(Buffer.from(entry.value).toString().split(" ")[1]);
    if (step === undefined) {
      // Absent is right when the last acknowledged or any later attempt deleted it, or none ever succeeded.
      const deleted = range(Math.max(1, least), last).some((each) => attempts.get(`${key} ${each}`)?.deletes);
      if (!deleted && least > 0) throw new Error(`${key} was acknowledged at step ${least} and is gone`);
      continue;
    }
    if (step < least || step > last) throw new Error(`${key} is at step ${step}, expected ${least} to ${last}`);
    const revision = acknowledged.get(`${key} ${step}`);
    if (revision !== undefined && revision !== entry?.modified) {
      throw new Error(`${key} step ${step} was acknowledged at ${revision} but is at ${entry?.modified}`);
    }
  }
  for (const key of present.keys()) if (!lastTried.has(key)) throw new Error(`${key} was invented`);
  await verifyHistory(store, attempts, acknowledged);
  return acknowledged.size;
}

/** What is left of history holds every acknowledged write at its revision, and nothing that nobody tried. */
async function verifyHistory(
  store: Store,
  attempts: ReadonlyMap<string, Attempt>,
  acknowledged: ReadonlyMap<string, bigint>,
): Promise<void> {
  const { start, changes } = await history(store);
  const byRevision = new Map(changes.map((change) => [change.revision, change]));
  for (const [name, revision] of acknowledged) {
    if (revision <= start) continue;
    const change = byRevision.get(revision);
    if (change?.key !== name.split(" ")[0])
      throw new Error(`${name} was acknowledged at ${revision}, history has ${change?.key}`);
  }
  for (const { key, value, revision } of changes) {
    if (value === null) continue;
    const [name, step] = Buffer.from(value).toString().split(" ");
    if (name !== key || !attempts.has(`${key} ${step}`)) throw new Error(`the change at ${revision} was invented`);
  }
}

async function history(store: Store): Promise<{ readonly start: bigint; readonly changes: readonly Change[] }> {
  const upTo = await store.revision();
  let start = 0n;
  for (;;) {
    const end = new AbortController();
    const changes: Change[] = [];
    // A new store stands at 1, and every later revision is a change that the watch will bring.
    if (upTo <= 1n || upTo === start) return { start, changes };
    try {
      const watch = store.watch(everything, start, end.signal);
      for await (const batch of watch) {
        changes.push(...batch.changes);
        if (batch.revision >= upTo) break;
      }
      return { start, changes };
    } catch (error) {
      // The fault names the watermark, where history starts.
      const watermark = /history starts at (\d+)/.exec(String(error))?.[1];
      if (watermark === undefined) throw error;
      start = BigInt(watermark);
    } finally {
      end.abort();
    }
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
}

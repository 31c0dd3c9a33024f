import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { systemClock } from "../../src/lib/clock.ts";
import { type Random, seededRandom, systemRandom } from "../../src/lib/random.ts";
import { openEtcdStore } from "../../src/store/etcd.ts";
import { startEtcd } from "../../src/store/etcd-server.ts";
import { inRange } from "../../src/store/keys.ts";
import { openLmdbStore } from "../../src/store/lmdb.ts";
import { openMemoryStore } from "../../src/store/memory.ts";
import type { Change, KeyRange, Store } from "../../src/store/store.ts";

/**
 * Proves that concurrent clients see one history: every commit and read takes effect at one moment between its call and
 * its answer, and every watch yields exactly the changes of its range, in order, also when it is broken off and resumed.
 *
 *   node test/prove/store-history.ts --seeds 10 --drivers memory,lmdb --clients 12 --steps 60
 */
const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "10" },
    drivers: { type: "string", default: "memory,lmdb" },
    clients: { type: "string", default: "12" },
    steps: { type: "string", default: "60" },
    folder: { type: "string", default: tmpdir() },
  },
});

/** An operation with the order of its call and of its answer among all calls and answers. */
interface Operation {
  readonly kind: "commit" | "lost" | "read";
  readonly key: string;
  readonly called: number;
  readonly answered: number;
  /** Of a commit its own revision, of a read its snapshot's. */
  readonly revision: bigint;
  /** What the key was seen at, 0n when absent: by a read, or by a commit that lost. */
  readonly seen: bigint;
  /** The value that was written or seen. */
  readonly value: string | null;
}

const keys = ["/a/x", "/a/y", "/b/x"];
const everything: KeyRange = { start: "/", end: "0" };

for (const driver of values.drivers.split(",")) {
  let operations = 0;
  for (let seed = 1; seed <= Number(values.seeds); seed++)
    operations += await withStore(driver, (store) => run(store, seed));
  console.log(`store-history: ok, ${driver}, ${values.seeds} seeds, ${operations} operations`);
}

async function run(store: Store, seed: number): Promise<number> {
  const random = seededRandom(seed);
  const begin = await store.revision();
  const operations: Operation[] = [];
  let tick = 0;
  const client = async (name: number) => {
    for (let step = 0; step < Number(values.steps); step++) {
      const key = keys[Math.floor(random.next() * keys.length)]!;
      operations.push(await operate(store, key, `${name}.${step}`, random, () => tick++));
      if (random.next() < 0.2) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const ranges: KeyRange[] = [everything, { start: "/a/", end: "/a0" }, { start: "/b/x", end: "/b/x " }];
  const watchers = ranges.map((range) => watchAll(store, range, begin, random));
  await Promise.all(Array.from({ length: Number(values.clients) }, (_, name) => client(name)));
  const last = await store.revision();
  const seen = await Promise.all(watchers.map((watcher) => watcher(last)));
  const history = seen[0]!;
  for (const [i, range] of ranges.entries()) verifyWatch(seen[i]!, history, range);
  verifyHistory(history, operations);
  return operations.length;
}

async function operate(
  store: Store,
  key: string,
  name: string,
  random: Random,
  tick: () => number,
): Promise<Operation> {
  const range = { start: key, end: `${key} ` };
  const called = tick();
  const snapshot = await store.read(range);
  const [entry] = snapshot.entries;
  const seen = entry?.modified ?? 0n;
  if (random.next() < 0.4) {
    const value = entry ? Buffer.from(entry.value).toString() : null;
    return { kind: "read", key, called, answered: tick(), revision: snapshot.revision, seen, value };
  }
  const value = entry && random.next() < 0.25 ? null : `${key} ${name}`;
  const commitCalled = tick();
  const result = await store.commit({ key, value: value === null ? null : Buffer.from(value), expected: seen });
  const times = { key, called: commitCalled, answered: tick() };
  if (result.ok) return { kind: "commit", ...times, revision: result.revision, seen, value };
  const { current } = result;
  const held = current ? Buffer.from(current.value).toString() : null;
  return { kind: "lost", ...times, revision: 0n, seen: current?.modified ?? 0n, value: held };
}

/** Watches a range, breaking off and resuming at random; gives all its changes up to a revision when asked. */
function watchAll(store: Store, range: KeyRange, begin: bigint, random: Random) {
  const changes: Change[] = [];
  let reached = begin;
  let end = new AbortController();
  let finishing = false;
  const watching = (async () => {
    while (!finishing) await some(1 + Math.floor(random.next() * 20));
  })();
  /** Takes so many batches, or all up to a revision. */
  async function some(batches: number, upTo?: bigint): Promise<void> {
    end = new AbortController();
    const watch = store.watch(range, reached, end.signal);
    // Progress comes once a second by itself; asking keeps the proof short.
    const asking = setInterval(() => watch.prompt(), 5);
    let taken = 0;
    try {
      for await (const batch of watch) {
        changes.push(...batch.changes);
        reached = batch.revision;
        taken++;
        if (upTo === undefined ? taken >= batches : reached >= upTo) break;
      }
    } finally {
      clearInterval(asking);
    }
  }
  return async (last: bigint): Promise<readonly Change[]> => {
    finishing = true;
    end.abort();
    await watching;
    if (reached < last) await some(0, last);
    return changes;
  };
}

function verifyWatch(seen: readonly Change[], history: readonly Change[], range: KeyRange): void {
  const expected = history.filter(({ key }) => inRange(range, key));
  must(seen.length === expected.length, `a watch yielded ${seen.length} of ${expected.length} changes`);
  for (const [i, change] of seen.entries()) {
    must(change.revision === expected[i]!.revision, `a watch yielded ${change.revision} out of order`);
  }
}

function verifyHistory(history: readonly Change[], operations: readonly Operation[]): void {
  const byRevision = new Map(history.map((change) => [change.revision, change]));
  must(byRevision.size === history.length, "two changes share a revision");
  verifyPrevious(history);
  const commits = operations.filter(({ kind }) => kind === "commit");
  must(commits.length === history.length, `${commits.length} commits won, history has ${history.length}`);
  for (const { key, revision, value, seen } of commits) {
    const change = byRevision.get(revision);
    must(change?.key === key && textOf(change) === value, `history at ${revision} is not what was committed`);
    must(stateAt(history, key, revision - 1n).modified === seen, `the commit at ${revision} did not replace ${seen}`);
  }
  for (const { kind, key, revision, seen, value } of operations) {
    if (kind === "commit") continue;
    if (seen > 0n) must(textOf(byRevision.get(seen)) === value, `the value seen at ${seen} was never written`);
    if (kind === "read") must(stateAt(history, key, revision).modified === seen, `a read at ${revision} saw ${seen}`);
  }
  verifyTime(history, operations);
}

function verifyPrevious(history: readonly Change[]): void {
  const held = new Map<string, string | null>();
  for (const { key, value, previous, revision } of history) {
    const before = previous === undefined ? null : Buffer.from(previous).toString();
    must((held.get(key) ?? null) === before, `the change at ${revision} misstates what was before`);
    held.set(key, value && Buffer.from(value).toString());
  }
}

/** Nobody sees less than what was answered before their call, nor anything that was called after their answer. */
function verifyTime(history: readonly Change[], operations: readonly Operation[]): void {
  const commits = operations.filter(({ kind }) => kind === "commit");
  const reads = operations.filter(({ kind }) => kind === "read");
  const end = (history.at(-1)?.revision ?? 0n) + 1n;
  for (const { kind, key, called, answered, revision, seen } of operations) {
    // The operation took effect at a revision from `least` on and before `most`.
    let least = 0n;
    let most = end;
    for (const commit of commits) {
      if (commit.answered < called && commit.revision > least) least = commit.revision;
      if (commit.called > answered && commit.revision < most) most = commit.revision;
    }
    for (const read of reads) if (read.answered < called && read.revision > least) least = read.revision;
    if (kind === "lost") {
      const moments = [
        least,
        ...history.map((change) => change.revision).filter((each) => each > least && each < most),
      ];
      const found = moments.some((moment) => stateAt(history, key, moment).modified === seen);
      must(found, `a commit lost against ${seen}, which ${key} was not at between ${least} and ${most}`);
    } else {
      must(revision >= least, `a ${kind} at ${revision} is older than ${least}, which was answered before`);
      must(revision < most, `a ${kind} at ${revision} is newer than ${most}, which was called later`);
    }
  }
}

function stateAt(history: readonly Change[], key: string, revision: bigint): { readonly modified: bigint } {
  const last = history.findLast((change) => change.key === key && change.revision <= revision);
  return { modified: last && last.value !== null ? last.revision : 0n };
}

function textOf(change: Change | undefined): string | null | undefined {
  return change?.value ? Buffer.from(change.value).toString() : change && null;
}

async function withStore<T>(driver: string, use: (store: Store) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(values.folder, "navarch-history-"));
  const store = await openDriver(driver, join(folder, "data"));
  try {
    return await use(store);
  } finally {
    await store[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function openDriver(driver: string, path: string): Promise<Store> {
  if (driver === "memory") return openMemoryStore({ clock: systemClock });
  if (driver === "lmdb") return openLmdbStore({ path, clock: systemClock });
  if (driver === "etcd") {
    const server = await startEtcd();
    const store = await openEtcdStore({ endpoints: server.endpoints, clock: systemClock, random: systemRandom });
    const dispose = store[Symbol.asyncDispose].bind(store);
    store[Symbol.asyncDispose] = () => dispose().finally(() => server[Symbol.asyncDispose]());
    return store;
  }
  throw new Error(`no driver ${driver}: memory, lmdb and etcd are known`);
}

function must(condition: boolean, message: string): void {
  if (!condition) throw new Error(`store-history: ${message}`);
}

import { expect, test } from "vitest";
import { systemClock } from "../lib/clock.ts";
import { openMemoryStore } from "../store/memory.ts";
import type { Store } from "../store/store.ts";
import { Compactor } from "./compaction.ts";

const everything = { start: "/", end: "0" };

async function write(store: Store, key: string): Promise<bigint> {
  const commit = await store.commit({ key, value: Buffer.from("x"), expected: 0n });
  if (!commit.ok) throw new Error(`${key} is there already`);
  return commit.revision;
}

test("history is kept for at least one interval, and then forgotten", async () => {
  await using store = openMemoryStore({ clock: systemClock });
  const compactor = new Compactor(store);
  const first = await write(store, "/a");
  await compactor.run();
  const second = await write(store, "/b");
  await expect(store.read(everything, { at: first })).resolves.toBeDefined();
  await compactor.run(); // forgets what was before the first turn's end
  await expect(store.read(everything, { at: second })).resolves.toBeDefined();
  await write(store, "/c");
  await compactor.run();
  await expect(store.read(everything, { at: first })).rejects.toMatchObject({ code: "compacted" });
  expect((await store.read(everything)).entries).toHaveLength(3);
});

test("of several servers on one store one takes the turn, and none compacts further than an interval back", async () => {
  await using store = openMemoryStore({ clock: systemClock });
  let compactions = 0;
  const counting: Store = {
    read: (...args) => store.read(...args),
    commit: (...args) => store.commit(...args),
    watch: (...args) => store.watch(...args),
    revision: () => store.revision(),
    compact: (revision) => {
      compactions += 1;
      return store.compact(revision);
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
  const servers = [new Compactor(counting), new Compactor(counting), new Compactor(counting)];
  const turn = () => Promise.all(servers.map((server) => server.run()));
  await turn();
  let latest = 0n;
  for (const key of ["/a", "/b", "/c", "/d"]) {
    latest = await write(store, key);
    await turn();
  }
  expect(compactions).toBe(4);
  await expect(store.read(everything, { at: latest })).resolves.toBeDefined();
});

test("an idle store is left alone", async () => {
  await using store = openMemoryStore({ clock: systemClock });
  const compactor = new Compactor(store);
  await write(store, "/a");
  await compactor.run();
  await compactor.run();
  const revision = await store.revision();
  for (let turn = 0; turn < 3; turn += 1) await compactor.run();
  expect(await store.revision()).toBe(revision);
});

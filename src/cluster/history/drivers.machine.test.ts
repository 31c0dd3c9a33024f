import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { systemClock as clock } from "../../lib/clock.ts";
import { systemRandom as random } from "../../lib/random.ts";
import { entriesAt, fillStore } from "../../store/copy.ts";
import { type EtcdServer, startEtcd } from "../../store/etcd-server.ts";
import { openMemoryStore } from "../../store/memory.ts";
import { openSnapshot } from "../../store/snapshot-file.ts";
import type { Store } from "../../store/store.ts";
import { type ClusterConfig, newCluster, readCluster, writeCluster } from "../config.ts";
import { checkStore } from "../store-check.ts";
import { openClusterStore } from "./cluster-store.ts";
import { restoreSnapshot, snapshotOf } from "./snapshots.ts";
import { migrateStore } from "./store-chores.ts";

/* Whatever carries a cluster's data over, from each driver to each. */

const tools = { clock, random };
const note = () => {};
let etcd: EtcdServer;
let prefixes = 0;
let folder: string;
beforeAll(async () => {
  etcd = await startEtcd();
});
afterAll(() => etcd[Symbol.asyncDispose]());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "navarch-drivers-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The flags for an empty place in etcd. */
const inEtcd = () => ({ "etcd-servers": etcd.endpoints.join(","), "etcd-prefix": `/drivers-${prefixes++}` });

const clusterOn = (driver: string, name: string): ClusterConfig => {
  const wishes = { name, dataDir: join(folder, name), runtime: "simulated" as const };
  return newCluster(driver === "etcd" ? { ...wishes, apiServerFlags: inEtcd() } : wishes, {
    NAVARCH_DATA: join(folder, "clusters"),
  });
};

/** Values of any bytes, more than one page of them. */
const values = new Map(
  Array.from({ length: 1200 }, (_, at) => [
    `/registry/configmaps/default/${String(at).padStart(4, "0")}`,
    Buffer.from([0, 255, at % 256, 10]),
  ]),
);

async function* things() {
  for (const [key, value] of values) yield { key, value };
}

async function contents(store: Store): Promise<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for await (const { key, value } of entriesAt(store, await store.revision())) found.set(key, Buffer.from(value));
  return found;
}

async function filled(driver: string, config: ClusterConfig): Promise<Store> {
  const store = driver === "memory" ? openMemoryStore({ clock }) : await openClusterStore(config, tools);
  await fillStore(store, things());
  return store;
}

const drivers = ["memory", "lmdb", "etcd"];
const pairs = drivers.flatMap((from) => drivers.map((to) => [from, to] as const));

describe("a snapshot", () => {
  test.each(pairs)("of %s fills %s", async (from, to) => {
    const file = join(folder, "any.snap");
    {
      const config = clusterOn(from, "from");
      await using store = await filled(from, config);
      await pipeline(await snapshotOf(store, { config, ...tools }), createWriteStream(file));
    }
    if (to === "memory") {
      await using store = openMemoryStore({ clock });
      await fillStore(store, (await openSnapshot(file)).entries);
      expect(await contents(store)).toEqual(values);
      return;
    }
    const config = clusterOn(to, "to");
    expect(await restoreSnapshot({ config, file, ...tools, note })).toMatchObject({ keys: values.size, leftOut: [] });
    await using store = await openClusterStore(readCluster(config.dataDir)!, tools);
    expect(await contents(store)).toEqual(values);
  });
});

test("migrate takes a cluster from its folder to etcd and back, and each place is kept as it was", async () => {
  const config = clusterOn("lmdb", "moved");
  writeCluster(config);
  await (await filled("lmdb", config))[Symbol.asyncDispose]();
  const there = inEtcd();
  const move = (to: Readonly<Record<string, string>>, dryRun = false) =>
    migrateStore(readCluster(config.dataDir)!, to, { ...tools, note, dryRun });

  expect(await move(there, true)).toMatchObject({ keys: values.size });
  expect(readCluster(config.dataDir)).toEqual(config);
  expect(await move(there)).toMatchObject({ keys: values.size, to: there["etcd-servers"] });
  const elsewhere = readCluster(config.dataDir)!;
  expect(elsewhere.apiServerFlags).toEqual(there);
  expect((await checkStore(elsewhere, tools)).text).toMatch(/^http:\S+ is sound: 1200 keys, 0\.0 MB, revision \d+$/);
  {
    await using store = await openClusterStore(elsewhere, tools);
    expect(await contents(store)).toEqual(values);
  }

  await expect(move({})).rejects.toThrow("has data already; move that folder away, or remove it");
  rmSync(join(config.dataDir, "store"), { recursive: true });
  expect(await move({}, true)).toMatchObject({ keys: values.size });
  expect(await move({})).toMatchObject({ keys: values.size });
  expect(readCluster(config.dataDir)?.apiServerFlags).toEqual({});
  await using store = await openClusterStore(readCluster(config.dataDir)!, tools);
  expect(await contents(store)).toEqual(values);
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { systemClock } from "../../src/lib/clock.ts";
import { type Random, seededRandom, systemRandom } from "../../src/lib/random.ts";
import { openEtcdStore } from "../../src/store/etcd.ts";
import { startEtcd } from "../../src/store/etcd-server.ts";
import { openLmdbStore } from "../../src/store/lmdb.ts";
import { openMemoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { type ApiObject, type LocalServer, openLocalServer } from "../api/tools/local-server.ts";
import { History } from "./api-history-truth.ts";
import { type Operation, verifyOperations, verifyWatch, type WatchedPart } from "./api-history-verify.ts";

/**
 * Proves that concurrent clients of the API see one history: every write and read of an object takes effect at one
 * moment between its call and its answer, lists show one moment, in pages too, and every watch tells all changes of its
 * selection once and in order, also when it breaks off and resumes. Meanwhile the store is compacted again and again. With
 * etcd, two API servers share one store.
 *
 *   node test/prove/api-history.ts --seeds 5 --drivers memory,lmdb,etcd --clients 10 --steps 60
 */
const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "5" },
    drivers: { type: "string", default: "memory,lmdb,etcd" },
    clients: { type: "string", default: "10" },
    steps: { type: "string", default: "60" },
    folder: { type: "string", default: tmpdir() },
  },
});

const path = "/api/v1/namespaces/default/configmaps";
const names = ["a", "b", "c"];

for (const driver of values.drivers.split(",")) {
  let operations = 0;
  let events = 0;
  for (let seed = 1; seed <= Number(values.seeds); seed++) {
    const done = await withServers(driver, (servers, store) => run(servers, store, seed));
    operations += done.operations;
    events += done.events;
  }
  console.log(`api-history: ok, ${driver}, ${values.seeds} seeds, ${operations} operations, ${events} watched events`);
}

async function run(servers: readonly LocalServer[], store: Store, seed: number) {
  const random = seededRandom(seed);
  const begin = await store.revision();
  const truth = History.follow(store, "/registry/configmaps/default/", begin);
  const operations: Operation[] = [];
  let ticks = 0;
  const tick = () => ticks++;
  const client = async (name: number) => {
    const server = servers[name % servers.length]!;
    for (let step = 0; step < Number(values.steps); step++) {
      operations.push(...(await operate(server, `${name}.${step}`, random, tick)));
      if (random.next() < 0.3) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const parts: WatchedPart[] = servers.flatMap((_, server) => [
    { server },
    { server, name: "a" },
    { server, labels: ["part", "odd"] as const },
  ]);
  const watchers = parts.map((part) => watchPart(servers[part.server]!, part, begin, random));
  const compacting = new AbortController();
  const compaction = compactAgain(store, compacting.signal);
  await Promise.all(Array.from({ length: Number(values.clients) }, (_, name) => client(name)));
  compacting.abort();
  await compaction;
  const history = await truth(await store.revision());
  const watched = await Promise.all(watchers.map((finish, at) => finish(history.selected(parts[at]!))));
  for (const [at, events] of watched.entries()) verifyWatch(history, parts[at]!, events);
  verifyOperations(history, operations);
  return { operations: operations.length, events: watched.reduce((sum, events) => sum + events.length, 0) };
}

/** Compacts to where the store stood the time before, as servers do every few minutes, only faster. */
async function compactAgain(store: Store, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const target = await store.revision();
    await systemClock.sleep(20);
    await store.compact(target);
  }
}

/** Lists page by page; undefined when the first page's moment was forgotten on the way. */
async function listInPages(server: LocalServer, tick: () => number): Promise<Operation | undefined> {
  const called = tick();
  const items = new Map<string, ApiObject>();
  for (let token = ""; ; ) {
    const query = token ? `limit=1&continue=${encodeURIComponent(token)}` : "limit=1";
    const { status, body } = await server.call("GET", `${path}?${query}`);
    if (status === 410) {
      const rest = (body as unknown as { metadata: { continue: string } }).metadata.continue;
      const { status: going } = await server.call("GET", `${path}?limit=1&continue=${encodeURIComponent(rest)}`);
      must(going === 200, `the token of a page that is gone leads to ${going}`);
      return undefined;
    }
    must(status === 200, `a page is answered with ${status}`);
    for (const item of body.items ?? []) items.set(item.metadata.name, item);
    token = body.metadata.continue ?? "";
    if (token) continue;
    return { kind: "list", called, answered: tick(), revision: BigInt(body.metadata.resourceVersion!), items };
  }
}

/** Reads an object and does something about it, or reads the collection. */
async function operate(
  server: LocalServer,
  token: string,
  random: Random,
  tick: () => number,
): Promise<readonly Operation[]> {
  const name = names[Math.floor(random.next() * names.length)]!;
  const choice = random.next();
  if (choice < 0.05) {
    const listed = await listInPages(server, tick);
    return listed ? [listed] : [];
  }
  if (choice < 0.15) {
    const called = tick();
    const { status, body } = await server.call("GET", path);
    must(status === 200, `a list is answered with ${status}`);
    const items = new Map(body.items?.map((item) => [item.metadata.name, item]));
    return [{ kind: "list", called, answered: tick(), revision: BigInt(body.metadata.resourceVersion!), items }];
  }
  const seen = await observe(server, name, tick);
  const { object } = seen;
  const version = object?.metadata.resourceVersion;
  const labels = { part: random.next() < 0.5 ? "odd" : "even" };
  const called = tick();
  const write = async (method: string, address: string, body: object, headers: Record<string, string> = {}) => {
    const answer = await server.call(method, address, body, headers);
    return { status: answer.status, made: answer.body as unknown as ApiObject };
  };
  const finish = (
    how: "create" | "update" | "patch" | "delete",
    { status, made }: { status: number; made: ApiObject },
  ): Operation => ({
    kind: "write",
    how,
    name,
    token,
    called,
    answered: tick(),
    ok: status < 300,
    status,
    ...(version ? { expected: BigInt(version) } : {}),
    ...(status < 300 && how !== "delete" ? { object: made } : {}),
  });
  if (!object) {
    return [seen, finish("create", await write("POST", path, { metadata: { name, labels }, data: { token } }))];
  }
  if (choice < 0.35) return [seen];
  if (choice < 0.6) {
    const body = { metadata: { name, labels, resourceVersion: version }, data: { ...object.data, token } };
    return [seen, finish("update", await write("PUT", `${path}/${name}`, body))];
  }
  if (choice < 0.85) {
    const member = `m${token.split(".")[0]}`;
    const type = { "content-type": "application/merge-patch+json" };
    return [seen, finish("patch", await write("PATCH", `${path}/${name}`, { data: { [member]: token, token } }, type))];
  }
  const preconditions = { preconditions: { resourceVersion: version } };
  return [seen, finish("delete", await write("DELETE", `${path}/${name}`, preconditions))];
}

async function observe(server: LocalServer, name: string, tick: () => number) {
  const called = tick();
  const { status, body } = await server.call("GET", `${path}/${name}`);
  must(status === 200 || status === 404, `a read is answered with ${status}`);
  const object = status === 200 ? (body as unknown as ApiObject) : undefined;
  return { kind: "read" as const, name, called, answered: tick(), object };
}

/** Watches a part of the collection, breaking off and resuming at random; gives all its events once there are so many. */
function watchPart(server: LocalServer, part: WatchedPart, begin: bigint, random: Random) {
  const events: { readonly type: string; readonly object: ApiObject }[] = [];
  let from = String(begin);
  let finishing: number | undefined;
  const watching = (async () => {
    while (finishing === undefined || events.length < finishing) {
      const query = new URLSearchParams({
        watch: "true",
        resourceVersion: from,
        ...(part.name ? { fieldSelector: `metadata.name=${part.name}` } : {}),
        ...(part.labels ? { labelSelector: part.labels.join("=") } : {}),
      });
      await using watch = await server.watch(`${path}?${query}`);
      const most = 1 + Math.floor(random.next() * 25);
      const deadline = systemClock.monotonic() + (finishing === undefined ? 200 : 10_000);
      const enough = () =>
        finishing === undefined ? watch.events.length >= most : events.length + watch.events.length >= finishing;
      while (!enough() && systemClock.monotonic() < deadline) await systemClock.sleep(2);
      const late = finishing !== undefined && !enough();
      events.push(...watch.events);
      from = watch.events.at(-1)?.object.metadata.resourceVersion ?? from;
      must(!late, `a watch told ${events.length} events of ${finishing}`);
    }
  })();
  return async (total: number) => {
    finishing = total;
    await watching;
    return events;
  };
}

async function withServers<T>(
  driver: string,
  use: (servers: readonly LocalServer[], store: Store) => Promise<T>,
): Promise<T> {
  await using opened = new AsyncDisposableStack();
  const stores: Store[] = [];
  if (driver === "memory") stores.push(opened.use(openMemoryStore({ clock: systemClock })));
  else if (driver === "lmdb") {
    const folder = mkdtempSync(join(values.folder, "navarch-api-history-"));
    opened.defer(() => rmSync(folder, { recursive: true, force: true }));
    stores.push(opened.use(await openLmdbStore({ path: join(folder, "data"), clock: systemClock })));
  } else if (driver === "etcd") {
    const { endpoints } = opened.use(await startEtcd());
    for (let each = 0; each < 2; each++) {
      stores.push(opened.use(await openEtcdStore({ endpoints, clock: systemClock, random: systemRandom })));
    }
  } else throw new Error(`no driver ${driver}: memory, lmdb and etcd are known`);
  const servers: LocalServer[] = [];
  for (const store of stores) servers.push(opened.use(await openLocalServer({ store, clock: systemClock })));
  return await use(servers, stores[0]!);
}

function must(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`api-history: ${message}`);
}

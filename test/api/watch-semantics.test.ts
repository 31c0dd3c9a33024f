import { describe, expect, test } from "vitest";
import { Fault } from "../../src/lib/fault.ts";
import { VirtualClock } from "../../src/lib/virtual-clock.ts";
import { openMemoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { type LocalServer, openLocalServer, type Watching } from "./tools/local-server.ts";
import { until } from "./tools/until.ts";

/** What watches tell, to the letter of the API concepts. */
const path = "/api/v1/namespaces/default/configmaps";
const pods = "/api/v1/namespaces/default/pods";

const create = (server: LocalServer, name: string, labels: Record<string, string> = {}) =>
  server.call("POST", path, { metadata: { name, labels } });
const relabel = (server: LocalServer, name: string, labels: Record<string, string | null>) =>
  server.call("PATCH", `${path}/${name}`, { metadata: { labels } }, { "content-type": "application/merge-patch+json" });
const pod = (name: string, nodeName?: string) => ({
  metadata: { name },
  spec: { ...(nodeName ? { nodeName } : {}), containers: [{ name: "c", image: "i" }] },
});

async function told(watch: Watching, count: number): Promise<readonly string[]> {
  await until(`${count} events, so far ${watch.story}`, () => watch.events.length >= count || undefined);
  return watch.story;
}

/** Lets what can happen happen, so that a watch could have told more than it should. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** The store, but the cache of config maps sees what happens only once the gate is open. */
function laggingCache(store: Store, gate: Promise<void>): Store {
  const waiting = [gate];
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      if (name !== "watch") return member.bind(target);
      return (...args: Parameters<Store["watch"]>) => {
        const watch = target.watch(...args);
        if (args[0].start !== "/registry/configmaps/") return watch;
        // Only the first of these watches waits, and fails when the gate does.
        const opened = waiting.shift();
        const batches = async function* () {
          for await (const batch of watch) {
            await opened;
            yield batch;
          }
        };
        return { reached: 0n, prompt: () => watch.prompt(), [Symbol.asyncIterator]: batches };
      };
    },
  });
}

/** The revision that a list of now has. */
async function nowOf(server: LocalServer): Promise<string> {
  return (await server.call("GET", path)).body.metadata.resourceVersion!;
}

describe("where a watch begins", () => {
  test("without a revision it begins with what exists, in order of names, then tells what happens", async () => {
    await using server = await openLocalServer();
    await create(server, "b");
    await create(server, "a");
    await using watch = await server.watch(`${path}?watch=true`);
    expect(await told(watch, 2)).toEqual(["ADDED a", "ADDED b"]);
    await create(server, "c");
    expect(await told(watch, 3)).toEqual(["ADDED a", "ADDED b", "ADDED c"]);
  });

  test("from 0 it begins with what the cache has", async () => {
    await using server = await openLocalServer();
    await create(server, "a");
    await using watch = await server.watch(`${path}?watch=true&resourceVersion=0`);
    expect(await told(watch, 1)).toEqual(["ADDED a"]);
  });

  test("from a revision it tells everything after that once, in order, and nothing of before", async () => {
    await using server = await openLocalServer();
    await create(server, "a");
    const from = await nowOf(server);
    await create(server, "b");
    await relabel(server, "a", { x: "1" });
    await server.call("DELETE", `${path}/b`);
    await using watch = await server.watch(`${path}?watch=true&resourceVersion=${from}`);
    expect(await told(watch, 3)).toEqual(["ADDED b", "MODIFIED a", "DELETED b"]);
    const revisions = watch.events.map(({ object }) => BigInt(object.metadata.resourceVersion));
    expect(revisions).toEqual(revisions.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(revisions[0]).toBeGreaterThan(BigInt(from));
  });

  test("a watch that breaks off at any event and resumes there tells the same as one that never broke", async () => {
    await using server = await openLocalServer();
    const from = await nowOf(server);
    for (let index = 0; index < 12; index++) {
      await create(server, `r${index}`);
      if (index % 3 === 0) await relabel(server, `r${index}`, { x: String(index) });
      if (index % 4 === 0) await server.call("DELETE", `${path}/r${index}`);
    }
    await using whole = await server.watch(`${path}?watch=1&resourceVersion=${from}`);
    await told(whole, 19);
    for (let cut = 0; cut < whole.events.length; cut++) {
      const at = cut === 0 ? from : whole.events[cut - 1]!.object.metadata.resourceVersion;
      await using rest = await server.watch(`${path}?watch=1&resourceVersion=${at}`);
      expect(await told(rest, whole.events.length - cut)).toEqual(whole.story.slice(cut));
      expect(rest.events).toEqual(whole.events.slice(cut));
    }
  });

  test("from the future it tells only what comes after that", async () => {
    await using server = await openLocalServer();
    const ahead = BigInt(await nowOf(server)) + 2n;
    await using watch = await server.watch(`${path}?watch=1&resourceVersion=${ahead}`);
    for (const name of ["a", "b", "c", "d"]) await create(server, name);
    expect(await told(watch, 2)).toEqual(["ADDED c", "ADDED d"]);
  });

  test("the older addresses of watches answer too", async () => {
    await using server = await openLocalServer();
    await create(server, "a");
    await create(server, "b");
    await using all = await server.watch("/api/v1/watch/namespaces/default/configmaps");
    await using one = await server.watch("/api/v1/watch/namespaces/default/configmaps/b");
    await using named = await server.watch(`${path}/b?watch=true`);
    expect(await told(all, 2)).toEqual(["ADDED a", "ADDED b"]);
    expect(await told(one, 1)).toEqual(["ADDED b"]);
    expect(await told(named, 1)).toEqual(["ADDED b"]);
  });

  test.each([
    ["resourceVersion=abc", 400],
    ["resourceVersion=5&resourceVersionMatch=Exact", 422],
    ["sendInitialEvents=true", 422],
    ["sendInitialEvents=true&resourceVersionMatch=Exact", 422],
    ["fieldSelector=data.a%3D1", 400],
    ["labelSelector=!!", 400],
    ["timeoutSeconds=soon", 400],
  ])("a watch with %s is refused with %i", async (query, status) => {
    await using server = await openLocalServer();
    const answer = await server.call("GET", `${path}?watch=1&${query}`);
    expect(answer.status).toBe(status);
  });
});

describe("initial events", () => {
  const streaming = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";

  test("a streamed list ends with a bookmark that says so", async () => {
    await using server = await openLocalServer();
    await create(server, "a");
    await create(server, "b");
    const latest = await nowOf(server);
    await using watch = await server.watch(`${path}?${streaming}&allowWatchBookmarks=true`);
    await told(watch, 3);
    await create(server, "c");
    await told(watch, 4);
    expect(watch.events.map(({ type }) => type)).toEqual(["ADDED", "ADDED", "BOOKMARK", "ADDED"]);
    const { object } = watch.events[2]!;
    expect(object.kind).toBe("ConfigMap");
    expect(object.metadata.annotations).toEqual({ "k8s.io/initial-events-end": "true" });
    expect(BigInt(object.metadata.resourceVersion)).toBeGreaterThanOrEqual(BigInt(latest));
  });

  test("an empty collection is streamed as the bookmark alone", async () => {
    await using server = await openLocalServer();
    await using watch = await server.watch(`/api/v1/secrets?${streaming}&allowWatchBookmarks=true&labelSelector=none`);
    await told(watch, 1);
    expect(watch.events.map(({ type }) => type)).toEqual(["BOOKMARK"]);
  });

  test("a streamed list waits until it is as new as was asked", async () => {
    await using server = await openLocalServer();
    const { body } = await create(server, "a");
    const revision = body.metadata.resourceVersion;
    await using watch = await server.watch(`${path}?${streaming}&allowWatchBookmarks=true&resourceVersion=${revision}`);
    await told(watch, 2);
    expect(watch.events.map(({ type }) => type)).toEqual(["ADDED", "BOOKMARK"]);
  });

  test("nobody who asks for none gets any", async () => {
    await using server = await openLocalServer();
    await create(server, "a");
    await using watch = await server.watch(
      `${path}?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=0`,
    );
    await quiet();
    await create(server, "b");
    expect(await told(watch, 1)).toEqual(["ADDED b"]);
  });
});

describe("selectors", () => {
  test("an object that comes into a selection is ADDED, one that leaves it is DELETED as it last was inside", async () => {
    await using server = await openLocalServer();
    await create(server, "a", { app: "web", step: "1" });
    await create(server, "b", { app: "db" });
    const from = await nowOf(server);
    await using watch = await server.watch(`${path}?watch=1&labelSelector=app%3Dweb&resourceVersion=${from}`);
    await relabel(server, "b", { app: "web" });
    await relabel(server, "a", { step: "2" });
    const { body: left } = await relabel(server, "a", { app: "db" });
    await relabel(server, "a", { step: "3" });
    await server.call("DELETE", `${path}/a`);
    await server.call("DELETE", `${path}/b`);
    expect(await told(watch, 4)).toEqual(["ADDED b", "MODIFIED a", "DELETED a", "DELETED b"]);
    const gone = watch.events[2]!.object;
    expect(gone.metadata.labels).toEqual({ app: "web", step: "2" });
    expect(gone.metadata.resourceVersion).toBe(left.metadata.resourceVersion);
  });

  test("a watch from the past sees the same comings and goings", async () => {
    await using server = await openLocalServer();
    const from = await nowOf(server);
    await create(server, "a", { app: "db" });
    await relabel(server, "a", { app: "web" });
    await relabel(server, "a", { app: null });
    await relabel(server, "a", { app: "web" });
    await server.call("DELETE", `${path}/a`);
    await using watch = await server.watch(`${path}?watch=1&labelSelector=app%3Dweb&resourceVersion=${from}`);
    expect(await told(watch, 4)).toEqual(["ADDED a", "DELETED a", "ADDED a", "DELETED a"]);
  });

  test("a node's watch sees a pod come when it is bound", async () => {
    await using server = await openLocalServer();
    await server.call("POST", "/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "default" } });
    await server.call("POST", pods, pod("here", "n1"));
    await using watch = await server.watch(`/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3Dn1`);
    expect(await told(watch, 1)).toEqual(["ADDED here"]);
    await server.call("POST", pods, pod("later"));
    await server.call("POST", pods, pod("there", "n2"));
    const bound = await server.call("POST", `${pods}/later/binding`, {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name: "later" },
      target: { kind: "Node", name: "n1" },
    });
    expect(bound.status).toBe(201);
    expect(await told(watch, 2)).toEqual(["ADDED here", "ADDED later"]);
    await server.call("DELETE", `${pods}/later`, { gracePeriodSeconds: 0 });
    await quiet();
    expect(watch.story.at(-1)).toBe("DELETED later");
  });

  test("one object is watched by its name, and its deletion carries the deletion's revision", async () => {
    await using server = await openLocalServer();
    await create(server, "a");
    await create(server, "b");
    const from = await nowOf(server);
    await using watch = await server.watch(`${path}?watch=1&fieldSelector=metadata.name%3Da&resourceVersion=${from}`);
    await relabel(server, "b", { x: "1" });
    const { body: changed } = await relabel(server, "a", { x: "1" });
    await server.call("DELETE", `${path}/a`);
    expect(await told(watch, 2)).toEqual(["MODIFIED a", "DELETED a"]);
    const last = watch.events[1]!.object.metadata.resourceVersion;
    expect(BigInt(last)).toBeGreaterThan(BigInt(changed.metadata.resourceVersion!));
  });

  test("a namespace's watch tells nothing of another's", async () => {
    await using server = await openLocalServer();
    await server.call("POST", "/api/v1/namespaces", { metadata: { name: "other" } });
    await using watch = await server.watch(`${path}?watch=1&resourceVersion=${await nowOf(server)}`);
    await server.call("POST", "/api/v1/namespaces/other/configmaps", { metadata: { name: "x" } });
    await create(server, "mine");
    expect(await told(watch, 1)).toEqual(["ADDED mine"]);
  });
});

describe("forms", () => {
  const tables = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };

  test("a table's columns come with its first event only", async () => {
    await using server = await openLocalServer();
    await create(server, "a");
    await create(server, "b");
    await using watch = await server.watch(`${path}?watch=1`, tables);
    await until("two tables", () => watch.events.length >= 2 || undefined);
    const seen = watch.events.map(({ object }) => object as unknown as Record<string, unknown[] | null>);
    expect(seen.map(({ columnDefinitions }) => columnDefinitions?.length ?? null)).toEqual([3, null]);
    expect(seen.map(({ rows }) => (rows as { cells: unknown[] }[]).map(({ cells }) => cells[0]))).toEqual([
      ["a"],
      ["b"],
    ]);
  });

  test("metadata alone is sent to who asks for no more", async () => {
    await using server = await openLocalServer();
    await create(server, "a");
    await using watch = await server.watch(`${path}?watch=1`, {
      accept: "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    });
    await told(watch, 1);
    expect(watch.events[0]!.object).toMatchObject({
      kind: "PartialObjectMetadata",
      apiVersion: "meta.k8s.io/v1",
      metadata: { name: "a" },
    });
    expect(watch.events[0]!.object.data).toBeUndefined();
  });
});

describe("time", () => {
  test("a watch ends after the seconds it asked for", async () => {
    await using server = await openLocalServer();
    const from = await nowOf(server);
    await using watch = await server.watch(`${path}?watch=1&timeoutSeconds=5&resourceVersion=${from}`);
    let over = false;
    void watch.ended.then(() => {
      over = true;
    });
    await quiet();
    server.clock.advance(4999);
    await quiet();
    expect(over).toBe(false);
    server.clock.advance(1);
    await watch.ended;
    expect(watch.events).toEqual([]);
  });

  test("a watch that asks for no end ends between half an hour and an hour", async () => {
    await using server = await openLocalServer();
    await using watch = await server.watch(`${path}?watch=1&resourceVersion=${await nowOf(server)}`);
    let over = false;
    void watch.ended.then(() => {
      over = true;
    });
    await quiet();
    server.clock.advance(1_799_000);
    await quiet();
    expect(over).toBe(false);
    server.clock.advance(1_801_000);
    await watch.ended;
  });

  test("bookmarks come every minute and shortly before the end, and only to who wants them", async () => {
    await using server = await openLocalServer();
    const from = await nowOf(server);
    const query = `${path}?watch=1&timeoutSeconds=150&resourceVersion=${from}`;
    await using marked = await server.watch(`${query}&allowWatchBookmarks=true`);
    await using plain = await server.watch(query);
    await quiet();
    const { body } = await server.call("POST", "/api/v1/namespaces/default/secrets", { metadata: { name: "moves" } });
    await server.clock.pass(150_000, quiet);
    await marked.ended;
    await plain.ended;
    expect(marked.events.map(({ type }) => type)).toEqual(["BOOKMARK", "BOOKMARK", "BOOKMARK"]);
    expect(plain.events).toEqual([]);
    const { object } = marked.events[2]!;
    expect(Object.keys(object.metadata)).toEqual(expect.arrayContaining(["resourceVersion"]));
    // A quiet watcher learns how far the cluster has come, so that it need not start again after a compaction.
    expect(BigInt(object.metadata.resourceVersion)).toBeGreaterThanOrEqual(BigInt(body.metadata.resourceVersion!));
  });
});

describe("history", () => {
  test("what the cache never saw is read from the store", async () => {
    const clock = new VirtualClock();
    await using store = openMemoryStore({ clock });
    let from = "";
    {
      await using first = await openLocalServer({ store, clock });
      from = await nowOf(first);
      await create(first, "a", { x: "1" });
      await relabel(first, "a", { x: "2" });
      await first.call("DELETE", `${path}/a`);
    }
    await using second = await openLocalServer({ store, clock });
    await create(second, "b");
    await using watch = await second.watch(`${path}?watch=1&resourceVersion=${from}`);
    await using selecting = await second.watch(`${path}?watch=1&resourceVersion=${from}&labelSelector=x%3D1`);
    expect(await told(watch, 4)).toEqual(["ADDED a", "MODIFIED a", "DELETED a", "ADDED b"]);
    expect(await told(selecting, 2)).toEqual(["ADDED a", "DELETED a"]);
    // Exactly as somebody saw it who was there.
    const revisions = watch.events.map(({ object }) => BigInt(object.metadata.resourceVersion));
    expect(new Set(revisions).size).toBe(4);
    expect(selecting.events[1]!.object.metadata.resourceVersion).toBe(String(revisions[1]));
    await create(second, "c");
    expect((await told(watch, 5)).at(-1)).toBe("ADDED c");
  });

  test("what history told already is not told again when the cache comes to it", async () => {
    const clock = new VirtualClock();
    await using store = openMemoryStore({ clock });
    let from = "";
    {
      await using first = await openLocalServer({ store, clock });
      from = await nowOf(first);
      await create(first, "a");
    }
    const gate = Promise.withResolvers<void>();
    await using second = await openLocalServer({ store: laggingCache(store, gate.promise), clock });
    // The cache knows the first state and lags from then on.
    await second.call("GET", `${path}?resourceVersion=0`);
    await using writer = await openLocalServer({ store, clock });
    await create(writer, "b");
    await using watch = await second.watch(`${path}?watch=1&resourceVersion=${from}`);
    expect(await told(watch, 2)).toEqual(["ADDED a", "ADDED b"]);
    gate.resolve();
    await create(writer, "c");
    await told(watch, 3);
    await quiet();
    expect(watch.story).toEqual(["ADDED a", "ADDED b", "ADDED c"]);
  });

  test("history that was compacted away is an ERROR event with 410, and the watch ends", async () => {
    const clock = new VirtualClock();
    await using store = openMemoryStore({ clock });
    let from = "";
    {
      await using first = await openLocalServer({ store, clock });
      from = await nowOf(first);
      await create(first, "a");
    }
    await store.compact(await store.revision());
    await using second = await openLocalServer({ store, clock });
    await using watch = await second.watch(`${path}?watch=1&resourceVersion=${from}`);
    await watch.ended;
    expect(watch.status).toBe(200);
    expect(watch.events.map(({ type }) => type)).toEqual(["ERROR"]);
    expect(watch.events[0]!.object).toMatchObject({ kind: "Status", code: 410, reason: "Expired" });
    expect(watch.events[0]!.object.message).toMatch(new RegExp(`^too old resource version: ${from} \\(\\d+\\)$`));
  });

  test("a cache that missed a part of history ends its watches with 410 and shows what is there", async () => {
    const clock = new VirtualClock();
    await using store = openMemoryStore({ clock });
    const gate = Promise.withResolvers<void>();
    await using server = await openLocalServer({ store: laggingCache(store, gate.promise), clock });
    await using writer = await openLocalServer({ store, clock });
    await create(writer, "a");
    const from = await nowOf(writer);
    await server.call("GET", `${path}?resourceVersion=0`);
    await using watch = await server.watch(`${path}?watch=1&resourceVersion=${from}`);
    await relabel(writer, "a", { x: "1" });
    await writer.call("DELETE", `${path}/a`);
    await create(writer, "a");
    await create(writer, "b");
    gate.reject(new Fault("compacted", "history is gone"));
    await server.clock.pass(1000, quiet);
    await watch.ended;
    expect(watch.events.map(({ type, object }) => [type, object.reason])).toEqual([["ERROR", "Expired"]]);
    const { body } = await server.call("GET", `${path}?resourceVersion=0`);
    expect(body.items?.map(({ metadata }) => metadata.name)).toEqual(["a", "b"]);
    await using again = await server.watch(`${path}?watch=1&resourceVersion=${body.metadata.resourceVersion}`);
    await create(writer, "c");
    expect(await told(again, 1)).toEqual(["ADDED c"]);
  });

  test("a watch from before the recent past, but after the compaction, tells all", async () => {
    await using server = await openLocalServer();
    await create(server, "a");
    const from = await nowOf(server);
    for (let index = 0; index < 2100; index++) {
      await server.call("PUT", `${path}/a`, { metadata: { name: "a" }, data: { at: String(index) } });
    }
    await using watch = await server.watch(`${path}?watch=1&resourceVersion=${from}`);
    await told(watch, 2100);
    expect(watch.events.map(({ object }) => object.data?.at)).toEqual(
      Array.from({ length: 2100 }, (_, index) => String(index)),
    );
  });
});

describe("many watchers", () => {
  test("a thousand watchers of one resource see the same story, and leave nothing behind", async () => {
    await using server = await openLocalServer();
    const from = await nowOf(server);
    const watches = await Promise.all(
      Array.from({ length: 1000 }, (_, index) => {
        const selector = index % 4 === 0 ? "&labelSelector=part%3Dodd" : "";
        return server.watch(`${path}?watch=1&resourceVersion=${from}${selector}`);
      }),
    );
    for (let index = 0; index < 40; index++) {
      await create(server, `w${index}`, { part: index % 2 ? "odd" : "even" });
      if (index % 5 === 0) await relabel(server, `w${index}`, { part: "odd" });
      if (index % 7 === 0) await server.call("DELETE", `${path}/w${index}`);
    }
    const whole = await told(watches[1]!, 50);
    const selected = await told(watches[0]!, 28);
    await quiet();
    for (const [index, watch] of watches.entries()) {
      expect(watch.story).toEqual(index % 4 === 0 ? selected : whole);
    }
    for (const watch of watches) await watch[Symbol.asyncDispose]();
  });

  test("a watcher that does not read is cut off, and others go on", async () => {
    await using server = await openLocalServer();
    await create(server, "busy");
    const from = await nowOf(server);
    const end = new AbortController();
    const stalled = await server.server.handle({
      method: "GET",
      path: `${path}?watch=1&resourceVersion=${from}`,
      headers: {},
      body: { kind: "none" },
      identity: { name: "admin", groups: ["system:masters"] },
      signal: end.signal,
    });
    if (stalled.body.kind !== "events") throw new Error("no watch");
    const events = stalled.body.events[Symbol.asyncIterator]();
    // Asking for the first bunch subscribes; it is never taken further.
    const first = events.next();
    await using reading = await server.watch(`${path}?watch=1&resourceVersion=${from}`);
    await quiet();
    const { store } = server;
    const key = "/registry/configmaps/default/busy";
    let { modified, value } = (await store.read({ start: key, end: `${key} ` })).entries[0]!;
    const total = 21_000;
    for (let index = 0; index < total; index++) {
      const commit = await store.commit({ key, value: Uint8Array.from(value), expected: modified });
      if (!commit.ok) throw new Error("nobody else writes");
      modified = commit.revision;
      if (index % 500 === 0) await quiet();
    }
    await told(reading, total);
    expect((await first).value.length).toBeLessThan(total);
    let rest = 0;
    for (let next = await events.next(); !next.done; next = await events.next()) rest += next.value.length;
    expect(rest).toBe(0);
  });
});

import { describe, expect, test } from "vitest";
import { Fault } from "../lib/fault.ts";
import { silentLog } from "../lib/log.ts";
import { seededRandom } from "../lib/random.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import type { KubeObject } from "../machinery/object.ts";
import { StatusError } from "../machinery/status-error.ts";
import { createInformers } from "./informer.ts";
import { ScriptedClient, thing, things, turns } from "./testing/scripted-client.ts";

function setUp(objects: readonly KubeObject[] = [], fault?: Fault, pageSize = Number.POSITIVE_INFINITY) {
  const scripted = new ScriptedClient();
  scripted.pageSize = pageSize;
  scripted.fault = fault;
  scripted.objects = objects;
  const clock = new VirtualClock();
  const informers = createInformers({ client: scripted.client, clock, random: seededRandom(1), log: silentLog });
  const informer = informers.of(things);
  const story: string[] = [];
  informer.on({
    added: ({ metadata }, initial) => story.push(`+${metadata.name}${initial ? " (initial)" : ""}`),
    updated: ({ metadata }, previous) =>
      story.push(`${metadata.name} ${previous.metadata.resourceVersion}->${metadata.resourceVersion}`),
    deleted: ({ metadata }) => story.push(`-${metadata.name}`),
  });
  return { scripted, clock, informers, informer, story };
}
const names = (objects: readonly KubeObject[]) => objects.map(({ metadata }) => metadata.name);

describe("what a copy holds", () => {
  test("is first the list, then every change after it", async () => {
    const { scripted, informer, story, informers } = setUp([thing("a", 3), thing("b", 7)]);
    expect(informer.hasSynced).toBe(false);
    await informer.synced();
    await turns();
    expect(informer.revision).toBe(10n);
    expect(scripted.lastWatch.from).toBe("10");
    scripted.lastWatch.tell("ADDED", thing("c", 11));
    scripted.lastWatch.tell("MODIFIED", thing("a", 12));
    scripted.lastWatch.tell("DELETED", thing("b", 13));
    await turns();
    expect(names(informer.list())).toEqual(["a", "c"]);
    expect(informer.get({ namespace: "default", name: "a" })?.metadata.resourceVersion).toBe("12");
    expect(informer.revision).toBe(13n);
    expect(story).toEqual(["+a (initial)", "+b (initial)", "+c", "a 3->12", "-b"]);
    await informers[Symbol.asyncDispose]();
  });

  test("is the metadata alone where that is enough, without its details, unless there is a whole copy", async () => {
    const { scripted, informers, informer } = setUp([thing("a", 3)]);
    await informer.synced();
    expect(informers.of(things, { metadataOnly: true })).toBe(informer);
    const slim = informers.of(things, { metadataOnly: true, labelSelector: "x" });
    await slim.synced();
    await turns();
    const annotations = { note: "long" };
    scripted.lastWatch.tell("ADDED", { ...thing("b", 11, { annotations, managedFields: [] }), spec: {} } as KubeObject);
    await turns();
    const b = slim.get({ namespace: "default", name: "b" });
    expect(b).toMatchObject({ apiVersion: "v1", kind: "Thing", metadata: { name: "b", uid: expect.any(String) } });
    expect(Object.keys(b ?? {}).sort()).toEqual(["apiVersion", "kind", "metadata"]);
    expect(b?.metadata).not.toHaveProperty("annotations");
    expect(b?.metadata).not.toHaveProperty("managedFields");
    await informers[Symbol.asyncDispose]();
  });

  test("is listed in parts, and counts as listed with the last of them", async () => {
    const { scripted, informer, story, informers } = setUp(
      ["a", "b", "c", "d", "e"].map((name) => thing(name, 3)),
      undefined,
      2,
    );
    await informer.synced();
    await turns();
    expect(scripted.lists.map((asked) => asked.continue)).toEqual([undefined, "2", "4"]);
    expect(story).toEqual(["a", "b", "c", "d", "e"].map((name) => `+${name} (initial)`));
    expect(scripted.lastWatch.from).toBe("10");
    await informers[Symbol.asyncDispose]();
  });

  test("is listed anew and whole when the picture of the parts is gone, and keeps nothing of it", async () => {
    const { scripted, informer, informers } = setUp([thing("a", 3), thing("b", 4), thing("c", 5)], undefined, 2);
    const following = informer.on({
      added: ({ metadata }) => {
        if (metadata.name !== "b") return;
        scripted.fault = new StatusError("Expired", "too old");
        scripted.objects = [thing("b", 20), thing("d", 21)];
        scripted.revision = 30;
      },
    });
    await informer.synced();
    await turns();
    expect(names(informer.list())).toEqual(["b", "d"]);
    expect(scripted.lists.at(-1)).not.toHaveProperty("limit");
    expect(scripted.lastWatch.from).toBe("30");
    following[Symbol.dispose]();
    await informers[Symbol.asyncDispose]();
  });

  test("a bookmark moves the revision and nothing else", async () => {
    const { scripted, informer, story, informers } = setUp();
    await informer.synced();
    await turns();
    scripted.lastWatch.tell("BOOKMARK", { metadata: { resourceVersion: "99" } });
    await turns();
    expect(informer.revision).toBe(99n);
    expect(story).toEqual([]);
    await informers[Symbol.asyncDispose]();
  });

  test("a broken watch goes on from the last change, never from an earlier one", async () => {
    const { scripted, clock, informer, story, informers } = setUp([thing("a", 3)]);
    await informer.synced();
    await turns();
    scripted.lastWatch.tell("MODIFIED", thing("a", 11));
    scripted.lastWatch.tell("MODIFIED", thing("a", 12));
    scripted.lastWatch.end(new Fault("unavailable", "broken"));
    await clock.pass(1000, turns);
    expect(scripted.watches).toHaveLength(2);
    expect(scripted.lastWatch.from).toBe("12");
    expect(scripted.lists).toHaveLength(1);
    expect(story.at(-1)).toBe("a 11->12");
    await informers[Symbol.asyncDispose]();
  });

  test("when history is gone a new list tells what was missed", async () => {
    const { scripted, clock, informer, story, informers } = setUp([thing("a", 3), thing("b", 4)]);
    await informer.synced();
    await turns();
    scripted.objects = [thing("b", 20), thing("c", 21)];
    scripted.revision = 30;
    scripted.lastWatch.end(new StatusError("Expired", "too old"));
    await clock.pass(1000, turns);
    expect(names(informer.list())).toEqual(["b", "c"]);
    expect(story.slice(2)).toEqual(["b 4->20", "+c", "-a"]);
    expect(scripted.lastWatch.from).toBe("30");
    await informers[Symbol.asyncDispose]();
  });

  test("an object made anew under the same name is told as a deletion and an addition", async () => {
    const { scripted, clock, informer, story, informers } = setUp([thing("a", 3)]);
    await informer.synced();
    await turns();
    scripted.objects = [thing("a", 20, { uid: "another" })];
    scripted.lastWatch.end(new StatusError("Expired", "too old"));
    await clock.pass(1000, turns);
    expect(story.slice(1)).toEqual(["-a", "+a"]);
    await informers[Symbol.asyncDispose]();
  });

  test("a list that fails is tried again, with growing pauses, and syncing waits for it", async () => {
    const { clock, informer, informers } = setUp([thing("a", 3)], new Fault("unavailable", "not yet"));
    await turns();
    expect(informer.hasSynced).toBe(false);
    await clock.pass(1000, turns);
    expect(informer.hasSynced).toBe(true);
    await informers[Symbol.asyncDispose]();
  });

  test("a server that ends watches at once is not asked in a tight loop", async () => {
    const { scripted, clock, informer, informers } = setUp();
    await informer.synced();
    await turns();
    for (let round = 0; round < 5; round += 1) {
      scripted.lastWatch.end();
      await turns();
    }
    expect(scripted.watches).toHaveLength(1);
    await clock.pass(300, turns);
    expect(scripted.watches).toHaveLength(2);
    await informers[Symbol.asyncDispose]();
  });
});

describe("indexes", () => {
  const owned = (name: string, revision: number, owner?: string) =>
    thing(
      name,
      revision,
      owner
        ? { ownerReferences: [{ apiVersion: "v1", kind: "Owner", name: owner, uid: owner, controller: true }] }
        : {},
    );

  test("find objects by namespace, by controller, and those without one", async () => {
    const { scripted, informer, informers } = setUp([
      owned("a", 1, "o"),
      owned("b", 2),
      thing("c", 3, { namespace: "x" }),
    ]);
    await informer.synced();
    await turns();
    expect(names(informer.list("default"))).toEqual(["a", "b"]);
    expect(names(informer.by("owner", "o"))).toEqual(["a"]);
    expect(names(informer.by("orphans", "default"))).toEqual(["b"]);
    scripted.lastWatch.tell("MODIFIED", owned("b", 11, "o"));
    scripted.lastWatch.tell("DELETED", owned("a", 12, "o"));
    await turns();
    expect(names(informer.by("owner", "o"))).toEqual(["b"]);
    expect(names(informer.by("orphans", "default"))).toEqual([]);
    await informers[Symbol.asyncDispose]();
  });

  test("can be added after syncing, and follow changes", async () => {
    const { scripted, informer, informers } = setUp([thing("a", 1, { labels: { tier: "web" } })]);
    await informer.synced();
    await turns();
    informer.index("tier", ({ metadata }) => (metadata.labels?.tier ? [metadata.labels.tier] : []));
    expect(names(informer.by("tier", "web"))).toEqual(["a"]);
    scripted.lastWatch.tell("MODIFIED", thing("a", 11, { labels: { tier: "db" } }));
    await turns();
    expect(names(informer.by("tier", "web"))).toEqual([]);
    expect(names(informer.by("tier", "db"))).toEqual(["a"]);
    expect(() => informer.by("unheard", "x")).toThrow("informer of things has no index unheard");
    await informers[Symbol.asyncDispose]();
  });
});

describe("waiting for a revision", () => {
  test("ends when the copy holds it", async () => {
    const { scripted, informer, informers } = setUp();
    await informer.synced();
    await turns();
    await informer.reached(5n, AbortSignal.any([]));
    let there = false;
    const waiting = informer.reached(12n, new AbortController().signal).then(() => {
      there = true;
    });
    scripted.lastWatch.tell("ADDED", thing("a", 11));
    await turns();
    expect(there).toBe(false);
    scripted.lastWatch.tell("ADDED", thing("b", 14));
    await waiting;
    await informers[Symbol.asyncDispose]();
  });

  test("ends with the signal's reason when it is given up", async () => {
    const { informer, informers } = setUp();
    await informer.synced();
    const giveUp = new AbortController();
    const waiting = informer.reached(99n, giveUp.signal);
    giveUp.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await informers[Symbol.asyncDispose]();
  });
});

test("a handler that throws does not keep the others from hearing", async () => {
  const { scripted, informer, story, informers } = setUp();
  informer.on({
    added: () => {
      throw new Error("bad handler");
    },
  });
  const late: string[] = [];
  informer.on({ added: ({ metadata }) => late.push(metadata.name) });
  await informer.synced();
  await turns();
  scripted.lastWatch.tell("ADDED", thing("a", 11));
  await turns();
  expect(story).toEqual(["+a"]);
  expect(late).toEqual(["a"]);
  await informers[Symbol.asyncDispose]();
});

test("a handler that comes late hears of all that is there, and nothing after it went", async () => {
  const { scripted, informer, informers } = setUp([thing("a", 1)]);
  await informer.synced();
  await turns();
  const heard: string[] = [];
  const subscription = informer.on({ added: ({ metadata }) => heard.push(metadata.name) });
  subscription[Symbol.dispose]();
  scripted.lastWatch.tell("ADDED", thing("b", 11));
  await turns();
  expect(heard).toEqual(["a"]);
  await informers[Symbol.asyncDispose]();
});

test("one kind and selection is listed once, another selection is another copy", async () => {
  const { scripted, informer, informers } = setUp([thing("a", 1)]);
  expect(informers.of(things)).toBe(informer);
  const selected = informers.of(things, { namespace: "default", fieldSelector: "spec.nodeName=n1" });
  await informers.synced();
  expect(scripted.lists.map(({ namespace, fieldSelector }) => [namespace, fieldSelector])).toEqual([
    [undefined, undefined],
    ["default", "spec.nodeName=n1"],
  ]);
  expect(selected).not.toBe(informer);
  await informers[Symbol.asyncDispose]();
});

test("closing before the first list ends the wait for it with a fault", async () => {
  const { informer, informers } = setUp([], new Fault("unavailable", "never"));
  const waiting = informer.synced();
  await turns();
  await informers[Symbol.asyncDispose]();
  await expect(waiting).rejects.toMatchObject({ code: "closed" });
});

test("the copies of a kind that goes away are closed, and made anew when it comes back", async () => {
  const { scripted, informers, informer } = setUp([thing("a", 3)]);
  await informer.synced();
  await turns();
  const before = scripted.watches.length;
  await informers.close(things);
  scripted.objects = [thing("b", 12)];
  const again = informers.of(things);
  expect(again).not.toBe(informer);
  await again.synced();
  expect([names(informer.list()), names(again.list())]).toEqual([["a"], ["b"]]);
  await turns();
  expect(scripted.watches.length).toBe(before + 1);
  await informers[Symbol.asyncDispose]();
});

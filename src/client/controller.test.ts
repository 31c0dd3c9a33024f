import { expect, test } from "vitest";
import { silentLog } from "../lib/log.ts";
import { seededRandom } from "../lib/random.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { apiVersionOf, type KubeObject, keyText } from "../machinery/object.ts";
import { type ControllerOptions, type Reconciled, runController, watching } from "./controller.ts";
import { createInformers } from "./informer.ts";
import { ScriptedClient, thing, things, turns } from "./testing/scripted-client.ts";

/** A controller over things `a` and `b`, which tells what it was asked to look at. */
async function start(
  answer: (key: string, times: number) => Reconciled = () => ({}),
  more: Partial<ControllerOptions<KubeObject>> = { owns: [things] },
) {
  const scripted = new ScriptedClient();
  scripted.objects = [thing("a", 3), thing("b", 7)];
  const clock = new VirtualClock();
  const shared = { clock, random: seededRandom(1), log: silentLog };
  const informers = createInformers({ client: scripted.client, ...shared });
  const seen: string[] = [];
  const controller = runController<KubeObject>({
    ...shared,
    informers,
    for: things,
    ...more,
    async reconcile(object, key) {
      const text = keyText(key);
      seen.push(object ? text : `${text} gone`);
      return answer(text, seen.filter((one) => one === text).length);
    },
  });
  await informers.synced();
  await turns();
  const end = async () => {
    await controller[Symbol.asyncDispose]();
    await informers[Symbol.asyncDispose]();
  };
  return { scripted, clock, seen, end };
}

test("every object is looked at once at the start, and again when it changes or goes", async () => {
  const { scripted, seen, end } = await start();
  const [a, b] = [...seen];
  expect(seen).toHaveLength(2);
  scripted.lastWatch.tell("MODIFIED", thing("a", 12));
  await turns();
  scripted.lastWatch.tell("DELETED", thing("b", 13));
  await turns();
  expect(seen.slice(2)).toEqual([a, `${b} gone`]);
  await end();
});

test("what an object owns wakes it", async () => {
  const { scripted, seen, end } = await start();
  const owned = thing("c", 12);
  const owner = { apiVersion: apiVersionOf(things), kind: things.kind, name: "a", uid: "uid-a", controller: true };
  scripted.lastWatch.tell("ADDED", { ...owned, metadata: { ...owned.metadata, ownerReferences: [owner] } });
  await turns();
  expect(seen.slice(2).sort()).toEqual([seen[0], seen[0]?.replace(/a$/, "c")].sort());
  await end();
});

test("what changes hands wakes the owner that it had too", async () => {
  const { scripted, seen, end } = await start();
  const ownedBy = (name: string, revision: number) => {
    const object = thing("c", revision);
    const owner = { apiVersion: apiVersionOf(things), kind: things.kind, name, uid: `uid-${name}`, controller: true };
    return { ...object, metadata: { ...object.metadata, ownerReferences: [owner] } };
  };
  scripted.lastWatch.tell("ADDED", ownedBy("a", 12));
  await turns();
  const before = seen.length;
  scripted.lastWatch.tell("MODIFIED", ownedBy("b", 13));
  await turns();
  expect(
    seen
      .slice(before)
      .map((key) => key.at(-1))
      .sort(),
  ).toEqual(["a", "b", "c"]);
  await end();
});

test("what is watched wakes the keys that it names, and one namespace can be enough", async () => {
  const others = { ...things, kind: "Other", plural: "others" };
  const watches = [watching(others, ({ metadata }) => [{ namespace: "default", name: `${metadata.name}-user` }])];
  const { scripted, seen, end } = await start(undefined, { watches, namespace: "default" });
  expect(scripted.watches.map(({ options }) => options.namespace)).toEqual(["default", "default"]);
  const before = seen.length;
  scripted.lastWatch.tell("ADDED", thing("z", 12));
  await turns();
  expect(seen.slice(before)).toEqual(["default/z-user gone"]);
  await end();
});

test("what failed is tried again, and what asks for it comes again", async () => {
  const { clock, seen, end } = await start((key, times) => {
    if (key.endsWith("a") && times < 3) throw new Error("not yet");
    return key.endsWith("b") && times === 1 ? { requeueAfter: 60_000 } : {};
  });
  for (let step = 0; step < 3; step++) {
    clock.advance(1000);
    await turns();
  }
  expect(seen.filter((key) => key.endsWith("a"))).toHaveLength(3);
  expect(seen.filter((key) => key.endsWith("b"))).toHaveLength(1);
  clock.advance(60_000);
  await turns();
  expect(seen.filter((key) => key.endsWith("b"))).toHaveLength(2);
  await end();
});

import { describe, expect, test } from "vitest";
import { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import { Secret } from "../../api/core/secret.ts";
import type { Client } from "../../client/client.ts";
import type { KindRef } from "../../machinery/object.ts";
import { StatusError } from "../../machinery/status-error.ts";
import { namesIn, put, remove, startCollector, thing, thingDefinition } from "./testing/family.ts";

/** Where calls go another way than straight to the cluster. */
interface Detour {
  /** Waits, or throws what the call shall fail with; asked again at each event of a watch. */
  readonly call?: (verb: "get" | "list" | "watch", kind: KindRef<unknown>) => void | Promise<void>;
  /** Kinds whose watches tell nothing. */
  readonly silent?: string;
}

const through =
  ({ call, silent }: Detour) =>
  (client: Client): Client => ({
    ...client,
    async get(kind, ...rest) {
      await call?.("get", kind);
      return client.get(kind, ...rest);
    },
    async list(kind, ...rest) {
      await call?.("list", kind);
      return client.list(kind, ...rest);
    },
    async *watch(kind, options) {
      await call?.("watch", kind);
      for await (const event of client.watch(kind, options)) {
        await call?.("watch", kind);
        if (kind.plural !== silent) yield event;
      }
    },
  });

test("custom resources own and are owned as soon as their definition is served", async () => {
  await using harness = await startCollector();
  harness.cluster.put(CustomResourceDefinition, thingDefinition("v1"));
  await harness.settle();
  const outer = put(harness.cluster, thing(), "outer");
  const inner = put(harness.cluster, thing(), "inner", [outer]);
  put(harness.cluster, Secret, "child", [inner]);
  await harness.settle();
  await remove(harness, outer, "Background");
  await harness.settle();
  expect(namesIn(harness, thing())).toEqual([]);
  expect(namesIn(harness, Secret)).toEqual([]);
});

describe.each(["customresourcedefinitions", "things", "secrets"])("when the copy of %s comes last", (late) => {
  const start = async (gone: "before the start" | "during the start") => {
    const arrival = Promise.withResolvers<void>();
    /** Owners that were asked of the server. */
    const asked: string[] = [];
    const harness = await startCollector({
      given: (cluster) => {
        cluster.put(CustomResourceDefinition, thingDefinition("v1"));
        const owner = put(cluster, thing(), "owner");
        put(cluster, Secret, "child", [owner]);
        if (gone === "before the start") cluster.remove(thing(), owner.object);
      },
      through: through({
        call: (verb, { plural }) => {
          if (verb === "get") asked.push(plural);
          return verb === "list" && plural === late ? arrival.promise : undefined;
        },
      }),
    });
    return { harness, arrive: arrival.resolve, asked };
  };

  test("what lost its owner while nobody looked goes", async () => {
    const { harness, arrive } = await start("before the start");
    await using _ = harness;
    arrive();
    await harness.pass(1000);
    expect(namesIn(harness, Secret)).toEqual([]);
  });

  test("what loses its owner between the first look and the first copy goes", async () => {
    const { harness, arrive } = await start("during the start");
    await using _ = harness;
    await harness.pass(1000);
    harness.cluster.remove(thing(), harness.cluster.get(thing(), "owner")!);
    arrive();
    await harness.pass(5000);
    expect(namesIn(harness, Secret)).toEqual([]);
  });

  test("what keeps its owner stays, and is not asked for any more once the copy is there", async () => {
    const { harness, arrive, asked } = await start("during the start");
    await using _ = harness;
    await harness.pass(1000);
    arrive();
    await harness.pass(60_000);
    const before = asked.length;
    await harness.pass(600_000);
    expect(asked.length).toBe(before);
    expect(namesIn(harness, Secret)).toEqual(["child"]);
    expect(harness.cluster.calls).toEqual([]);
  });
});

test.each([
  { answer: "a page that is no Status", error: () => new StatusError("", "404 page not found", { code: 404 }) },
  { answer: "a Status that names no object", error: () => new StatusError("NotFound", "no such resource") },
])("an owner whose kind is not served yet ($answer) is neither given up nor forgotten", async ({ error }) => {
  let served = false;
  await using harness = await startCollector({
    given: (cluster) => {
      cluster.put(CustomResourceDefinition, thingDefinition("v1"));
      const gone = put(cluster, thing(), "gone");
      put(cluster, Secret, "orphan", [gone]);
      put(cluster, Secret, "child", [put(cluster, thing(), "owner")]);
      cluster.remove(thing(), gone.object);
    },
    through: through({
      call: (_verb, { plural }) => {
        if (plural === "things" && !served) throw error();
      },
    }),
  });
  await harness.pass(300_000);
  expect(namesIn(harness, Secret)).toEqual(["orphan", "child"]);
  served = true;
  await harness.pass(61_000);
  expect(namesIn(harness, Secret)).toEqual(["child"]);
});

test("a kind whose version goes is followed in the one that is served now", async () => {
  let retired = false;
  await using harness = await startCollector({
    given: (cluster) => {
      cluster.put(CustomResourceDefinition, thingDefinition("v1beta1"));
      put(cluster, Secret, "child", [put(cluster, thing("v1beta1"), "owner")]);
    },
    through: through({
      call: (_verb, { version }) => {
        if (retired && version === "v1beta1") throw new StatusError("", "404 page not found", { code: 404 });
      },
    }),
  });
  const [definition] = harness.cluster.all(CustomResourceDefinition);
  retired = true;
  harness.cluster.change(CustomResourceDefinition, definition!, { spec: thingDefinition("v1").spec });
  await harness.settle();
  const next = put(harness.cluster, thing(), "next");
  put(harness.cluster, Secret, "grandchild", [next]);
  await harness.pass(1000);
  expect(namesIn(harness, Secret)).toEqual(["child", "grandchild"]);
  harness.cluster.remove(thing(), harness.cluster.get(thing(), "owner")!);
  await harness.pass(1000);
  expect(namesIn(harness, Secret)).toEqual(["grandchild"]);
});

test("what a kind's last objects owned goes, even if the kind's end is told before theirs", async () => {
  await using harness = await startCollector({
    given: (cluster) => {
      cluster.put(CustomResourceDefinition, thingDefinition("v1"));
      put(cluster, Secret, "child", [put(cluster, thing(), "owner")]);
    },
    through: through({ silent: "things" }),
  });
  harness.cluster.remove(thing(), harness.cluster.get(thing(), "owner")!);
  harness.cluster.remove(CustomResourceDefinition, harness.cluster.all(CustomResourceDefinition)[0]!);
  await harness.settle();
  expect(namesIn(harness, Secret)).toEqual([]);
});

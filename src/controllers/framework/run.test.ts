import { describe, expect, test } from "vitest";
import { ConfigMap } from "../../api/core/config-map.ts";
import { Pod } from "../../api/core/pod.ts";
import { Secret } from "../../api/core/secret.ts";
import { StatusError } from "../../machinery/status-error.ts";
import { defineController, defineLoop, done, watches } from "./controller.ts";
import { run } from "./testing/harness.ts";
import { turns } from "./testing/settle.ts";

const settings = (name: string) => ({ metadata: { name, namespace: "default" } });

/** A controller that makes a Secret for every ConfigMap that has none. */
const oneSecretEach = defineController({
  name: "example",
  for: ConfigMap,
  owns: [Secret],
  async reconcile(key, { cache, client }) {
    const owner = cache.get(ConfigMap, key);
    if (!owner || cache.ownedBy(Secret, owner.metadata.uid).length > 0) return done;
    const ownerReferences = [
      { apiVersion: "v1", kind: "ConfigMap", name: owner.metadata.name, uid: owner.metadata.uid, controller: true },
    ];
    await client.create(Secret, { metadata: { generateName: "s-", namespace: "default", ownerReferences } });
    return done;
  },
});

describe("a copy that lags", () => {
  test("cannot make a controller act twice: a key runs again only when its own writes are seen", async () => {
    await using harness = await run([oneSecretEach]);
    harness.cluster.put(ConfigMap, settings("a"));
    await turns(2);
    harness.cluster.hold();
    await harness.settle();
    const known = harness.cluster.get(ConfigMap, "a")!;
    for (let change = 0; change < 5; change += 1) {
      harness.cluster.change(ConfigMap, known, { data: { change: `${change}` } });
      await harness.settle();
    }
    harness.cluster.release();
    await harness.settle();
    expect(harness.cluster.all(Secret)).toHaveLength(1);
  });

  test("that never shows the write is given up on after half a minute", async () => {
    let runs = 0;
    const counting = defineController({
      name: "counting",
      for: ConfigMap,
      async reconcile(key, { cache, client, clock }) {
        runs += 1;
        const known = cache.get(ConfigMap, key);
        if (!known) return done;
        await client.update(ConfigMap, { ...known, data: { at: `${clock.now()}` } }).catch(() => {});
        return { requeueAfter: 1000 };
      },
    });
    await using harness = await run([counting]);
    harness.cluster.put(ConfigMap, settings("a"));
    await turns(2);
    harness.cluster.hold();
    await harness.pass(5000);
    const before = runs;
    await harness.pass(20_000);
    expect(runs).toBe(before);
    await harness.pass(20_000);
    expect(runs).toBeGreaterThan(before);
  });
});

describe("a reconcile", () => {
  test("that throws comes again, after a pause that grows", async () => {
    let failures = 0;
    const failing = defineController({
      name: "failing",
      for: ConfigMap,
      async reconcile(_key) {
        failures += 1;
        throw new StatusError("InternalError", "no luck");
      },
    });
    await using harness = await run([failing], { given: (cluster) => cluster.put(ConfigMap, settings("a")) });
    expect(failures).toBe(1);
    await harness.pass(5 + 10 + 20);
    expect(failures).toBe(4);
    await harness.pass(30);
    expect(failures).toBe(4);
  });

  test("runs for one key at a time, and for several keys at once", async () => {
    const running = new Set<string>();
    let together = 0;
    const slow = defineController({
      name: "slow",
      for: ConfigMap,
      async reconcile({ name }, { clock }) {
        expect(running.has(name)).toBe(false);
        running.add(name);
        together = Math.max(together, running.size);
        await clock.sleep(100);
        running.delete(name);
        return done;
      },
    });
    await using harness = await run([slow]);
    for (const name of ["a", "b", "c"]) harness.cluster.put(ConfigMap, settings(name));
    await turns(5);
    harness.cluster.change(ConfigMap, harness.cluster.get(ConfigMap, "a")!, { data: { changed: "1" } });
    await harness.pass(300);
    expect(together).toBe(3);
  });

  test("is told of what it owns, of what it watches, and of what left its owner", async () => {
    const story: string[] = [];
    const telling = defineController({
      name: "telling",
      for: ConfigMap,
      owns: [Secret],
      watches: [watches(Pod, ({ metadata }) => [{ namespace: "default", name: `for-${metadata.name}` }])],
      async reconcile({ name }) {
        story.push(name);
        return done;
      },
    });
    await using harness = await run([telling]);
    const owner = harness.cluster.put(ConfigMap, settings("owner"));
    await harness.settle();
    story.length = 0;
    const reference = { apiVersion: "v1", kind: "ConfigMap", name: "owner", uid: owner.metadata.uid, controller: true };
    const secret = harness.cluster.put(Secret, {
      metadata: { name: "s", namespace: "default", ownerReferences: [reference] },
    });
    harness.cluster.put(Pod, { metadata: { name: "p", namespace: "default" }, spec: { containers: [] } });
    await harness.settle();
    expect(story).toEqual(["owner", "for-p"]);
    harness.cluster.change(Secret, secret, { metadata: { ...secret.metadata, ownerReferences: [] } });
    await harness.settle();
    expect(story).toEqual(["owner", "for-p", "owner"]);
  });
});

test("a loop that throws is started again after a pause", async () => {
  let starts = 0;
  const loop = defineLoop({
    name: "loop",
    serviceAccount: "loop",
    eventSource: "loop",
    reads: [],
    async run({ signal, clock }) {
      starts += 1;
      if (starts < 3) throw new Error("not yet");
      await clock.sleep(1e9, signal).catch(() => {});
    },
  });
  await using harness = await run([loop]);
  expect(starts).toBe(1);
  await harness.pass(10_000);
  expect(starts).toBe(3);
});

import { describe, expect, test } from "vitest";
import { ReplicaSet } from "../../api/apps/replica-set.ts";
import { ConfigMap } from "../../api/core/config-map.ts";
import { Node } from "../../api/core/node.ts";
import { Pod } from "../../api/core/pod.ts";
import { Secret } from "../../api/core/secret.ts";
import { kinds } from "../../api/kinds.ts";
import type { KindRef, KubeObject } from "../../machinery/object.ts";
import { StatusError } from "../../machinery/status-error.ts";
import type { FakeCluster } from "../framework/testing/fake-cluster.ts";
import { isCollectable } from "./garbage-collector.ts";
import { namesIn, ownerOf, put, remove, startCollector } from "./testing/family.ts";

const start = (given?: (cluster: FakeCluster) => void) => startCollector(given ? { given } : {});

describe("background deletion", () => {
  test("takes the whole tree below an owner that is gone", async () => {
    await using harness = await start();
    const top = put(harness.cluster, ConfigMap, "top");
    const middle = put(harness.cluster, ReplicaSet, "middle", [top]);
    put(harness.cluster, Secret, "leaf-1", [middle]);
    put(harness.cluster, Secret, "leaf-2", [middle]);
    put(harness.cluster, Secret, "stranger");
    await harness.settle();
    expect(harness.cluster.calls).toEqual([]);
    await remove(harness, top, "Background");
    await harness.settle();
    expect(namesIn(harness, ReplicaSet)).toEqual([]);
    expect(namesIn(harness, Secret)).toEqual(["stranger"]);
  });

  test("finds after a start what lost its owner while nobody looked", async () => {
    await using harness = await start((cluster) => {
      const gone = put(cluster, ConfigMap, "gone");
      put(cluster, Secret, "orphan", [gone]);
      cluster.remove(gone.kind as KindRef<KubeObject>, gone.object);
    });
    expect(namesIn(harness, Secret)).toEqual([]);
  });

  test("an owner of the same name made anew is another owner", async () => {
    await using harness = await start((cluster) => {
      const first = put(cluster, ConfigMap, "owner");
      put(cluster, Secret, "child", [first]);
      cluster.remove(first.kind as KindRef<KubeObject>, first.object);
      put(cluster, ConfigMap, "owner");
    });
    expect(namesIn(harness, Secret)).toEqual([]);
  });

  test("an owner that the local copy does not have yet is asked for before anything is deleted", async () => {
    await using harness = await start();
    harness.cluster.hold();
    const owner = put(harness.cluster, ConfigMap, "new");
    harness.cluster.release();
    put(harness.cluster, Secret, "child", [owner]);
    await harness.settle();
    expect(namesIn(harness, Secret)).toEqual(["child"]);
  });

  test("one owner that is left holds the object, and the reference to the lost one is taken away", async () => {
    await using harness = await start();
    const lost = put(harness.cluster, ConfigMap, "lost");
    const kept = put(harness.cluster, ConfigMap, "kept");
    put(harness.cluster, Secret, "child", [lost, kept]);
    await remove(harness, lost, "Background");
    await harness.settle();
    expect(harness.cluster.get(Secret, "child")?.metadata.ownerReferences?.map(({ name }) => name)).toEqual(["kept"]);
  });

  test("objects that own each other go when one of them is deleted", async () => {
    await using harness = await start();
    const one = put(harness.cluster, ConfigMap, "one");
    const two = put(harness.cluster, ConfigMap, "two", [one]);
    harness.cluster.change(ConfigMap, one.object as ConfigMap, {
      metadata: { ...one.object.metadata, ownerReferences: [ownerOf(two)] },
    });
    await remove(harness, one, "Background");
    await harness.settle();
    expect(namesIn(harness, ConfigMap)).toEqual([]);
  });
});

describe("foreground deletion", () => {
  test("the owner goes last, after every dependent that blocks it", async () => {
    await using harness = await start();
    const owner = put(harness.cluster, ReplicaSet, "owner");
    const pod = put(harness.cluster, Pod, "blocker", [owner], { finalizers: ["example.com/hold"] });
    put(harness.cluster, Pod, "free", [{ ...owner, blocks: false }]);
    await remove(harness, owner, "Foreground");
    await harness.settle();
    expect(namesIn(harness, Pod)).toEqual(["blocker"]);
    expect(namesIn(harness, ReplicaSet)).toEqual(["owner"]);
    const held = harness.cluster.get(Pod, "blocker")!;
    expect(held.metadata.deletionTimestamp).toBeDefined();
    await harness.cluster.client.update(Pod, { ...held, metadata: { ...held.metadata, finalizers: [] } });
    await harness.settle();
    expect(namesIn(harness, Pod)).toEqual([]);
    expect(namesIn(harness, ReplicaSet)).toEqual([]);
    expect(pod.kind).toBe(Pod);
  });

  test("goes down the tree: a dependent with dependents waits for them in its turn", async () => {
    await using harness = await start();
    const top = put(harness.cluster, ConfigMap, "top");
    const middle = put(harness.cluster, ReplicaSet, "middle", [top]);
    put(harness.cluster, Pod, "leaf", [middle], { finalizers: ["example.com/hold"] });
    await remove(harness, top, "Foreground");
    await harness.settle();
    expect(harness.cluster.get(ReplicaSet, "middle")?.metadata.finalizers).toEqual(["foregroundDeletion"]);
    const leaf = harness.cluster.get(Pod, "leaf")!;
    await harness.cluster.client.update(Pod, { ...leaf, metadata: { ...leaf.metadata, finalizers: [] } });
    await harness.settle();
    expect([...namesIn(harness, Pod), ...namesIn(harness, ReplicaSet), ...namesIn(harness, ConfigMap)]).toEqual([]);
  });

  test("dependents that wait for each other do not wait for ever", async () => {
    await using harness = await start();
    const one = put(harness.cluster, ConfigMap, "one");
    const two = put(harness.cluster, ConfigMap, "two", [one]);
    harness.cluster.change(ConfigMap, one.object as ConfigMap, {
      metadata: { ...one.object.metadata, ownerReferences: [ownerOf(two)] },
    });
    await remove(harness, one, "Foreground");
    await harness.settle();
    await harness.pass(1000);
    expect(namesIn(harness, ConfigMap)).toEqual([]);
  });

  test("another owner that stays saves the dependent", async () => {
    await using harness = await start();
    const leaving = put(harness.cluster, ReplicaSet, "leaving");
    const staying = put(harness.cluster, ReplicaSet, "staying");
    put(harness.cluster, Pod, "child", [leaving, { ...staying, blocks: false }]);
    await remove(harness, leaving, "Foreground");
    await harness.settle();
    expect(namesIn(harness, ReplicaSet)).toEqual(["staying"]);
    expect(harness.cluster.get(Pod, "child")?.metadata.ownerReferences?.map(({ name }) => name)).toEqual(["staying"]);
  });
});

test("orphaning leaves the dependents, without the reference", async () => {
  await using harness = await start();
  const owner = put(harness.cluster, ReplicaSet, "owner");
  put(harness.cluster, Pod, "one", [owner]);
  put(harness.cluster, Pod, "two", [owner]);
  await remove(harness, owner, "Orphan");
  await harness.settle();
  expect(namesIn(harness, ReplicaSet)).toEqual([]);
  expect(harness.cluster.all(Pod).map(({ metadata }) => metadata.ownerReferences ?? [])).toEqual([[], []]);
});

describe("owners that cannot be", () => {
  test("one in another namespace does not count: the object goes, with a warning", async () => {
    await using harness = await start();
    const owner = harness.cluster.put(ConfigMap, { metadata: { name: "owner", namespace: "other" } });
    put(harness.cluster, Secret, "child", [{ kind: ConfigMap, object: owner }]);
    await harness.settle();
    expect(namesIn(harness, Secret)).toEqual([]);
    expect(harness.events()).toContain(
      `OwnerRefInvalidNamespace: ownerRef [v1/ConfigMap, namespace: default, name: owner, uid: ${owner.metadata.uid}] does not exist in namespace "default"`,
    );
  });

  test("a namespaced owner of an object without a namespace is a mistake that deletes nothing", async () => {
    await using harness = await start();
    const owner = put(harness.cluster, ConfigMap, "owner");
    put(harness.cluster, Node, "n1", [owner]);
    await remove(harness, owner, "Background");
    await harness.settle();
    expect(namesIn(harness, Node)).toEqual(["n1"]);
    expect(harness.events()[0]).toMatch(/^OwnerRefInvalidNamespace: /);
  });

  test("one of a kind that nobody serves is waited for", async () => {
    await using harness = await start();
    const unknown = { group: "example.com", version: "v1", kind: "Thing", plural: "things", namespaced: true };
    const owner = put(harness.cluster, unknown, "thing");
    put(harness.cluster, Secret, "child", [owner]);
    await harness.pass(120_000);
    expect(namesIn(harness, Secret)).toEqual(["child"]);
  });

  test("a cluster-wide owner holds objects in namespaces", async () => {
    await using harness = await start();
    const node = put(harness.cluster, Node, "n1");
    put(harness.cluster, Pod, "mirror", [node]);
    await harness.settle();
    expect(namesIn(harness, Pod)).toEqual(["mirror"]);
    await remove(harness, node, "Background");
    await harness.settle();
    expect(namesIn(harness, Pod)).toEqual([]);
  });
});

test("a deletion that is refused is tried again", async () => {
  await using harness = await start();
  let refusals = 3;
  harness.cluster.refuse = ({ verb, kind }) => {
    if (verb === "delete" && kind === "Secret" && refusals-- > 0) throw new StatusError("TooManyRequests", "not now");
  };
  const owner = put(harness.cluster, ConfigMap, "owner");
  put(harness.cluster, Secret, "child", [owner]);
  await remove(harness, owner, "Background");
  await harness.pass(1000);
  expect(namesIn(harness, Secret)).toEqual([]);
});

test("events and kinds that only come and go as bodies are not collected", () => {
  const collected = kinds.filter(isCollectable).map(({ kind }) => kind);
  expect(collected).toContain("Pod");
  expect(collected).not.toContain("Event");
  expect(collected).not.toContain("TokenReview");
});

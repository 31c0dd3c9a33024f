import { describe, expect, test } from "vitest";
import { CertificateSigningRequest } from "../api/certificates/certificate-signing-request.ts";
import { ConfigMap } from "../api/core/config-map.ts";
import { Pod } from "../api/core/pod.ts";
import { Service } from "../api/core/service.ts";
import { systemClock } from "../lib/clock.ts";
import { parseSelector } from "../machinery/labels.ts";
import { listObjects } from "./list.ts";
import { openRegistryFixture } from "./registry-fixture.ts";
import type { AnyObject } from "./resource.ts";
import { everythingIn, selectionOf } from "./selection.ts";
import { statusOnly, updateObject } from "./update.ts";
import { type WatchFrame, watchObjects } from "./watch.ts";

const map = (name: string, data: Record<string, string> = {}, labels?: Record<string, string>) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default", ...(labels ? { labels } : {}) },
  data,
});

describe("writing", () => {
  test("a created object has an identity and is found again, with the bytes that say its resourceVersion", async () => {
    await using fixture = await openRegistryFixture();
    const made = await fixture.create(ConfigMap, map("a", { x: "1" }));
    expect(made.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    const collection = fixture.registry.of(ConfigMap);
    const held = await collection.get("default", "a");
    expect(held.object).toEqual(made);
    expect(JSON.parse(Buffer.from(held.json(collection.resource.stored)).toString())).toEqual(made);
  });

  test("an object that nobody has any more is made anew from its bytes, the same as before", async () => {
    await using fixture = await openRegistryFixture();
    const labels = { app: "web" };
    const created = await fixture.create(ConfigMap, map("a", { x: "1" }, labels));
    const held = await fixture.registry.of(ConfigMap).get("default", "a");
    expect(held.object).toBe(held.object);
    const again = held.deleted(99n);
    expect(again.object).toEqual({ ...created, metadata: { ...created.metadata, resourceVersion: "99" } });
    expect([again.namespace, again.name, again.labels]).toEqual(["default", "a", labels]);
  });

  test("a second object of the same name is refused", async () => {
    await using fixture = await openRegistryFixture();
    await fixture.create(ConfigMap, map("a"));
    await expect(fixture.create(ConfigMap, map("a"))).rejects.toThrow('configmaps "a" already exists');
  });

  test("an update from an older version loses, and one that changes nothing is not written", async () => {
    await using fixture = await openRegistryFixture();
    const first = await fixture.create(ConfigMap, map("a", { x: "1" }));
    const second = await fixture.update(ConfigMap, "a", (o) => ({ ...o, data: { x: "2" } }));
    await expect(fixture.update(ConfigMap, "a", () => ({ ...first, data: { x: "3" } }))).rejects.toMatchObject({
      reason: "Conflict",
    });
    const again = await fixture.update(ConfigMap, "a", (o) => o);
    expect(again.metadata.resourceVersion).toBe(second.metadata.resourceVersion);
  });

  test("twenty writers that each add one key lose none", async () => {
    await using fixture = await openRegistryFixture();
    await fixture.create(ConfigMap, map("a"));
    const keys = Array.from({ length: 8 }, (_, n) => `k${n}`);
    await Promise.all(
      keys.map((key) =>
        fixture.update(ConfigMap, "a", (o) => ({
          ...o,
          metadata: { ...o.metadata, resourceVersion: undefined },
          data: { ...(o as { data?: object }).data, [key]: "x" },
        })),
      ),
    );
    const held = await fixture.registry.of(ConfigMap).get("default", "a");
    expect(Object.keys((held.object as unknown as { data: object }).data).sort()).toEqual(keys);
  });

  test("of two who delete the same object at once, one is told that it was gone", async () => {
    await using fixture = await openRegistryFixture();
    await fixture.create(ConfigMap, map("a"));
    const both = await Promise.allSettled([fixture.delete(ConfigMap, "a"), fixture.delete(ConfigMap, "a")]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const lost = both.find((each) => each.status === "rejected");
    expect(lost?.reason).toMatchObject({ reason: "NotFound" });
  });

  test("a finalizer keeps a deleted object until it is taken off", async () => {
    await using fixture = await openRegistryFixture();
    await fixture.create(ConfigMap, {
      ...map("a"),
      metadata: { name: "a", namespace: "default", finalizers: ["e.com/f"] },
    });
    const deletion = await fixture.delete(ConfigMap, "a");
    expect(deletion.gone).toBe(false);
    expect(deletion.object.metadata.deletionTimestamp).toBeDefined();
    await fixture.update(ConfigMap, "a", (o) => ({ ...o, metadata: { ...o.metadata, finalizers: undefined } }));
    await expect(fixture.registry.of(ConfigMap).get("default", "a")).rejects.toMatchObject({ reason: "NotFound" });
  });

  test.each([
    ["Foreground", "foregroundDeletion"],
    ["Orphan", "orphan"],
  ] as const)("deleting with %s leaves the dependents to the collector by the finalizer %s", async (policy, finalizer) => {
    await using fixture = await openRegistryFixture();
    await fixture.create(ConfigMap, map("a"));
    const { gone, object } = await fixture.delete(ConfigMap, "a", { propagationPolicy: policy });
    expect(gone).toBe(false);
    expect(object.metadata.finalizers).toEqual([finalizer]);
  });

  test("a precondition that does not hold refuses the deletion", async () => {
    await using fixture = await openRegistryFixture();
    await fixture.create(ConfigMap, map("a"));
    await expect(fixture.delete(ConfigMap, "a", { preconditions: { uid: "other" } })).rejects.toThrow(
      'Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (other) does not match',
    );
  });
});

test("a decision on a signing request gets the time that its maker left out, and keeps it", async () => {
  await using fixture = await openRegistryFixture();
  const spec = { signerName: "example.com/signer", request: "LS0t", usages: ["client auth"] };
  const metadata = { name: "a", uid: "1", creationTimestamp: "2026-01-01T00:00:00Z" };
  const collection = fixture.registry.of(CertificateSigningRequest);
  const stored = {
    kind: "CertificateSigningRequest",
    apiVersion: "certificates.k8s.io/v1",
    metadata,
    spec,
    status: {},
  };
  const value = Buffer.from(JSON.stringify(stored));
  await fixture.store.commit({ key: collection.resource.key(undefined, "a"), value, expected: 0n });
  const decide = async (reason: string) => {
    const condition = { type: "Failed", status: "True", reason };
    const { object } = await updateObject(collection, {
      namespace: undefined,
      name: "a",
      dryRun: false,
      rules: statusOnly(collection.resource),
      change: (held) => ({ ...held.object, status: { conditions: [condition] } }),
    });
    return (object as AnyObject & { status: { conditions: { lastTransitionTime: string }[] } }).status.conditions[0];
  };
  const first = await decide("ByHand");
  expect(first).toMatchObject({ lastUpdateTime: expect.stringMatching(/Z$/) });
  expect((await decide("Again"))?.lastTransitionTime).toBe(first?.lastTransitionTime);
});

test("what an earlier release wrote without today's defaults is read with them", async () => {
  await using fixture = await openRegistryFixture();
  const stored = {
    kind: "Pod",
    apiVersion: "v1",
    metadata: { name: "old", namespace: "default", uid: "1", creationTimestamp: "2016-01-01T00:00:00Z" },
    spec: { containers: [{ name: "main", image: "nginx:1" }] },
    status: {},
  };
  const { resource } = fixture.registry.of(Pod);
  await fixture.store.commit({
    key: resource.key("default", "old"),
    value: Buffer.from(JSON.stringify(stored)),
    expected: 0n,
  });
  const held = await fixture.registry.of(Pod).get("default", "old");
  const shown = JSON.parse(Buffer.from(held.json(resource.stored)).toString());
  expect(shown.spec).toMatchObject({ restartPolicy: "Always", schedulerName: "default-scheduler" });
  expect(shown.spec.containers[0].imagePullPolicy).toBe("IfNotPresent");
  expect(held.object.spec).toEqual(shown.spec);
});

describe("service addresses", () => {
  const service = (name: string, spec: object) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: {
      type: "ClusterIP",
      sessionAffinity: "None",
      ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
      ...spec,
    },
  });
  const specOf = (object: object) => (object as { spec: { clusterIP: string; ports: { nodePort?: number }[] } }).spec;

  test("a service gets an address that nobody else gets while it lives", async () => {
    await using fixture = await openRegistryFixture();
    const { clusterIP } = specOf(await fixture.create(Service, service("a", {})));
    expect(clusterIP).toMatch(/^10\.96\./);
    await expect(fixture.create(Service, service("b", { clusterIP }))).rejects.toThrow(
      "provided IP is already allocated",
    );
    await fixture.delete(Service, "a");
    expect(specOf(await fixture.create(Service, service("b", { clusterIP }))).clusterIP).toBe(clusterIP);
  });

  test("a node port is given, kept through updates, and refused to others", async () => {
    await using fixture = await openRegistryFixture();
    const made = await fixture.create(Service, service("a", { type: "NodePort" }));
    const port = specOf(made).ports[0]?.nodePort;
    expect(port).toBeGreaterThanOrEqual(30000);
    const updated = await fixture.update(Service, "a", (o) => ({
      ...service("a", { type: "NodePort", clusterIP: specOf(o).clusterIP, clusterIPs: [specOf(o).clusterIP] }),
      metadata: { ...o.metadata, labels: { l: "1" } },
    }));
    expect(specOf(updated).ports[0]?.nodePort).toBe(port);
    const second = service("b", {
      type: "NodePort",
      ports: [{ port: 80, protocol: "TCP", targetPort: 80, nodePort: port }],
    });
    await expect(fixture.create(Service, second)).rejects.toThrow("provided port is already allocated");
  });
});

describe("lists", () => {
  test("pages show the moment of the first one, whatever is written meanwhile", async () => {
    await using fixture = await openRegistryFixture();
    for (const name of ["a", "b", "c"]) await fixture.create(ConfigMap, map(name));
    const collection = fixture.registry.of(ConfigMap);
    const selection = everythingIn("default");
    const first = await listObjects(collection, fixture.store, { selection, limit: 1 });
    expect(first.items.map(({ object }) => object.metadata.name)).toEqual(["a"]);
    expect(first.remaining).toBe(2);
    await fixture.create(ConfigMap, map("bb"));
    await fixture.delete(ConfigMap, "c");
    const next = await listObjects(collection, fixture.store, { selection, limit: 10, continue: first.continue ?? "" });
    expect(next.items.map(({ object }) => object.metadata.name)).toEqual(["b", "c"]);
    expect(next.revision).toBe(first.revision);
    expect(next.continue).toBeUndefined();
  });

  test("a list just after a write shows it", async () => {
    await using fixture = await openRegistryFixture();
    const collection = fixture.registry.of(ConfigMap);
    for (let n = 0; n < 20; n += 1) {
      await fixture.create(ConfigMap, map(`m${n}`));
      const { items } = await listObjects(collection, fixture.store, { selection: everythingIn("default") });
      expect(items.length).toBe(n + 1);
    }
  });

  test("a token whose history was compacted is refused with one that goes on from now", async () => {
    await using fixture = await openRegistryFixture();
    for (const name of ["a", "b"]) await fixture.create(ConfigMap, map(name));
    const collection = fixture.registry.of(ConfigMap);
    const selection = everythingIn("default");
    const first = await listObjects(collection, fixture.store, { selection, limit: 1 });
    await fixture.create(ConfigMap, map("c"));
    await fixture.store.compact(await fixture.store.revision());
    const failed = await listObjects(collection, fixture.store, { selection, continue: first.continue ?? "" }).catch(
      (e) => e,
    );
    expect(failed).toMatchObject({ reason: "Expired", code: 410 });
    const token = failed.toStatus().metadata.continue;
    const rest = await listObjects(collection, fixture.store, { selection, continue: token });
    expect(rest.items.map(({ object }) => object.metadata.name)).toEqual(["b", "c"]);
  });
});

describe("watches", () => {
  async function follow(
    fixture: Awaited<ReturnType<typeof openRegistryFixture>>,
    options: { labels?: string; resourceVersion?: string },
    write: () => Promise<unknown>,
    count: number,
  ): Promise<string[]> {
    const collection = fixture.registry.of(ConfigMap);
    const stop = new AbortController();
    const labels = options.labels ? parseSelector(options.labels) : undefined;
    const feed = await watchObjects(collection, systemClock, {
      selection: selectionOf(collection.resource, { namespace: "default", labels }),
      served: collection.resource.stored,
      bookmarks: false,
      timeoutMs: 5000,
      signal: stop.signal,
      ...(options.resourceVersion ? { resourceVersion: options.resourceVersion } : {}),
    });
    const seen: WatchFrame[] = [];
    const reading = (async () => {
      for await (const bunch of feed) {
        seen.push(...bunch);
        if (seen.length >= count) return;
      }
    })();
    await write();
    await reading;
    stop.abort();
    return seen.map((frame) => {
      const { object } = JSON.parse(Buffer.from(frame.line()).toString());
      return `${frame.type} ${object.metadata?.name ?? object.message}`;
    });
  }

  test("more objects than may wait are still told one by one to who begins with what exists", async () => {
    await using fixture = await openRegistryFixture();
    const count = 20_500;
    const collection = fixture.registry.of(ConfigMap);
    await collection.cache.start();
    await Promise.all(Array.from({ length: count }, (_, index) => fixture.create(ConfigMap, map(`m${index}`))));
    const stop = new AbortController();
    const feed = await watchObjects(collection, systemClock, {
      selection: everythingIn("default"),
      served: collection.resource.stored,
      bookmarks: true,
      sendInitialEvents: true,
      timeoutMs: 60_000,
      signal: stop.signal,
    });
    const seen = new Set<unknown>();
    for await (const bunch of feed) {
      for (const { type, held } of bunch) if (type === "ADDED") seen.add(held?.key);
      if (bunch.some(({ type }) => type === "BOOKMARK")) break;
    }
    expect(seen.size).toBe(count);
  });

  test("entering a selector is ADDED, changing within it MODIFIED, leaving it DELETED", async () => {
    await using fixture = await openRegistryFixture();
    await fixture.create(ConfigMap, map("a", {}, { w: "no" }));
    const label = (w: string) =>
      fixture.update(ConfigMap, "a", (o) => ({ ...o, metadata: { ...o.metadata, labels: { w } } }));
    const write = async () => {
      await label("yes");
      await fixture.update(ConfigMap, "a", (o) => ({ ...o, data: { x: "1" } }));
      await label("no");
      await label("yes");
    };
    expect(await follow(fixture, { labels: "w=yes" }, write, 4)).toEqual([
      "ADDED a",
      "MODIFIED a",
      "DELETED a",
      "ADDED a",
    ]);
  });

  test("a watch from long ago reads history, then goes on with what comes", async () => {
    await using fixture = await openRegistryFixture();
    const first = await fixture.create(ConfigMap, map("m0"));
    for (let n = 1; n < 2100; n += 1) await fixture.create(ConfigMap, map(`m${n}`));
    const { resourceVersion } = first.metadata;
    const seen = await follow(fixture, { resourceVersion }, () => fixture.create(ConfigMap, map("last")), 2100);
    expect(seen.length).toBe(2100);
    expect(new Set(seen).size).toBe(2100);
    expect(seen.at(0)).toBe("ADDED m1");
    expect(seen.at(-1)).toBe("ADDED last");
  });

  test("a watch from compacted history gets an ERROR event", async () => {
    await using fixture = await openRegistryFixture();
    for (let n = 0; n < 2100; n += 1) await fixture.create(ConfigMap, map(`m${n}`));
    await fixture.store.compact(await fixture.store.revision());
    const [event] = await follow(fixture, { resourceVersion: "2" }, async () => {}, 1);
    expect(event).toMatch(/^ERROR too old resource version: 2 \(\d+\)$/);
  });
});

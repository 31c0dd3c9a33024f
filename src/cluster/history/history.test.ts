import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Deployment } from "../../api/apps/deployment.ts";
import { ConfigMap } from "../../api/core/config-map.ts";
import { Secret } from "../../api/core/secret.ts";
import { createClient } from "../../client/api-client.ts";
import { silentLog } from "../../lib/log.ts";
import { Metrics } from "../../lib/metrics.ts";
import { seededRandom } from "../../lib/random.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import type { KubeObject } from "../../machinery/object.ts";
import { openServer } from "../../server/api-server.ts";
import { openLmdbStore } from "../../store/lmdb.ts";
import { openMemoryStore } from "../../store/memory.ts";
import type { Store } from "../../store/store.ts";
import { type ClusterConfig, newCluster, readCluster, storeFolder, writeCluster } from "../config.ts";
import { openEncryption } from "../encryption.ts";
import { inProcessTransport } from "../in-process-transport.ts";
import { findResource, servedResources } from "../served-resources.ts";
import { whatDiffers } from "./difference.ts";
import { fieldChanges } from "./field-changes.ts";
import { HistoryPaths } from "./history-paths.ts";
import { findMoment, historyOf, keptMoments } from "./object-history.ts";
import { restoreSnapshot, saveSnapshot, summarizeSnapshot } from "./snapshots.ts";
import { compactStore } from "./store-chores.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "navarch-history-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const random = seededRandom(1);
const admin = { name: "admin", groups: ["system:masters"] };

const clusterNamed = (name: string) =>
  newCluster({ name, dataDir: join(folder, name), runtime: "simulated" }, { NAVARCH_DATA: folder });

/** An API server with its history's paths, over a memory store unless another is given. */
async function openHistory(config: ClusterConfig, clock: VirtualClock, given?: Store) {
  await using opened = new AsyncDisposableStack();
  const files = given ?? opened.use(openMemoryStore({ clock }));
  const store = opened.use(
    openEncryption({ config, store: files, clock, random, log: silentLog, metrics: new Metrics() }),
  );
  const { paths } = opened.use(new HistoryPaths({ config, store: files, clock, random, log: silentLog }));
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const server = opened.use(
    await openServer({
      store,
      clock,
      random,
      log: silentLog,
      metrics: new Metrics(),
      paths,
      serviceAccounts: {
        issuer: "https://kubernetes.default.svc",
        privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      },
    }),
  );
  const transport = inProcessTransport(server, admin);
  /** A second in which somebody may write down the time. */
  const second = () => clock.pass(1000, () => new Promise<void>((resolve) => setTimeout(resolve, 5)));
  const running = opened.move();
  return {
    transport,
    client: createClient(transport, { fieldManager: "tester" }),
    second,
    /** Lets time pass until a promise is settled. */
    async meanwhile<T>(promise: Promise<T>): Promise<T> {
      let settled = false;
      const end = () => {
        settled = true;
      };
      promise.then(end, end);
      while (!settled) await second();
      return promise;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

const configMap = (name: string, data: Record<string, string>) => ({ metadata: { name, namespace: "default" }, data });

describe("history", () => {
  it("finds the revision of a time, and says when that is forgotten or to come", async () => {
    const clock = new VirtualClock();
    await using cluster = await openHistory(clusterNamed("a"), clock);
    const { client, transport, second } = cluster;
    await second();
    const made = await client.create(ConfigMap, configMap("one", { a: "1" }));
    await second();
    const between = new Date(clock.now()).toISOString();
    await second();
    await client.update(ConfigMap, { ...made, data: { a: "2" } });
    await second();
    const moment = await findMoment(transport, between, clock.now());
    const config = findResource(await servedResources(transport), "configmaps")!;
    const path = `/api/v1/namespaces/default/configmaps?resourceVersion=${moment.revision}&resourceVersionMatch=Exact`;
    const then = (await (await transport.send({ method: "GET", path })).value()) as { items: { data: unknown }[] };
    expect(then.items.map(({ data }) => data)).toEqual([{ a: "1" }]);
    expect(await findMoment(transport, "2s", clock.now())).toEqual(moment);
    await expect(findMoment(transport, "2100-01-01T00:00:00Z", clock.now())).rejects.toThrow("is in the future");
    await expect(findMoment(transport, "soon", clock.now())).rejects.toThrow('"soon" is neither a revision nor a time');
    await expect(findMoment(transport, "99999999", clock.now())).rejects.toThrow("in the future; the latest is");

    const question = { namespace: "default", name: undefined, before: moment.revision, after: undefined };
    expect(await whatDiffers(transport, config, question)).toEqual([
      {
        kind: "ConfigMap",
        namespace: "default",
        name: "one",
        what: "changed",
        changes: [{ path: "data.a", before: "1", after: "2" }],
      },
    ]);
    await compactStore(clusterNamed("a"), transport, { clock, random });
    await expect(findMoment(transport, between, clock.now())).rejects.toThrow("is forgotten");
    expect((await keptMoments(transport)).length).toBeGreaterThan(0);
  });

  it("tells what became of an object, who did it, and what changed", async () => {
    const clock = new VirtualClock();
    await using cluster = await openHistory(clusterNamed("a"), clock);
    const { client, transport, second } = cluster;
    await second();
    const labels = { app: "web" };
    const containers = [{ name: "web", image: "web:1" }];
    const made = await client.create(Deployment, {
      metadata: { name: "web", namespace: "default" },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
    });
    await second();
    const patch = { type: "merge", body: { spec: { replicas: 3 } } } as const;
    await client.patch(Deployment, { name: "web", namespace: "default" }, patch, { fieldManager: "kubectl-scale" });
    await second();
    const path = "/apis/apps/v1/namespaces/default/deployments";
    const steps = await historyOf(transport, path, "web");
    expect(steps.map(({ event, by }) => [event, ...by])).toEqual([
      ["created", "tester"],
      ["changed", "kubectl-scale"],
    ]);
    expect(steps[0]?.revision).toBe(made.metadata.resourceVersion);
    expect(steps[1]?.changes).toEqual([{ path: "spec.replicas", before: 1, after: 3 }]);
    expect(Date.parse(steps[1]!.time!) - Date.parse(steps[0]!.time!)).toBe(1000);
    expect(await cluster.meanwhile(historyOf(transport, path, "another"))).toEqual([]);
  });

  it("tells of an object that is gone, and never what is in a Secret", async () => {
    const clock = new VirtualClock();
    await using cluster = await openHistory(clusterNamed("a"), clock);
    const { client, transport } = cluster;
    const key = { name: "s", namespace: "default" };
    const made = await client.create(Secret, { metadata: key, stringData: { password: "tulips" } });
    await client.update(Secret, { ...made, data: { password: Buffer.from("roses").toString("base64") } });
    await client.delete(Secret, key);
    const steps = await cluster.meanwhile(historyOf(transport, "/api/v1/namespaces/default/secrets", "s"));
    expect(steps.map(({ event }) => event)).toEqual(["created", "changed", "deleted"]);
    expect(steps[1]?.changes).toEqual([{ path: "data.password", before: "(hidden)", after: "(hidden)" }]);
  });
});

it("items of lists are compared by name or type, wherever they stand", () => {
  const state = (conditions: readonly object[]) =>
    ({ apiVersion: "v1", kind: "Pod", metadata: { name: "a" }, status: { conditions } }) as unknown as KubeObject;
  const ready = (status: string) => ({ type: "Ready", status });
  const before = state([{ type: "Initialized", status: "True" }, ready("False")]);
  const after = state([ready("True"), { type: "Initialized", status: "True" }, { type: "x/y", status: "True" }]);
  expect(fieldChanges(before, after)).toEqual([
    { path: "status.conditions[type=Ready].status", before: "False", after: "True" },
    { path: "status.conditions[type=x/y]", after: { type: "x/y", status: "True" } },
  ]);
});

describe("a snapshot", () => {
  const objects = async (config: ClusterConfig, clock: VirtualClock) => {
    await using files = await openLmdbStore({ path: storeFolder(config), clock, durability: "relaxed" });
    await using cluster = await openHistory(config, clock, files);
    const list = async (kind: typeof ConfigMap | typeof Secret) =>
      (await cluster.client.list(kind, { namespace: "default" })).items.map((item) => [item.metadata.name, item.data]);
    return { configMaps: await list(ConfigMap), secrets: await list(Secret) };
  };
  const filled = async (clock: VirtualClock, file: string, passphrase?: string) => {
    const config = clusterNamed("from");
    writeCluster(config);
    await using files = await openLmdbStore({ path: storeFolder(config), clock, durability: "relaxed" });
    await using cluster = await openHistory(config, clock, files);
    await cluster.client.create(ConfigMap, configMap("one", { a: "1" }));
    await cluster.client.create(Secret, { metadata: { name: "s", namespace: "default" }, stringData: { p: "tulips" } });
    const { transport } = cluster;
    return await saveSnapshot({ config, file, transport, clock, random, ...(passphrase ? { passphrase } : {}) });
  };

  it("of a running cluster makes another one; what it has no key for is left out and named", async () => {
    const clock = new VirtualClock();
    const file = join(folder, "snap");
    const saved = await filled(clock, file);
    expect(await summarizeSnapshot(file)).toMatchObject({ name: "from", keys: saved.keys, carriesKeys: false });
    rmSync(join(folder, "from"), { recursive: true });
    const config = clusterNamed("to");
    const restored = await restoreSnapshot({ config, file, clock, random, note: () => {} });
    expect(restored.leftOut).toEqual(["/registry/secrets/default/s"]);
    const { configMaps, secrets } = await objects(readCluster(config.dataDir)!, clock);
    expect(configMaps).toEqual([["one", { a: "1" }]]);
    expect(secrets).toEqual([]);
    await expect(restoreSnapshot({ config, file, clock, random, note: () => {} })).rejects.toMatchObject({
      code: "in-use",
    });
  });

  it("with a passphrase brings the keys too, and holds nothing of them in clear", async () => {
    const clock = new VirtualClock();
    const file = join(folder, "snap");
    mkdirSync(join(folder, "from", "pki"), { recursive: true });
    writeFileSync(join(folder, "from", "pki", "ca.key"), "KEY OF THE AUTHORITY");
    await filled(clock, file, "correct horse");
    rmSync(join(folder, "from"), { recursive: true });
    const config = clusterNamed("to");
    const restoring = (passphrase: string) =>
      restoreSnapshot({ config, file, clock, random, note: () => {}, passphrase });
    await expect(restoring("wrong horse")).rejects.toThrow("the passphrase does not open the snapshot's keys");
    expect((await restoring("correct horse")).leftOut).toEqual([]);
    expect(readFileSync(join(config.dataDir, "pki", "ca.key"), "utf8")).toBe("KEY OF THE AUTHORITY");
    const { secrets } = await objects(readCluster(config.dataDir)!, clock);
    expect(secrets).toEqual([["s", { p: Buffer.from("tulips").toString("base64") }]]);
  });

  it("is not restored beside a cluster that hands out the same addresses", async () => {
    const clock = new VirtualClock();
    const file = join(folder, "snap");
    await filled(clock, file);
    const restoring = restoreSnapshot({ config: clusterNamed("to"), file, clock, random, note: () => {} });
    await expect(restoring).rejects.toThrow("cluster from hands out the same addresses");
  });
});

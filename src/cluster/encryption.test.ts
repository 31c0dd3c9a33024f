import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { Metrics } from "../lib/metrics.ts";
import { systemRandom } from "../lib/random.ts";
import { openServerFixture } from "../server/server-fixture.ts";
import { openLmdbStore } from "../store/lmdb.ts";
import type { Store } from "../store/store.ts";
import { type ClusterConfig, planCluster } from "./config.ts";
import { encryptionFile, openEncryption } from "./encryption.ts";

let folder: string;
let config: ClusterConfig;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "navarch-at-rest-"));
  config = planCluster({ name: "at-rest", dataDir: join(folder, "data") }, { NAVARCH_DATA: join(folder, "clusters") });
});
afterEach(() => rmSync(folder, { recursive: true }));

const parts = { clock: systemClock, random: systemRandom, log: silentLog, metrics: new Metrics() };
const path = "/api/v1/namespaces/default/secrets";
const secret = (name: string) => ({ metadata: { name }, stringData: { password: `hunter2-${name}` } });
const inClear = (name: string) => Buffer.from(`hunter2-${name}`).toString("base64");

async function withApi<T>(store: Store, work: (fixture: Awaited<ReturnType<typeof openServerFixture>>) => Promise<T>) {
  await using fixture = await openServerFixture({ store });
  return await work(fixture);
}

function onDisk(): Buffer {
  const files = readdirSync(join(folder, "store"), { recursive: true, withFileTypes: true });
  return Buffer.concat(
    files.filter((file) => file.isFile()).map((file) => readFileSync(join(file.parentPath, file.name))),
  );
}

test("no Secret reaches the disk in clear, and the key is its owner's alone", async () => {
  {
    await using lmdb = await openLmdbStore({ path: join(folder, "store"), clock: systemClock });
    await using store = openEncryption({ ...parts, config, store: lmdb });
    await withApi(store, async ({ call }) => {
      expect((await call("POST", path, { body: secret("a") })).status).toBe(201);
      expect((await call("GET", `${path}/a`)).body.data?.password).toBe(inClear("a"));
    });
  }
  expect(statSync(encryptionFile(config)).mode & 0o777).toBe(0o600);
  const disk = onDisk();
  expect(disk.includes("k8s:enc:aesgcm:v1:key1:")).toBe(true);
  for (const text of ["hunter2-a", inClear("a")]) expect(disk.includes(text)).toBe(false);
});

test("Secrets of before are read, written anew, and read again by the next start", async () => {
  await using lmdb = await openLmdbStore({ path: join(folder, "store"), clock: systemClock });
  await withApi(lmdb, async ({ make }) => make([path, secret("old")]));
  const kept = async () => {
    const { entries } = await lmdb.read({ start: "/registry/secrets/", end: "/registry/secrets0" });
    return entries.map(({ value }) => Buffer.from(value).toString("latin1").slice(0, 23));
  };
  expect(await kept()).toEqual([expect.stringMatching(/^\{/)]);
  {
    await using _store = openEncryption({ ...parts, config, store: lmdb });
  }
  expect(await kept()).toEqual(["k8s:enc:aesgcm:v1:key1:"]);
  await using store = openEncryption({ ...parts, config, store: lmdb });
  const { entries } = await store.read({ start: "/registry/secrets/", end: "/registry/secrets0" });
  expect(Buffer.from(entries[0]?.value ?? []).toString()).toContain(inClear("old"));
});

test("after a rotation, writing the same again is a write", async () => {
  await using lmdb = await openLmdbStore({ path: join(folder, "store"), clock: systemClock });
  const provider = (name: string) =>
    `{aesgcm: {keys: [{name: ${name}, secret: ${Buffer.alloc(32, name).toString("base64")}}]}}`;
  const file = join(folder, "encryption.yaml");
  const use = (...names: string[]) =>
    writeFileSync(
      file,
      `apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources: [{resources: [secrets], providers: [${names.map(provider).join(", ")}]}]`,
    );
  const given = { ...config, apiServerFlags: { "encryption-provider-config": file } };
  use("one");
  await using store = openEncryption({ ...parts, config: given, store: lmdb });
  await withApi(store, async ({ call }) => {
    const made = (await call("POST", path, { body: secret("a") })).body;
    const again = async () => (await call("PUT", `${path}/a`, { body: made })).body.metadata?.resourceVersion;
    expect(await again()).toBe(made.metadata?.resourceVersion);
    use("two", "one");
    const { readEncryptionConfiguration } = await import("../registry/encryption/configuration.ts");
    const { isEncrypted } = await import("../registry/encryption/encrypted-store.ts");
    if (isEncrypted(store)) store.use(readEncryptionConfiguration(readFileSync(file, "utf8")));
    expect(await again()).not.toBe(made.metadata?.resourceVersion);
    expect(onDisk().includes("k8s:enc:aesgcm:v1:two:")).toBe(true);
  });
});

test("a configuration that makes no sense is refused by its name, without its keys", () => {
  const file = join(folder, "wrong.yaml");
  writeFileSync(
    file,
    "apiVersion: v1\nkind: EncryptionConfiguration\nresources: [{resources: [secrets], providers: [{secretbox: {keys: [{name: k, secret: dG9wLXNlY3JldA==}]}}]}]",
  );
  const given = { ...config, apiServerFlags: { "encryption-provider-config": file } };
  const open = () => openEncryption({ ...parts, config: given, store: {} as Store });
  expect(open).toThrow(`${file}: resources[0].providers[0].secretbox.keys[0].secret: 10 bytes`);
  expect(open).not.toThrow("dG9w");
});

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../lib/clock.ts";
import { type Log, silentLog } from "../../lib/log.ts";
import { systemRandom } from "../../lib/random.ts";
import { storeContract } from "../../store/contract.ts";
import { keyRange } from "../../store/keys.ts";
import { openLmdbStore } from "../../store/lmdb.ts";
import { openMemoryStore } from "../../store/memory.ts";
import type { Store } from "../../store/store.ts";
import { readEncryptionConfiguration } from "./configuration.ts";
import { type EncryptionRule, encryptedStore } from "./encrypted-store.ts";
import { aescbc, aesgcm, identity, secretbox, type Transformer } from "./transformers.ts";

const keyOf = (name: string, fill: number) => ({ name, secret: new Uint8Array(32).fill(fill) });
const rule = (...transformers: readonly Transformer[]): EncryptionRule => ({
  covers: () => true,
  ranges: [{ start: "/", end: "0" }],
  transformers,
});
const text = (bytes: Uint8Array | undefined | null) => (bytes ? Buffer.from(bytes).toString() : undefined);
const bytes = (value: string) => Uint8Array.from(Buffer.from(value));
const wrap = (store: Store, rules: readonly EncryptionRule[], log: Log = silentLog) =>
  encryptedStore({ store, rules, random: systemRandom, log });

storeContract("an encrypted memory store", async (clock) => {
  const inner = openMemoryStore({ clock });
  const outer = wrap(inner, [rule(aesgcm(keyOf("key1", 1)))]);
  return Object.assign(outer, { [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose]() });
});

describe("an encrypted store", () => {
  const key = "/registry/secrets/default/a";
  const valueIn = async (store: Store) => (await store.read(keyRange(key))).entries[0]?.value;

  test.each([
    { name: "aesgcm", make: aesgcm, prefix: "k8s:enc:aesgcm:v1:key1:" },
    { name: "aescbc", make: aescbc, prefix: "k8s:enc:aescbc:v1:key1:" },
    { name: "secretbox", make: secretbox, prefix: "k8s:enc:secretbox:v1:key1:" },
  ])("$name keeps the text out of the store and gives it back", async ({ make, prefix }) => {
    await using inner = openMemoryStore({ clock: systemClock });
    const store = wrap(inner, [rule(make(keyOf("key1", 1)))]);
    await store.commit({ key, value: bytes('{"password":"hunter2"}'), expected: 0n });
    expect(text(await valueIn(inner))).toContain(prefix);
    expect(text(await valueIn(inner))).not.toContain("hunter2");
    expect(text(await valueIn(wrap(inner, [rule(make(keyOf("key1", 1)))])))).toBe('{"password":"hunter2"}');
  });

  test("a value moved to another key is refused", async () => {
    const gcm = aesgcm(keyOf("key1", 1));
    const sealed = gcm.seal(bytes("{}"), "/registry/secrets/a/x", systemRandom);
    expect(() => gcm.open(sealed, "/registry/secrets/b/x")).toThrow("cannot open /registry/secrets/b/x");
  });

  test("what was clear before is read, is stale, and is written anew", async () => {
    await using inner = openMemoryStore({ clock: systemClock });
    await inner.commit({ key, value: bytes('{"clear":1}'), expected: 0n });
    const store = wrap(inner, [rule(aesgcm(keyOf("key1", 1)), identity)]);
    expect(text(await valueIn(store))).toBe('{"clear":1}');
    expect(await store.isStale(key)).toBe(true);
    expect(await store.rewriteStale()).toBe(1);
    expect(await store.isStale(key)).toBe(false);
    expect(text(await valueIn(inner))).not.toContain("clear");
    expect(text(await valueIn(store))).toBe('{"clear":1}');
    expect(await store.rewriteStale()).toBe(0);
  });

  test("after a rotation the older key still opens, and what it sealed is stale", async () => {
    await using inner = openMemoryStore({ clock: systemClock });
    const [older, newer] = [aesgcm(keyOf("key1", 1)), secretbox(keyOf("key2", 2))];
    const store = wrap(inner, [rule(older)]);
    await store.commit({ key, value: bytes("{}"), expected: 0n });
    store.use([rule(newer, older)]);
    expect(await store.isStale(key)).toBe(true);
    expect(text(await valueIn(store))).toBe("{}");
    expect(await store.rewriteStale()).toBe(1);
    store.use([rule(newer)]);
    expect(text(await valueIn(store))).toBe("{}");
  });

  test("what no key opens hides nothing else, and the log names the key but no secret", async () => {
    await using inner = openMemoryStore({ clock: systemClock });
    await wrap(inner, [rule(aesgcm(keyOf("gone", 9)))]).commit({ key, value: bytes("{}"), expected: 0n });
    await inner.commit({ key: "/registry/secrets/default/b", value: bytes("{}"), expected: 0n });
    const lines: string[] = [];
    const log = {
      ...silentLog,
      error: (message: string, fields?: object) => void lines.push(message + JSON.stringify(fields)),
    };
    const store = wrap(inner, [rule(aesgcm(keyOf("key1", 1)))], log);
    const { entries } = await store.read({ start: "/registry/secrets/", end: "/registry/secrets0" });
    expect(entries).toHaveLength(2);
    expect(lines.join()).toContain(key);
  });

  test("no byte of a secret's text reaches the files of an LMDB store", async () => {
    const folder = mkdtempSync(join(tmpdir(), "navarch-encryption-"));
    try {
      const config = `kind: EncryptionConfiguration
apiVersion: apiserver.config.k8s.io/v1
resources: [{resources: [secrets], providers: [{aesgcm: {keys: [{name: key1, secret: ${Buffer.alloc(32, 7).toString("base64")}}]}}]}]`;
      {
        await using inner = await openLmdbStore({ path: folder, clock: systemClock });
        const store = wrap(inner, readEncryptionConfiguration(config));
        for (let index = 0; index < 20; index++) {
          const value = bytes(`{"data":"in-clear-${index}"}`);
          await store.commit({ key: `/registry/secrets/default/s${index}`, value, expected: 0n });
        }
        await store.commit({ key: "/registry/configmaps/default/c", value: bytes("not-secret"), expected: 0n });
      }
      const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      const content = Buffer.concat(files.map((file) => readFileSync(join(file.parentPath, file.name))));
      expect(content.includes("not-secret")).toBe(true);
      expect(content.includes("k8s:enc:aesgcm:v1:key1:")).toBe(true);
      expect(content.includes("in-clear")).toBe(false);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("an encryption configuration", () => {
  const secret = Buffer.alloc(32, 7).toString("base64");
  const file = (resource: string, providers: string) =>
    `kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n- resources: ["${resource}"]\n  providers: ${providers}\n`;
  const keys = `[{aesgcm: {keys: [{name: k, secret: ${secret}}]}}, {identity: {}}]`;

  test.each([
    {
      resource: "secrets",
      covers: ["/registry/secrets/a/b"],
      leaves: ["/registry/configmaps/a/b", "/registry/x.io/secrets/a/b"],
    },
    { resource: "deployments.apps", covers: ["/registry/apps/deployments/a/b"], leaves: ["/registry/deployments/a/b"] },
    { resource: "*.apps", covers: ["/registry/apps/anything/a"], leaves: ["/registry/batch/jobs/a/b"] },
    { resource: "*.", covers: ["/registry/pods/a/b"], leaves: ["/registry/apps/pods/a", "/registry/x.io/pods/a"] },
    { resource: "*.*", covers: ["/registry/pods/a/b", "/registry/x.io/y/z"], leaves: [] },
  ])("$resource", ({ resource, covers, leaves }) => {
    const [first] = readEncryptionConfiguration(file(resource, keys));
    for (const key of covers) expect(first?.covers(key), key).toBe(true);
    for (const key of leaves) expect(first?.covers(key), key).toBe(false);
    expect(first?.transformers.map(({ prefix }) => prefix)).toEqual(["k8s:enc:aesgcm:v1:k:", ""]);
  });

  test.each([
    { what: "another kind", text: "kind: Config", says: "expected apiserver.config.k8s.io/v1 EncryptionConfiguration" },
    { what: "no provider", text: file("secrets", "[]"), says: "resources[0].providers: Required value" },
    { what: "an unknown provider", text: file("secrets", "[{rot13: {}}]"), says: '"rot13" is no provider' },
    { what: "KMS", text: file("secrets", "[{kms: {name: a}}]"), says: "kms is not supported" },
    { what: "a bare star", text: file("*", keys), says: "say *. for the core group" },
    {
      what: "a key of the wrong length",
      text: file("secrets", "[{secretbox: {keys: [{name: k, secret: c2hvcnQ=}]}}]"),
      says: "5 bytes in base64",
    },
  ])("$what is refused and named", ({ text: given, says }) => {
    expect(() => readEncryptionConfiguration(given)).toThrow(says);
  });
});

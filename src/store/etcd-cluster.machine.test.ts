import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../lib/clock.ts";
import { systemRandom } from "../lib/random.ts";
import { all, bytes, nextBatch, pairs, scope, story, take, win } from "./contract-tools.ts";
import { type EtcdStoreOptions, openEtcdStore } from "./etcd.ts";
import { type EtcdServer, startEtcd } from "./etcd-server.ts";
import { prefixRange } from "./keys.ts";

const openAt = (endpoints: readonly string[], options: Partial<EtcdStoreOptions> = {}) =>
  openEtcdStore({ endpoints, clock: systemClock, random: systemRandom, ...options });

describe("one member", () => {
  let server: EtcdServer;
  beforeAll(async () => {
    server = await startEtcd();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test("several stores on one cluster see each other's writes and race fairly", async () => {
    await using first = await openAt(server.endpoints, { prefix: "/shared:" });
    await using second = await openAt(server.endpoints, { prefix: "/shared:" });
    using end = scope();
    const start = await first.revision();
    const seen = take(second.watch(all, start, end.signal), 2);
    const created = await win(first, "/a", "1", 0n);
    expect(pairs(await second.read(all))).toEqual(["/a=1"]);
    const results = await Promise.all(
      [first, second].map((store, i) => store.commit({ key: "/a", value: bytes(`store ${i}`), expected: created })),
    );
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
    expect((await seen).map(({ key }) => key)).toEqual(["/a", "/a"]);
  });

  test("a watch begins further back than this process remembers", async () => {
    const before = await openAt(server.endpoints, { prefix: "/back:" });
    const start = await before.revision();
    const first = await win(before, "/a", "1", 0n);
    await win(before, "/b", "2", 0n);
    await win(before, "/a", "3", first);
    await before[Symbol.asyncDispose]();
    await using store = await openAt(server.endpoints, { prefix: "/back:" });
    using end = scope();
    const watch = store.watch({ start: "/a", end: "/a " }, start, end.signal);
    expect((await take(watch, 2)).map(story)).toEqual(["+/a=1", "~/a=3 was 1"]);
    const live = take(watch, 1);
    await win(store, "/a", null, (await store.read({ start: "/a", end: "/a " })).entries[0]!.modified);
    expect((await live).map(story)).toEqual(["-/a was 3"]);
  });

  test("a watch begins further back than the cluster remembers and is told so", async () => {
    const before = await openAt(server.endpoints, { prefix: "/lost:" });
    let revision = await win(before, "/a", "0", 0n);
    const first = revision;
    for (let i = 1; i < 5; i++) revision = await win(before, "/a", String(i), revision);
    await before.compact(revision);
    await before[Symbol.asyncDispose]();
    await using store = await openAt(server.endpoints, { prefix: "/lost:" });
    using end = scope();
    await expect(nextBatch(store.watch(all, first, end.signal))).rejects.toMatchObject({ code: "compacted" });
    await expect(store.read(all, { at: first })).rejects.toMatchObject({ code: "compacted" });
  });

  test("a watch makes progress past writes that are none of the store's", async () => {
    await using ours = await openAt(server.endpoints, { prefix: "/ours:" });
    await using theirs = await openAt(server.endpoints, { prefix: "/theirs:" });
    using end = scope();
    const watch = ours.watch(prefixRange("/quiet/"), await ours.revision(), end.signal);
    const batch = nextBatch(watch);
    const elsewhere = await win(theirs, "/a", "1", 0n);
    watch.prompt();
    const { changes, revision } = await batch;
    expect(changes).toEqual([]);
    expect(revision >= elsewhere).toBe(true);
    expect(pairs(await ours.read(all))).toEqual([]);
  });

  test("without any member that answers, opening is unavailable", async () => {
    await expect(openAt(["http://127.0.0.1:9"], { timeout: 500 })).rejects.toMatchObject({ code: "unavailable" });
    await expect(openAt([])).rejects.toMatchObject({ code: "invalid" });
    await expect(openAt(["ftp://127.0.0.1"])).rejects.toMatchObject({ code: "invalid" });
  });
});

test("three members: killing one after the other loses no write and breaks no watch", async () => {
  await using server = await startEtcd({ members: 3 });
  await using store = await openAt(server.endpoints);
  using end = scope();
  const watch = store.watch(all, await store.revision(), end.signal);
  const acknowledged = new Map<string, bigint>();
  let stop = false;
  const writers = Array.from({ length: 4 }, async (_, w) => {
    for (let i = 0; !stop; i++) {
      const key = `/w${w}-${String(i).padStart(5, "0")}`;
      // A write whose outcome is unknown may or may not be there; only acknowledged ones must.
      const result = await store.commit({ key, value: bytes("x"), expected: 0n }).catch(() => undefined);
      if (result?.ok) acknowledged.set(key, result.revision);
      await systemClock.sleep(5);
    }
  });
  for (let member = 0; member < 3; member++) {
    await systemClock.sleep(500);
    await server.kill(member);
    const before = acknowledged.size;
    while (acknowledged.size < before + 20) await systemClock.sleep(20);
    await server.restart(member);
  }
  stop = true;
  await Promise.all(writers);
  const { entries, revision } = await store.read(all);
  const present = new Map(entries.map(({ key, modified }) => [key, modified]));
  for (const [key, modified] of acknowledged) expect(present.get(key)).toBe(modified);
  const changes = await take(watch, entries.length);
  expect(changes.map((change) => change.revision)).toEqual([...present.values()].sort((a, b) => (a < b ? -1 : 1)));
  expect(changes.at(-1)!.revision <= revision).toBe(true);
}, 60_000);

test("over TLS the members and the store prove who they are", async () => {
  const folder = mkdtempSync(join(tmpdir(), "navarch-etcd-tls-"));
  try {
    makeCertificates(folder);
    const file = (name: string) => join(folder, name);
    const tls = { ca: file("ca.crt"), certificate: file("member.crt"), key: file("member.key") };
    await using server = await startEtcd({ tls });
    const read = (name: string) => readFileSync(file(name));
    const ours = { ca: read("ca.crt"), certificate: read("member.crt"), key: read("member.key") };
    await using store = await openAt(server.endpoints, { tls: ours });
    await win(store, "/a", "1", 0n);
    expect(pairs(await store.read(all))).toEqual(["/a=1"]);
    await expect(openAt(server.endpoints, { tls: { ca: ours.ca }, timeout: 500 })).rejects.toMatchObject({
      code: "unavailable",
    });
    await expect(openAt(server.endpoints, { timeout: 500 })).rejects.toMatchObject({ code: "unavailable" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function makeCertificates(folder: string): void {
  const openssl = (...options: string[]) => execFileSync("openssl", options, { cwd: folder, stdio: "ignore" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=test-ca", "-days", "2");
  openssl("req", ...key, "-keyout", "member.key", "-out", "member.csr", "-subj", "/CN=member");
  writeFileSync(join(folder, "san"), "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n");
  const signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "san", "-days", "2"];
  openssl("x509", "-req", "-in", "member.csr", "-out", "member.crt", ...signed);
}

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Volume } from "../../api/generated/core-v1.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import { dawn, sampleContainer, samplePod } from "../testing/samples.ts";
import { writeAtomically } from "./atomic-files.ts";
import { type ContentSources, contentsOf } from "./contents.ts";
import { hostPath } from "./host-path.ts";
import { subPath } from "./sub-path.ts";
import { TokenCache } from "./tokens.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nvagt-volumes-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = (content: string, mode = 0o644) => ({ content: new TextEncoder().encode(content), mode });

describe("files written whole or not at all", () => {
  const write = (files: Readonly<Record<string, ReturnType<typeof file>>>) =>
    writeAtomically(folder, new Map(Object.entries(files)), { now: dawn });

  test("are seen through a link that is exchanged", () => {
    write({ a: file("1"), "deep/b": file("2", 0o400) });
    expect(readlinkSync(join(folder, "a"))).toBe("..data/a");
    expect(readFileSync(join(folder, "deep/b"), "utf8")).toBe("2");
    expect(statSync(join(folder, "deep/b")).mode & 0o777).toBe(0o400);
    const before = readlinkSync(join(folder, "..data"));
    expect(before).toMatch(/^\.\.2026_01_01_00_00_00\./);
    expect(write({ a: file("new"), c: file("3") })).toBe(true);
    expect(readdirSync(folder).filter((name) => !name.startsWith(".."))).toEqual(["a", "c"]);
    expect(readFileSync(join(folder, "a"), "utf8")).toBe("new");
    expect(existsSync(join(folder, before))).toBe(false);
  });

  test("are left alone when nothing differs, and not when only a mode does", () => {
    write({ a: file("1") });
    const before = readlinkSync(join(folder, "..data"));
    expect(write({ a: file("1") })).toBe(false);
    expect(readlinkSync(join(folder, "..data"))).toBe(before);
    expect(write({ a: file("1", 0o600) })).toBe(true);
  });
});

describe("a volume's contents", () => {
  const meta = (name: string) => ({
    name,
    namespace: "default",
    uid: name,
    resourceVersion: "1",
    creationTimestamp: "2026-01-01T00:00:00Z",
  });
  const anchor = (name: string) => `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----\n`;
  const sources: ContentSources = {
    configMap: async (_, name) =>
      name === "settings"
        ? {
            apiVersion: "v1",
            kind: "ConfigMap",
            metadata: meta(name),
            data: { a: "1", b: "2" },
            binaryData: { c: "Aw==" },
          }
        : undefined,
    secret: async () => undefined,
    token: async (_, { audience }) => `token for ${audience}`,
    trustBundles: async ({ signerName }) =>
      signerName === "example.com/mesh" ? [`words\n${anchor("B")}`, `${anchor("A")}${anchor("B")}`] : [],
    services: () => [],
    podIPs: [],
    hostIPs: ["192.0.2.1"],
    nodeName: "node-1",
    allocatable: { cpu: 2, memory: 1024, ephemeralStorage: 1024 },
  };
  const of = async (volume: Omit<Volume, "name">, pod = samplePod()) => {
    const files = await contentsOf(pod, { name: "v", ...volume }, sources);
    return Object.fromEntries(
      [...files!].map(([path, { content, mode }]) => [path, [Buffer.from(content).toString(), mode]]),
    );
  };

  test("are all of a configMap's, or those chosen", async () => {
    expect(await of({ configMap: { name: "settings" } })).toEqual({
      a: ["1", 0o644],
      b: ["2", 0o644],
      c: ["\u0003", 0o644],
    });
    const items = [{ key: "b", path: "x/y", mode: 0o600 }];
    expect(await of({ configMap: { name: "settings", items } })).toEqual({ "x/y": ["2", 0o600] });
  });

  test("are the certificates of all chosen trust bundles, each once", async () => {
    const bundle = (clusterTrustBundle: object) => ({
      projected: { sources: [{ clusterTrustBundle: { path: "ca.pem", ...clusterTrustBundle } }] },
    });
    expect(await of(bundle({ signerName: "example.com/mesh", labelSelector: {} }))).toEqual({
      "ca.pem": [anchor("A") + anchor("B"), 0o644],
    });
    await expect(of(bundle({ signerName: "example.com/none", labelSelector: {} }))).rejects.toMatchObject({
      code: "missing",
      message: "combination of signerName and labelSelector matched zero ClusterTrustBundles",
    });
    expect(await of(bundle({ name: "none", optional: true }))).toEqual({ "ca.pem": ["", 0o644] });
  });

  test("are refused when something is missing, unless it is optional", async () => {
    await expect(of({ configMap: { name: "none" } })).rejects.toMatchObject({
      code: "missing",
      message: 'configmap "none" not found',
    });
    const items = [{ key: "none", path: "x" }];
    await expect(of({ configMap: { name: "settings", items } })).rejects.toMatchObject({
      message: "references non-existent config key: none",
    });
    expect(await of({ secret: { secretName: "none", optional: true } })).toEqual({});
  });

  test("come together in a projected volume", async () => {
    const pod = samplePod({}, { metadata: { labels: { b: "2", a: 'say "1"' } } });
    const files = await of(
      {
        projected: {
          defaultMode: 0o444,
          sources: [
            { configMap: { name: "settings", items: [{ key: "a", path: "a" }] } },
            { serviceAccountToken: { audience: "vault", path: "token" } },
            { downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
          ],
        },
      },
      pod,
    );
    expect(files).toEqual({
      a: ["1", 0o444],
      token: ["token for vault", 0o444],
      labels: ['a="say \\"1\\""\nb="2"', 0o444],
    });
  });

  test("show a token to nobody else where the containers have one user", async () => {
    const projected = { sources: [{ serviceAccountToken: { path: "token" } }] };
    const pod = samplePod({ containers: [sampleContainer({ securityContext: { runAsUser: 1000 } })] });
    const files = await contentsOf(pod, { name: "v", projected }, sources);
    expect(files?.get("token")).toMatchObject({ mode: 0o600, owner: 1000 });
  });
});

describe("a sub path", () => {
  const volume = () => ({ path: folder, readonly: false });

  test("is made with the volume's permissions", () => {
    chmodSync(folder, 0o777);
    expect(subPath(volume(), "a/b")).toBe(join(folder, "a/b"));
    expect([join(folder, "a"), join(folder, "a/b")].map((path) => statSync(path).mode & 0o777)).toEqual([0o777, 0o777]);
  });

  test("may be a link that stays inside", () => {
    mkdirSync(join(folder, "real"));
    symlinkSync("real", join(folder, "link"));
    expect(subPath(volume(), "link")).toBe(join(folder, "real"));
  });

  test.each(["../x", "link", "link/made"])("must not leave the volume by %s", (path) => {
    const outside = mkdtempSync(join(tmpdir(), "nvagt-outside-"));
    symlinkSync(outside, join(folder, "link"));
    expect(() => subPath(volume(), path)).toThrow(`subPath ${path} must not leave its volume`);
    expect(readdirSync(outside)).toEqual([]);
    rmSync(outside, { recursive: true });
  });

  test("is not made where nothing can be written", () => {
    expect(() => subPath({ path: folder, readonly: true }, "a")).toThrow("subPath a is not in its volume");
  });
});

describe("a host path", () => {
  test.each([
    ["DirectoryOrCreate", (path: string) => statSync(path).isDirectory()],
    ["FileOrCreate", (path: string) => statSync(path).isFile()],
    ["", (path: string) => statSync(path).isDirectory()],
  ] as const)("of type '%s' is made", (type, holds) => {
    const path = join(folder, "made");
    expect(holds(hostPath({ path, type }, "v"))).toBe(true);
  });

  test.each([
    ["Directory", "a directory"],
    ["Socket", "a socket file"],
    ["BlockDevice", "a block device"],
  ] as const)("of type %s is refused when it is none", (type, what) => {
    const path = join(folder, "file");
    writeFileSync(path, "");
    expect(() => hostPath({ path, type }, "v")).toThrow(
      `MountVolume.SetUp failed for volume "v" : hostPath type check failed: ${path} is not ${what}`,
    );
  });
});

test.each([
  { name: "until four fifths of its life are over", life: 3_600_000, kept: 2_879_000 },
  { name: "a day, however long it lives", life: 30 * 24 * 3_600_000, kept: 24 * 3_600_000 - 1000 },
])("a token is kept $name", async ({ life, kept }) => {
  const clock = new VirtualClock(dawn);
  let asked = 0;
  const tokens = new TokenCache({
    clock,
    request: async () => {
      asked += 1;
      const expirationTimestamp = new Date(clock.now() + life).toISOString();
      return { metadata: {}, spec: { audiences: [] }, status: { token: `${asked}`, expirationTimestamp } } as never;
    },
  });
  const get = () => tokens.get(samplePod(), { audience: undefined, expirationSeconds: 3600 });
  expect([await get(), await get()]).toEqual(["1", "1"]);
  clock.advance(kept);
  expect(await get()).toBe("1");
  clock.advance(2_000);
  expect(await get()).toBe("2");
});

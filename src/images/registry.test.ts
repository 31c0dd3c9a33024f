import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BuiltImage, buildImage } from "./build.ts";
import { parseImageSpec } from "./image-spec.ts";
import { type Registry, serveRegistry, writeMirrorConfig } from "./registry.ts";

let folder = "";
let registry: Registry;
let image: BuiltImage;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "navarch-registry-"));
  const spec = parseImageSpec(
    {
      name: "navarch.local/demo/web:1",
      aliases: ["docker.io/library/web:latest"],
      files: [{ path: "/x", content: "x" }],
    },
    "/",
  );
  image = await buildImage(spec, { cacheDir: folder });
  registry = await serveRegistry({ cacheDir: folder });
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const get = (path: string, init?: RequestInit) => fetch(`${registry.url}/v2/${path}`, init);

describe("serveRegistry", () => {
  test("serves a manifest by tag and by digest, and every blob that it names, unchanged", async () => {
    const byTag = await get("demo/web/manifests/1");
    const text = await byTag.text();
    expect(byTag.headers.get("content-type")).toBe("application/vnd.oci.image.manifest.v1+json");
    expect(byTag.headers.get("docker-content-digest")).toBe(image.digest);
    expect(await (await get(`demo/web/manifests/${image.digest}`)).text()).toBe(text);
    const manifest = JSON.parse(text);
    for (const { digest, size } of [manifest.config, ...manifest.layers]) {
      const blob = Buffer.from(await (await get(`demo/web/blobs/${digest}`)).arrayBuffer());
      expect(blob.length).toBe(size);
      expect(`sha256:${createHash("sha256").update(blob).digest("hex")}`).toBe(digest);
    }
  });

  test("serves a manifest only as part of its own repository", async () => {
    expect((await get(`other/manifests/${image.digest}`)).status).toBe(404);
    expect((await get(`demo/web/manifests/${image.imageId}`)).status).toBe(404);
  });

  test("answers HEAD with the length and no body", async () => {
    const head = await get("demo/web/manifests/1", { method: "HEAD" });
    expect(Number(head.headers.get("content-length"))).toBeGreaterThan(0);
    expect(await head.text()).toBe("");
  });

  test.each([
    {
      name: "knows an alias by the host that a mirror is asked for",
      path: "library/web/manifests/latest?ns=docker.io",
      status: 200,
    },
    { name: "keeps hosts apart", path: "library/web/manifests/latest?ns=quay.io", status: 404 },
    { name: "has no tag that was not built", path: "demo/web/manifests/2", status: 404 },
    { name: "never leaves its folder", path: "demo/web/blobs/..%2F..%2Fetc", status: 404 },
    { name: "says that it speaks the protocol", path: "", status: 200 },
  ])("$name", async ({ path, status }) => {
    expect((await get(path)).status).toBe(status);
  });

  test("names the error as the protocol does, and refuses to be written to", async () => {
    expect(await (await get("demo/web/manifests/2")).json()).toMatchObject({ errors: [{ code: "MANIFEST_UNKNOWN" }] });
    expect((await get("demo/web/blobs/uploads/", { method: "POST" })).status).toBe(405);
  });

  test("lists the tags of a repository", async () => {
    expect(await (await get("demo/web/tags/list")).json()).toEqual({ name: "demo/web", tags: ["1"] });
  });
});

describe("writeMirrorConfig", () => {
  test("sends every pull to the registry, and to the image's own host only when asked to", async () => {
    const file = join(folder, "certs", "_default", "hosts.toml");
    await writeMirrorConfig(join(folder, "certs"), { url: "http://127.0.0.1:5000" });
    expect(readFileSync(file, "utf8")).toContain('server = "http://127.0.0.1:5000"');
    await writeMirrorConfig(join(folder, "certs"), { url: "http://127.0.0.1:5000" }, { fallback: true });
    expect(readFileSync(file, "utf8")).not.toContain("server =");
  });
});

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type BuildProgress, buildImage, listBuilt, pauseImage } from "./build.ts";
import { type ImageSpec, parseImageSpec } from "./image-spec.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "navarch-build-"));
  mkdirSync(join(folder, "root", "etc"), { recursive: true });
  writeFileSync(join(folder, "root", "etc", "motd"), "hello\n");
  linkSync(join(folder, "root", "etc", "motd"), join(folder, "root", "etc", "motd2"));
  symlinkSync("motd", join(folder, "root", "etc", "issue"));
  writeFileSync(join(folder, "program"), "#!/bin/sh\n");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function specOf(more: Record<string, unknown> = {}): ImageSpec {
  return parseImageSpec({ name: "navarch.local/test:1", from: { rootfs: "root" }, ...more }, folder);
}

/** The text of a file in an archive, read by GNU tar. */
function inArchive(archive: string, file: string): string {
  return execFileSync("tar", ["--extract", "--to-stdout", "--file", archive, file]).toString("utf8");
}

function listedLayer(archive: string, index: number): string[] {
  const [image] = JSON.parse(inArchive(archive, "manifest.json"));
  const layer = execFileSync("tar", ["--extract", "--to-stdout", "--file", archive, image.Layers[index]]);
  return execFileSync("tar", ["--list", "--gzip"], { input: layer }).toString("utf8").trim().split("\n");
}

describe("buildImage", () => {
  test("makes the same digest from the same content, whatever the cache, the file times or the order", async () => {
    const spec = specOf({
      files: [
        { path: "/a", content: "1" },
        { path: "/b", content: "2" },
      ],
      labels: { x: "1", a: "2" },
    });
    const first = await buildImage(spec, { cacheDir: join(folder, "one") });
    utimesSync(join(folder, "root", "etc", "motd"), 1000, 1000);
    const swapped = { ...spec, files: [...spec.files].reverse(), labels: { a: "2", x: "1" } };
    const second = await buildImage(swapped, { cacheDir: join(folder, "two") });
    expect(second.digest).toBe(first.digest);
    expect(second.imageId).toBe(first.imageId);
    expect(readFileSync(second.path).equals(readFileSync(first.path))).toBe(true);
  });

  test("does nothing when nothing changed, and builds anew when a file or the specification did", async () => {
    const cacheDir = join(folder, "cache");
    const steps: BuildProgress["step"][] = [];
    const build = (spec: ImageSpec) => buildImage(spec, { cacheDir, onProgress: ({ step }) => steps.push(step) });
    const first = await build(specOf());
    expect(first.cached).toBe(false);
    steps.length = 0;
    expect(await build(specOf())).toEqual({ ...first, cached: true });
    expect(steps).toEqual(["done"]);

    writeFileSync(join(folder, "root", "etc", "motd"), "changed\n");
    const changed = await build(specOf());
    expect(changed.cached).toBe(false);
    expect(changed.digest).not.toBe(first.digest);
    const withCommand = await build(specOf({ cmd: ["sh"] }));
    expect(withCommand.digest).not.toBe(changed.digest);
  });

  test("builds again when its archive was deleted", async () => {
    const cacheDir = join(folder, "cache");
    const first = await buildImage(specOf(), { cacheDir });
    rmSync(first.path);
    expect(await buildImage(specOf(), { cacheDir })).toEqual(first);
  });

  test("writes the configuration, manifest and index as OCI and Docker read them", async () => {
    const spec = specOf({
      aliases: ["docker.io/library/test:latest"],
      entrypoint: ["/bin/x"],
      cmd: ["y"],
      env: { B: "1" },
      workdir: "/srv",
      user: "1:1",
      ports: [53, "53/udp"],
      stopSignal: "SIGQUIT",
    });
    const image = await buildImage(spec, { cacheDir: join(folder, "cache") });
    const [docker] = JSON.parse(inArchive(image.path, "manifest.json"));
    const index = JSON.parse(inArchive(image.path, "index.json"));
    expect(docker.RepoTags).toEqual([spec.name, "docker.io/library/test:latest"]);
    expect(
      index.manifests.map((m: { annotations: Record<string, string> }) => m.annotations["io.containerd.image.name"]),
    ).toEqual(docker.RepoTags);
    expect(index.manifests[0].digest).toBe(image.digest);

    const manifest = JSON.parse(inArchive(image.path, `blobs/${image.digest.replace(":", "/")}`));
    expect(manifest.config.digest).toBe(image.imageId);
    const config = JSON.parse(inArchive(image.path, docker.Config));
    expect(config).toMatchObject({
      os: "linux",
      created: "1970-01-01T00:00:00Z",
      config: {
        Entrypoint: ["/bin/x"],
        Cmd: ["y"],
        Env: [expect.stringMatching(/^PATH=/), "B=1"],
        ExposedPorts: { "53/tcp": {}, "53/udp": {} },
        StopSignal: "SIGQUIT",
        User: "1:1",
        WorkingDir: "/srv",
      },
    });
    expect(config.rootfs.diff_ids).toHaveLength(manifest.layers.length);
  });

  test("stacks a root folder as it stands, links included, and files above it", async () => {
    const spec = specOf({ files: [{ path: "/bin/tool", copy: "program" }] });
    const image = await buildImage(spec, { cacheDir: join(folder, "cache") });
    expect(listedLayer(image.path, 0)).toEqual(["etc/", "etc/issue", "etc/motd", "etc/motd2"]);
    expect(listedLayer(image.path, 1)).toEqual(["bin/", "bin/tool"]);
  });

  test("puts programs into the merged layout and makes them executable", async () => {
    chmodSync(join(folder, "program"), 0o600);
    const image = await buildImage(specOf({ from: { binaries: { "/bin/tool": "program" } } }), {
      cacheDir: join(folder, "cache"),
    });
    expect(listedLayer(image.path, 0)).toEqual(["usr/", "usr/bin/", "usr/bin/tool"]);
  });

  test("leaves nothing behind when a source is missing", async () => {
    const cacheDir = join(folder, "cache");
    await expect(buildImage(specOf({ from: { rootfs: "nowhere" } }), { cacheDir })).rejects.toMatchObject({
      code: "missing",
    });
    expect(await listBuilt({ cacheDir })).toEqual([]);
  });
});

describe("listBuilt", () => {
  test("lists what was built, by name, and nothing whose archive is gone", async () => {
    const cacheDir = join(folder, "cache");
    const test1 = await buildImage(specOf(), { cacheDir });
    const pause = await buildImage(pauseImage, { cacheDir });
    expect(await listBuilt({ cacheDir })).toEqual([
      { ...pause, cached: true },
      { ...test1, cached: true },
    ]);
    rmSync(pause.path);
    expect((await listBuilt({ cacheDir })).map((image) => image.name)).toEqual([test1.name]);
  });
});

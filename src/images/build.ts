import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { faultCode } from "../lib/fault.ts";
import { baseEntries } from "./base-files.ts";
import { BlobStore, type Layer, sha256 } from "./blob-store.ts";
import { busyboxEntries, installedBusybox } from "./busybox-source.ts";
import { type RunCommand, runCommand } from "./command.ts";
import { type DebianOptions, downloadPackages, packageEntries, resolvePackages } from "./debian-packages.ts";
import { fingerprint, folderEntries } from "./folder-source.ts";
import { type ImageFile, type ImageSource, type ImageSpec, parseImageSpec } from "./image-spec.ts";
import { fileEntry, folderEntry, type LayerEntry, mergeUsr, symlinkEntry } from "./layer-entry.ts";
import { type Architecture, hostArchitecture } from "./machine-code.ts";
import { nodeBinary, nodeLibraries } from "./node-runtime.ts";
import { type NamedLayer, storeImage, writeImageArchive } from "./oci-archive.ts";
import { pauseProgram } from "./pause-program.ts";

/** A built image and the archive that carries it. */
export interface BuiltImage {
  readonly name: string;
  /** Its other names. */
  readonly aliases: readonly string[];
  /** The digest of its manifest. */
  readonly digest: string;
  /** The digest of its configuration: what container runtimes call the image's id. */
  readonly imageId: string;
  /** The archive, ready for `importImage` or `docker load`. */
  readonly path: string;
  /** The archive's size in bytes. */
  readonly size: number;
  /** Whether an earlier build was found and nothing had to be done. */
  readonly cached: boolean;
}

/** What a build is doing, for people who wait. */
export interface BuildProgress {
  readonly image: string;
  readonly step: "resolve" | "download" | "layer" | "archive" | "done";
  /** What it is about, such as the packages of a layer. */
  readonly detail: string;
}

/** Where and how to build. */
export interface BuildOptions {
  /** Blobs, downloads, archives and records of earlier builds are kept here. */
  readonly cacheDir: string;
  /** Builds even when nothing seems to have changed, as after Debian published updates. */
  readonly refresh?: boolean;
  readonly onProgress?: (progress: BuildProgress) => void;
  readonly signal?: AbortSignal;
  /** The Node.js for images that carry one; the pinned one without it. */
  readonly node?: string;
  readonly run?: RunCommand;
}

/** Part of every key: raise it when the same inputs start to make other images. */
const format = 2;

interface Build {
  readonly spec: ImageSpec;
  readonly blobs: BlobStore;
  readonly cacheDir: string;
  readonly architecture: Architecture;
  readonly node: string;
  /** Whether paths are moved to the merged layout; a root folder of the user's is stacked as it stands. */
  readonly merged: boolean;
  readonly run: RunCommand;
  readonly signal: AbortSignal | undefined;
  report(step: BuildProgress["step"], detail: string): void;
}

/**
 * Builds an image, or finds the one built before from the same inputs. Equal inputs make equal digests, on any machine of the
 * same architecture with the same Node.js.
 */
export async function buildImage(spec: ImageSpec, options: BuildOptions): Promise<BuiltImage> {
  const build: Build = {
    spec,
    blobs: new BlobStore(options.cacheDir),
    cacheDir: options.cacheDir,
    architecture: hostArchitecture(),
    node: options.node ?? (await nodeBinary()),
    merged: !spec.from.some((source) => "rootfs" in source),
    run: options.run ?? runCommand,
    signal: options.signal,
    report: (step, detail) => options.onProgress?.({ image: spec.name, step, detail }),
  };
  const key = sha256(JSON.stringify([format, build.architecture, spec, await inputsOf(build)]));
  const before = await build.blobs.record("images", spec.name, parseRecord);
  if (before && before.key === key && !options.refresh && (await isWhole(before))) {
    build.report("done", "unchanged");
    return { ...withoutKey(before), cached: true };
  }

  const layers: NamedLayer[] = [];
  if (spec.from.some(isSystem)) {
    layers.push(await layerOf(build, "base files", { users: spec.users }, async () => baseEntries(spec.users)));
  }
  for (const source of spec.from) layers.push(...(await sourceLayers(build, source)));
  if (spec.files.length > 0) {
    const inputs = { files: spec.files, merged: build.merged, seen: await fileInputs(spec.files) };
    layers.push(await layerOf(build, "files", inputs, () => specFileEntries(build)));
  }

  build.report("archive", `${layers.length} layers`);
  const stored = await storeImage(build.blobs, spec, build.architecture, layers);
  const path = join(options.cacheDir, "archives", `${spec.name.replace(/[^A-Za-z0-9.-]/g, "_")}.tar`);
  const blobs = layers.map(({ layer }) => layer);
  await build.blobs.replace(path, (file) =>
    writeImageArchive(
      file,
      build.blobs,
      [spec.name, ...spec.aliases],
      { ...stored, architecture: build.architecture },
      blobs,
    ),
  );
  const { size } = await stat(path);
  const built = {
    name: spec.name,
    aliases: spec.aliases,
    digest: stored.manifest.digest,
    imageId: stored.config.digest,
    path,
    size,
  };
  await build.blobs.setRecord("images", spec.name, { ...built, key });
  build.report("done", built.digest);
  return { ...built, cached: false };
}

/** Every image built in this cache whose archive is still there, by name. */
export async function listBuilt(options: { readonly cacheDir: string }): Promise<readonly BuiltImage[]> {
  const blobs = new BlobStore(options.cacheDir);
  const names = (await readdir(join(options.cacheDir, "images")).catch(() => [])).filter((name) =>
    name.endsWith(".json"),
  );
  const found: BuiltImage[] = [];
  for (const name of names) {
    const record = await blobs.record("images", name.slice(0, -".json".length), parseRecord);
    if (record && (await isWhole(record))) found.push({ ...withoutKey(record), cached: true });
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The image of the program that holds a pod's namespaces; set it as containerd's `sandbox_image`. */
export const pauseImage: ImageSpec = {
  ...parseImageSpec({ name: "navarch.local/pause:3.6", from: { pause: true }, entrypoint: ["/pause"] }, "/"),
  user: "65535:65535",
};

/** A shell and the usual commands in under two megabytes, for probes, tests and looking around. */
export const busyboxImage: ImageSpec = parseImageSpec(
  { name: "navarch.local/busybox:1.35", from: { busybox: true }, cmd: ["sh"] },
  "/",
);

function isSystem(source: ImageSource): boolean {
  return "packages" in source || "node" in source || "busybox" in source;
}

async function sourceLayers(build: Build, source: ImageSource): Promise<NamedLayer[]> {
  if ("pause" in source) {
    const program = pauseProgram(build.architecture);
    return [
      await layerOf(build, "pause", { program: sha256(program) }, async () => [fileEntry("/pause", program, 0o755)]),
    ];
  }
  if ("rootfs" in source) {
    const inputs = { rootfs: source.rootfs, seen: await fingerprint(source.rootfs) };
    return [await layerOf(build, "root folder", inputs, () => folderEntries(source.rootfs))];
  }
  if ("binaries" in source) {
    const names = Object.entries(source.binaries);
    const inputs = {
      binaries: source.binaries,
      merged: build.merged,
      seen: await Promise.all(names.map(([, file]) => fingerprint(file))),
    };
    return [
      await layerOf(build, "binaries", inputs, async () => {
        const entries = await Promise.all(names.map(([path, file]) => copied({ path, copy: file, mode: 0o755 })));
        return placed(build, entries.flat());
      }),
    ];
  }
  if ("packages" in source) return [await packageLayer(build, source.packages, source.without ?? [])];
  if ("node" in source) {
    const libraries = await packageLayer(build, nodeLibraries, []);
    const inputs = { node: build.node, seen: await fingerprint(build.node) };
    const program = await layerOf(build, "node", inputs, () =>
      copied({ path: "/usr/bin/node", copy: build.node, mode: 0o755 }),
    );
    return [libraries, program];
  }
  const binary = await installedBusybox(build.run);
  if (binary) {
    const inputs = { busybox: binary, seen: await fingerprint(binary) };
    return [await layerOf(build, "busybox", inputs, () => busyboxEntries(binary, build.run))];
  }
  return [await downloadedBusybox(build)];
}

async function downloadedBusybox(build: Build): Promise<NamedLayer> {
  return await withLists(build, async (debian) => {
    build.report("resolve", "busybox-static");
    const packages = await resolvePackages(["busybox-static"], [], debian);
    const inputs = { busybox: packages.map((one) => `${one.name}=${one.version}`) };
    return await layerOf(build, "busybox", inputs, async (scratch) => {
      build.report("download", "busybox-static");
      const files = await downloadPackages(packages, debian);
      for (const file of files) await build.run("dpkg-deb", ["--extract", file, scratch], { signal: build.signal });
      return await busyboxEntries(join(scratch, "bin", "busybox"), build.run);
    });
  });
}

async function packageLayer(build: Build, names: readonly string[], without: readonly string[]): Promise<NamedLayer> {
  return await withLists(build, async (debian) => {
    build.report("resolve", names.join(" "));
    const packages = await resolvePackages(names, without, debian);
    const versions = packages.map((one) => `${one.name}=${one.version}`);
    return await layerOf(build, `packages ${versions.join(" ")}`, { versions }, async (scratch) => {
      build.report("download", `${packages.length} packages`);
      const files = await downloadPackages(packages, debian);
      return await packageEntries(packages, files, { ...debian, scratch });
    });
  });
}

/** Tries with the machine's package lists first, which costs no download; they may be absent, or older than the mirror. */
async function withLists<T>(build: Build, task: (debian: DebianOptions) => Promise<T>): Promise<T> {
  const debian = { folder: join(build.cacheDir, "debian"), run: build.run, signal: build.signal };
  try {
    return await task({ ...debian, lists: "machine" });
  } catch (error) {
    if (faultCode(error) !== "unavailable") throw error;
    build.report("download", "package lists");
    return await task({ ...debian, lists: "own" });
  }
}

/** The layer made before from equal inputs, or a new one. */
async function layerOf(
  build: Build,
  createdBy: string,
  inputs: unknown,
  produce: (scratch: string) => Promise<readonly LayerEntry[]>,
): Promise<NamedLayer> {
  const key = sha256(JSON.stringify([format, build.architecture, createdBy, inputs]));
  const before = await build.blobs.record("layers", key, parseLayer);
  if (before && (await build.blobs.has(before))) return { layer: before, createdBy };
  build.report("layer", createdBy);
  const layer = await build.blobs.scratch(async (scratch) => {
    const root = join(scratch, "root");
    await mkdir(root);
    return await build.blobs.putLayer(await produce(root), build.signal);
  });
  await build.blobs.setRecord("layers", key, layer);
  return { layer, createdBy };
}

async function specFileEntries(build: Build): Promise<LayerEntry[]> {
  const entries: LayerEntry[] = [];
  for (const file of build.spec.files) {
    const owner = { uid: file.uid ?? 0, gid: file.gid ?? 0 };
    if ("copy" in file) entries.push(...(await copied(file)));
    else if ("content" in file) entries.push({ ...fileEntry(file.path, file.content, file.mode), ...owner });
    else if ("link" in file) entries.push({ ...symlinkEntry(file.path, file.link), ...owner });
    else entries.push({ ...folderEntry(file.path, file.mode), ...owner });
  }
  return placed(build, entries);
}

async function copied(file: ImageFile & { readonly copy: string }): Promise<LayerEntry[]> {
  const owner = { uid: file.uid ?? 0, gid: file.gid ?? 0 };
  const info = await stat(file.copy);
  if (info.isDirectory()) {
    // A checkout's permission bits depend on the umask of whoever made it; only "executable" is meant.
    const entries = await folderEntries(file.copy, { into: file.path, owner });
    const plain = entries.map((e) =>
      e.kind === "folder" || e.kind === "symlink" ? e : { ...e, mode: e.mode & 0o100 ? 0o755 : 0o644 },
    );
    return [
      { ...folderEntry(file.path, file.mode), ...owner },
      ...plain.map((e) => (e.kind === "folder" ? { ...e, mode: 0o755 } : e)),
    ];
  }
  const mode = file.mode ?? (info.mode & 0o100 ? 0o755 : 0o644);
  const path = folderEntry(file.path).path;
  return [{ path, mode, ...owner, kind: "copy", source: file.copy, size: info.size }];
}

function placed(build: Build, entries: readonly LayerEntry[]): LayerEntry[] {
  return build.merged ? mergeUsr(entries) : [...entries];
}

/** Cheap to read, and different when a build could come out different; packages count by name, until a refresh is asked for. */
async function inputsOf(build: Build): Promise<readonly unknown[]> {
  const sources = build.spec.from.map(async (source): Promise<unknown> => {
    if ("rootfs" in source) return await fingerprint(source.rootfs);
    if ("binaries" in source) return await Promise.all(Object.values(source.binaries).map(fingerprint));
    if ("node" in source) return [build.node, await fingerprint(build.node)];
    if ("pause" in source) return sha256(pauseProgram(build.architecture));
    if ("busybox" in source) {
      const binary = await installedBusybox(build.run);
      return binary ? await fingerprint(binary) : "busybox-static";
    }
    return source.packages;
  });
  return [...(await Promise.all(sources)), await fileInputs(build.spec.files)];
}

async function fileInputs(files: readonly ImageFile[]): Promise<readonly string[]> {
  return await Promise.all(files.map(async (file) => ("copy" in file ? await fingerprint(file.copy) : "")));
}

type ImageRecord = Omit<BuiltImage, "cached"> & { readonly key: string };

function parseRecord(value: unknown): ImageRecord | undefined {
  const record = fieldsOf(value);
  const { name, aliases, digest, imageId, path, size, key } = record;
  if (typeof name !== "string" || typeof digest !== "string" || typeof imageId !== "string") return undefined;
  if (typeof path !== "string" || typeof size !== "number" || typeof key !== "string") return undefined;
  if (!Array.isArray(aliases) || !aliases.every((alias) => typeof alias === "string")) return undefined;
  return { name, aliases, digest, imageId, path, size, key };
}

function parseLayer(value: unknown): Layer | undefined {
  const { mediaType, digest, size, diffId } = fieldsOf(value);
  if (typeof mediaType !== "string" || typeof digest !== "string") return undefined;
  if (typeof size !== "number" || typeof diffId !== "string") return undefined;
  return { mediaType, digest, size, diffId };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object" ? Object.fromEntries(Object.entries(value)) : {};
}

function withoutKey({ name, aliases, digest, imageId, path, size }: ImageRecord): Omit<BuiltImage, "cached"> {
  return { name, aliases, digest, imageId, path, size };
}

async function isWhole(image: { readonly path: string; readonly size: number }): Promise<boolean> {
  return (await stat(image.path).catch(() => undefined))?.size === image.size;
}

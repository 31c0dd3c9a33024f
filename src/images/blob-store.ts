import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { Fault } from "../lib/fault.ts";
import { arrangeEntries, type LayerEntry } from "./layer-entry.ts";
import { writeTar } from "./tar.ts";

/** A blob as manifests name it: `digest` is `sha256:` and 64 hex digits, `size` counts bytes. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** A layer's blob, with the digest of its tar before compression, by which image configurations name it. */
export interface Layer extends Descriptor {
  readonly diffId: string;
}

/** The media type of layers that this room writes. */
export const layerMediaType = "application/vnd.oci.image.layer.v1.tar+gzip";

/** `sha256:` and the hex digest of bytes or text. */
export function sha256(content: string | Uint8Array): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

/** A folder of blobs named by their digests, and of small records by key; safe to share between processes, for every write is a rename. */
export class BlobStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Where a blob lies, whether it exists or not. */
  pathOf(digest: string): string {
    const [algorithm, hex] = digest.split(":");
    if (algorithm !== "sha256" || !/^[0-9a-f]{64}$/.test(hex ?? ""))
      throw new Fault("invalid", `not a digest: ${digest}`);
    return join(this.#folder, "blobs", "sha256", hex!);
  }

  /** Whether the blob is here in full. */
  async has(blob: { readonly digest: string; readonly size: number }): Promise<boolean> {
    const found = await stat(this.pathOf(blob.digest)).catch(() => undefined);
    return found?.size === blob.size;
  }

  /** Stores bytes and returns how manifests name them. */
  async put(mediaType: string, content: string): Promise<Descriptor> {
    const digest = sha256(content);
    await this.replace(this.pathOf(digest), (file) => writeFile(file, content));
    return { mediaType, digest, size: Buffer.byteLength(content) };
  }

  /** Writes a gzip-compressed layer of the entries, arranged; equal entries make equal bytes. */
  async putLayer(entries: readonly LayerEntry[], signal?: AbortSignal): Promise<Layer> {
    const plain = createHash("sha256");
    const packed = createHash("sha256");
    let size = 0;
    return await this.#scratch(async (folder) => {
      const file = join(folder, "layer");
      await pipeline(
        writeTar(arrangeEntries(entries)),
        async function* (source: AsyncIterable<Uint8Array>) {
          for await (const chunk of source) {
            plain.update(chunk);
            yield chunk;
          }
        },
        // The level is part of the digest, so it never follows a default.
        createGzip({ level: 6 }),
        async function* (source: AsyncIterable<Uint8Array>) {
          for await (const chunk of source) {
            packed.update(chunk);
            size += chunk.length;
            yield chunk;
          }
        },
        createWriteStream(file),
        { signal },
      );
      const digest = `sha256:${packed.digest("hex")}`;
      const place = this.pathOf(digest);
      await mkdir(join(place, ".."), { recursive: true });
      await rename(file, place);
      return { mediaType: layerMediaType, digest, size, diffId: `sha256:${plain.digest("hex")}` };
    });
  }

  /** Makes a file through `write` and puts it in place in one step, so that nobody ever reads half of it. */
  async replace(place: string, write: (file: string) => Promise<unknown>): Promise<void> {
    await this.#scratch(async (folder) => {
      const file = join(folder, "file");
      await write(file);
      await mkdir(join(place, ".."), { recursive: true });
      await rename(file, place);
    });
  }

  /** Runs a task with a fresh folder that is gone afterwards. */
  async scratch<T>(task: (folder: string) => Promise<T>): Promise<T> {
    return await this.#scratch(task);
  }

  /** Reads a record, or undefined when there is none that `parse` accepts. */
  async record<T>(group: string, key: string, parse: (value: unknown) => T | undefined): Promise<T | undefined> {
    const text = await readFile(this.#recordPath(group, key), "utf8").catch(() => undefined);
    if (text === undefined) return undefined;
    try {
      return parse(JSON.parse(text));
    } catch {
      // A damaged record costs one rebuild, not a failure.
      return undefined;
    }
  }

  /** Writes a record. */
  async setRecord(group: string, key: string, value: unknown): Promise<void> {
    await this.replace(this.#recordPath(group, key), (file) => writeFile(file, `${JSON.stringify(value, null, 2)}\n`));
  }

  #recordPath(group: string, key: string): string {
    return join(this.#folder, group, `${key.replace(/[^A-Za-z0-9._-]/g, "_")}.json`);
  }

  async #scratch<T>(task: (folder: string) => Promise<T>): Promise<T> {
    const parent = join(this.#folder, "scratch");
    await mkdir(parent, { recursive: true });
    const folder = await mkdtemp(join(parent, "build-"));
    try {
      return await task(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

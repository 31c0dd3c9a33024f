import { createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { BlobStore, Descriptor, Layer } from "./blob-store.ts";
import type { ImageSpec } from "./image-spec.ts";
import { fileEntry, folderEntry, type LayerEntry } from "./layer-entry.ts";
import type { Architecture } from "./machine-code.ts";
import { writeTar } from "./tar.ts";

/** Images carry no date: the same content would otherwise get another digest each time. */
const created = "1970-01-01T00:00:00Z";
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The media type of the manifests that this room writes. */
export const manifestMediaType = "application/vnd.oci.image.manifest.v1+json";

const mediaTypes = {
  config: "application/vnd.oci.image.config.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
} as const;

/** An image whose blobs are all stored: its manifest, and its configuration, whose digest is the image's id. */
export interface StoredImage {
  readonly manifest: Descriptor;
  readonly config: Descriptor;
}

/** A layer and what made it, for the image's history. */
export interface NamedLayer {
  readonly layer: Layer;
  readonly createdBy: string;
}

/** Stores configuration and manifest as the OCI image specification 1.0 lays them down. */
export async function storeImage(
  blobs: BlobStore,
  spec: ImageSpec,
  architecture: Architecture,
  layers: readonly NamedLayer[],
): Promise<StoredImage> {
  const env = Object.entries(spec.env).map(([name, value]) => `${name}=${value}`);
  const config = {
    architecture,
    config: {
      Cmd: spec.cmd,
      Entrypoint: spec.entrypoint,
      Env: "PATH" in spec.env ? env : [defaultPath, ...env],
      ExposedPorts:
        spec.ports.length > 0 ? Object.fromEntries(spec.ports.toSorted().map((port) => [port, {}])) : undefined,
      Labels: Object.keys(spec.labels).length > 0 ? sortedByKey(spec.labels) : undefined,
      StopSignal: spec.stopSignal,
      User: spec.user,
      WorkingDir: spec.workdir ?? "/",
    },
    created,
    history: layers.map(({ createdBy }) => ({ created, created_by: createdBy })),
    os: "linux",
    rootfs: { type: "layers", diff_ids: layers.map(({ layer }) => layer.diffId) },
  };
  const configBlob = await blobs.put(mediaTypes.config, JSON.stringify(config));
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestMediaType,
    config: configBlob,
    layers: layers.map(({ layer: { mediaType, digest, size } }) => ({ mediaType, digest, size })),
  };
  return { config: configBlob, manifest: await blobs.put(manifestMediaType, JSON.stringify(manifest)) };
}

/** Writes one archive that is an OCI layout and a Docker archive at once, so that every tool can load it. Returns its size in bytes. */
export async function writeImageArchive(
  file: string,
  blobs: BlobStore,
  names: readonly string[],
  image: StoredImage & { readonly architecture: Architecture },
  layers: readonly Layer[],
): Promise<number> {
  const pathIn = (digest: string) => `blobs/${digest.replace(":", "/")}`;
  const index = {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: names.map((name) => ({
      ...image.manifest,
      platform: { architecture: image.architecture, os: "linux" },
      annotations: {
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": name.slice(name.lastIndexOf(":") + 1),
      },
    })),
  };
  const docker = [
    { Config: pathIn(image.config.digest), RepoTags: names, Layers: layers.map((layer) => pathIn(layer.digest)) },
  ];
  const digests = new Map([image.config, image.manifest, ...layers].map((blob) => [blob.digest, blob]));
  const entries: LayerEntry[] = [
    folderEntry("blobs"),
    folderEntry("blobs/sha256"),
    ...[...digests.values()]
      .sort((a, b) => (a.digest < b.digest ? -1 : 1))
      .map(
        (blob): LayerEntry => ({
          path: pathIn(blob.digest),
          mode: 0o644,
          uid: 0,
          gid: 0,
          kind: "copy",
          source: blobs.pathOf(blob.digest),
          size: blob.size,
        }),
      ),
    fileEntry("index.json", JSON.stringify(index)),
    fileEntry("manifest.json", JSON.stringify(docker)),
    fileEntry("oci-layout", JSON.stringify({ imageLayoutVersion: "1.0.0" })),
  ];
  await pipeline(writeTar(entries), createWriteStream(file));
  return (await stat(file)).size;
}

function sortedByKey(map: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

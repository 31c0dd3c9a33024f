import { createReadStream } from "node:fs";
import { mkdir, stat, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { errorMessage, Fault } from "../lib/fault.ts";
import { createServer } from "../lib/plain-http.ts";
import { BlobStore } from "./blob-store.ts";
import { listBuilt } from "./build.ts";
import { manifestMediaType } from "./oci-archive.ts";

/** A registry that serves what was built, until disposed. */
export interface Registry extends AsyncDisposable {
  /** Such as `http://127.0.0.1:5000`. */
  readonly url: string;
}

/** Where to serve and from which cache. Nobody is asked who they are: keep it on loopback or on a bridge of one's own. */
export interface RegistryOptions {
  readonly cacheDir: string;
  readonly host?: string;
  /** Any free one without it. */
  readonly port?: number;
}

/** Serves built images by the OCI distribution protocol, for pulling only; names answer for every host when a mirror asks (`?ns=`). */
export async function serveRegistry(options: RegistryOptions): Promise<Registry> {
  const blobs = new BlobStore(options.cacheDir);
  const server = createServer((request, response) => {
    answer(request, response, options.cacheDir, blobs).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else refuse(response, 500, "UNKNOWN", errorMessage(error));
    });
  });
  const host = options.host ?? "127.0.0.1";
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new Fault("in-use", `cannot serve a registry: ${cause.message}`, { cause })),
    );
    server.listen(options.port ?? 0, host, resolve);
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  return {
    url: `http://${host}:${port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * Writes the folder that containerd's `registry.config_path` names, so that every pull asks this registry first. Without
 * `fallback`, it is asked only: what it does not hold is not found, as on a machine without internet.
 */
export async function writeMirrorConfig(
  folder: string,
  registry: { readonly url: string },
  options: { readonly fallback?: boolean } = {},
): Promise<void> {
  const place = join(folder, "_default");
  await mkdir(place, { recursive: true });
  const lines = [`[host."${registry.url}"]`, 'capabilities = ["pull", "resolve"]', ""];
  if (!options.fallback) lines.unshift(`server = "${registry.url}"`, "");
  await writeFile(join(place, "hosts.toml"), lines.join("\n"));
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  cacheDir: string,
  blobs: BlobStore,
): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD")
    return refuse(response, 405, "UNSUPPORTED", "this registry is for pulling only");
  const url = new URL(request.url ?? "/", "http://registry");
  if (url.pathname === "/v2/" || url.pathname === "/v2") return send(response, "application/json", "{}");
  const match = /^\/v2\/([a-z0-9._/-]+)\/(manifests|blobs|tags)\/([A-Za-z0-9._:-]+)$/.exec(url.pathname);
  if (!match) return refuse(response, 404, "UNSUPPORTED", "no such place in a registry");
  const repository = match[1]!;
  const reference = match[3]!;
  if (match[2] === "blobs") return await sendBlob(request, response, blobs, reference, "application/octet-stream");

  const tags = await tagsOf(cacheDir, repository, url.searchParams.get("ns"));
  if (match[2] === "tags") {
    if (tags.size === 0) return refuse(response, 404, "NAME_UNKNOWN", `there is no repository ${repository}`);
    return send(response, "application/json", JSON.stringify({ name: repository, tags: [...tags.keys()].sort() }));
  }
  const digest = reference.startsWith("sha256:")
    ? [...tags.values()].find((one) => one === reference)
    : tags.get(reference);
  if (!digest) return refuse(response, 404, "MANIFEST_UNKNOWN", `${repository} has no ${reference}`);
  return await sendBlob(request, response, blobs, digest, manifestMediaType);
}

/** The tags of a repository and the manifests that they name. */
async function tagsOf(cacheDir: string, repository: string, host: string | null): Promise<ReadonlyMap<string, string>> {
  const tags = new Map<string, string>();
  for (const image of await listBuilt({ cacheDir })) {
    for (const name of [image.name, ...image.aliases]) {
      const tag = name.slice(name.lastIndexOf(":") + 1);
      const full = name.slice(0, name.lastIndexOf(":"));
      const path = full.slice(full.indexOf("/") + 1);
      if (host ? full === `${host}/${repository}` : path === repository || full === repository)
        tags.set(tag, image.digest);
    }
  }
  return tags;
}

async function sendBlob(
  request: IncomingMessage,
  response: ServerResponse,
  blobs: BlobStore,
  digest: string,
  type: string,
): Promise<void> {
  const known = /^sha256:[0-9a-f]{64}$/.test(digest);
  const info = known ? await stat(blobs.pathOf(digest)).catch(() => undefined) : undefined;
  if (!info) return refuse(response, 404, "BLOB_UNKNOWN", `there is no ${digest}`);
  response.writeHead(200, { "content-type": type, "content-length": info.size, "docker-content-digest": digest });
  if (request.method === "HEAD") response.end();
  else await pipeline(createReadStream(blobs.pathOf(digest)), response);
}

function send(response: ServerResponse, type: string, body: string): void {
  response.writeHead(200, { "content-type": type, "docker-distribution-api-version": "registry/2.0" });
  response.end(body);
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createSecureServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { open } from "lmdb";

const { values } = parseArgs({
  options: {
    cert: { type: "string" },
    key: { type: "string" },
    /** Bytes that answers and stored values have more than what was sent, as defaults and bookkeeping add. */
    grow: { type: "string", default: "0" },
    /** What GET answers has so many bytes. */
    size: { type: "string", default: "0" },
    store: { type: "boolean", default: false },
  },
});

/**
 * The raw limit: a `node:http2` server over TLS that parses a JSON body, keeps it in LMDB when asked to, and answers with
 * it. GET answers with prepared bytes; a path that ends in `watch` gets a line for every PUT.
 */
const growth = "x".repeat(Number(values.grow));
const prepared = Buffer.from(JSON.stringify({ padding: "x".repeat(Math.max(0, Number(values.size) - 14)) }));
const folder = values.store ? mkdtempSync(join(tmpdir(), "navarch-bare-")) : undefined;
const database = folder
  ? open<Buffer, string>({
      path: folder,
      noSubdir: false,
      encoding: "binary",
      overlappingSync: false,
      mapSize: 32 * 1024 ** 3,
    })
  : undefined;
const watchers = new Set<ServerHttp2Stream>();
const answered = { ":status": 200, "content-type": "application/json" };
let keys = 0;

const server = createSecureServer({
  cert: readFileSync(values.cert!),
  key: readFileSync(values.key!),
  settings: { maxConcurrentStreams: 1000, initialWindowSize: 1 << 20 },
});
server.on("session", (session) => session.on("error", () => session.destroy()));
server.on("stream", (stream: ServerHttp2Stream, headers) => {
  stream.on("error", () => {});
  if (headers[":method"] !== "GET") {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const value = JSON.parse(Buffer.concat(chunks).toString()) as object;
      const bytes = Buffer.from(JSON.stringify(growth ? { ...value, growth } : value));
      if (database) void database.put(`/registry/pods/default/${keys++}`, bytes).then(() => answer(stream, bytes));
      else answer(stream, bytes);
      if (headers[":method"] !== "PUT" || watchers.size === 0) return;
      const line = Buffer.concat([Buffer.from('{"type":"MODIFIED","object":'), bytes, Buffer.from("}\n")]);
      for (const watcher of watchers) watcher.write(line);
    });
  } else if (headers[":path"]?.endsWith("watch")) {
    stream.respond(answered);
    watchers.add(stream);
    stream.on("close", () => watchers.delete(stream));
  } else answer(stream, prepared);
});
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on("disconnect", () => {
  if (folder) rmSync(folder, { recursive: true, force: true });
  process.exit(0);
});

function answer(stream: ServerHttp2Stream, bytes: Buffer): void {
  stream.respond({ ...answered, "content-length": bytes.length });
  stream.end(bytes);
}

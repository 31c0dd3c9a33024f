import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join, posix } from "node:path";
import { pipeline } from "node:stream/promises";

const types: Readonly<Record<string, string>> = {
  ".avif": "image/avif",
  ".css": "text/css; charset=utf-8",
  ".gif": "image/gif",
  ".htm": "text/html; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".mjs": "text/javascript; charset=utf-8",
  ".pdf": "application/pdf",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webp": "image/webp",
  ".xml": "text/xml; charset=utf-8",
};

/** Answers with a file of the folder, its index.html, or a list of what is in it. `path` begins with a slash and is decoded. */
export async function serveFile(
  folder: string,
  path: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { pathname, search } = new URL(req.url ?? "/", "http://localhost");
  const moved = (place: string) => res.writeHead(301, { location: `${place}${search}` }).end();
  if (path.endsWith("/index.html")) return void moved("./");
  const file = join(folder, posix.normalize(path));
  try {
    const found = await stat(file);
    if (!found.isDirectory()) {
      if (path.endsWith("/")) return void moved(`../${posix.basename(pathname)}`);
      return await sendFile(file, found, req, res);
    }
    if (!path.endsWith("/")) return void moved(`${posix.basename(pathname)}/`);
    const index = join(file, "index.html");
    const asIndex = await stat(index).catch(() => undefined);
    if (asIndex?.isFile()) return await sendFile(index, asIndex, req, res);
    return await sendList(file, req, res);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (res.headersSent) res.destroy();
    else if (code === "EACCES") answerText(res, 403, "403 Forbidden");
    else if (code === "ENOENT" || code === "ENOTDIR") answerText(res, 404, "404 page not found");
    else answerText(res, 500, "500 Internal Server Error");
  }
}

/** A plain answer of one line. */
export function answerText(res: ServerResponse, status: number, line: string): void {
  const headers = { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" };
  res.writeHead(status, headers).end(`${line}\n`);
}

async function sendFile(
  file: string,
  { size, mtimeMs }: { readonly size: number; readonly mtimeMs: number },
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const seconds = Math.floor(mtimeMs / 1000) * 1000;
  const headers = {
    "accept-ranges": "bytes",
    "content-type": types[extname(file).toLowerCase()] ?? "application/octet-stream",
    "last-modified": new Date(seconds).toUTCString(),
  };
  const since = Date.parse(req.headers["if-modified-since"] ?? "");
  if (seconds <= since) return void res.writeHead(304, headers).end();
  const range = rangeOf(req.headers.range, size);
  if (range === "none") {
    res.setHeader("content-range", `bytes */${size}`);
    return answerText(res, 416, "invalid range: failed to overlap");
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  const partial = range ? { "content-range": `bytes ${start}-${end}/${size}` } : {};
  res.writeHead(range ? 206 : 200, { ...headers, ...partial, "content-length": end - start + 1 });
  if (req.method === "HEAD" || end < start) res.end();
  else await pipeline(createReadStream(file, { start, end }), res);
}

/** One range of bytes; several are answered with the whole file. */
function rangeOf(
  header: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | "none" | undefined {
  const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (from === "" && to === "") return undefined;
  const start = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1);
  return start > end || start >= size ? "none" : { start, end };
}

async function sendList(folder: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
  const lines = names.map((name) => `<a href="${escaped(linkTo(name))}">${escaped(name)}</a>\n`);
  res.writeHead(200, { "content-type": "text/html; charset=utf-8" });
  res.end(
    req.method === "HEAD"
      ? undefined
      : `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${lines.join("")}</pre>\n`,
  );
}

/** A name with a colon in its first part would be read as a scheme. */
function linkTo(name: string): string {
  const link = encodeURI(name).replaceAll("?", "%3F").replaceAll("#", "%23");
  return link.includes(":") ? `./${link}` : link;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
};
const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => entities[character] ?? character);

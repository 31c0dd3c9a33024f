import type { IncomingHttpHeaders } from "node:http";
import { promisify } from "node:util";
import { createGzip, gzip } from "node:zlib";
import { type ByteSource, sendParts } from "../wire/byte-source.ts";
import type { HttpResponse } from "../wire/http-message.ts";
import type { ServerResponse } from "./exchange.ts";

/** Answers this long are compressed for clients that like it. */
const compressFrom = 128 * 1024;
const fast = { level: 1 };
const compress = promisify(gzip);

/** The answer, compressed if it is long and the client takes that. */
export async function compressed(
  { status, headers }: Pick<ServerResponse, "status" | "headers">,
  body: Uint8Array | ByteSource,
  asked: IncomingHttpHeaders,
): Promise<HttpResponse> {
  if (!wantsGzip(asked)) return { status, headers, body };
  const packed = { ...headers, "content-encoding": "gzip", vary: "Accept-Encoding" };
  if (body instanceof Uint8Array) {
    if (body.byteLength < compressFrom) return { status, headers, body };
    return { status, headers: packed, body: await compress(body, fast) };
  }
  const start = Buffer.allocUnsafeSlow(compressFrom);
  const filled = body.readInto(start);
  if (filled < compressFrom) return { status, headers, body: start.subarray(0, filled) };
  return { status, headers: packed, body: packedParts(start, body) };
}

function wantsGzip(headers: IncomingHttpHeaders): boolean {
  return String(headers["accept-encoding"] ?? "").includes("gzip");
}

/** Compresses `start` and what follows it, as fast as somebody reads. */
async function* packedParts(start: Buffer, rest: ByteSource): AsyncGenerator<Uint8Array> {
  const packer = createGzip({ ...fast, chunkSize: compressFrom / 2 });
  const put = (part: Buffer) => new Promise<boolean>((resolve) => packer.write(part, (error) => resolve(!error)));
  const feed = async () => {
    if (await put(start)) await sendParts(rest, put);
    packer.end();
  };
  feed().catch((error: unknown) => packer.destroy(error as Error));
  yield* packer;
}

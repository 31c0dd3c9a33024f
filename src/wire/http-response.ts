import type { IncomingMessage, ServerResponse } from "node:http";
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Writable } from "node:stream";
import type { HttpResponse } from "./http-server.ts";

/** Writes an answer on an HTTP/1.1 connection; resolves when it is handed over or the client is gone. */
export async function sendH1(response: ServerResponse, request: IncomingMessage, answer: HttpResponse): Promise<void> {
  const { body } = answer;
  const headers = { ...answer.headers } as OutgoingHttpHeaders;
  const whole = body === undefined || typeof body === "string" || body instanceof Uint8Array;
  if (whole && answer.status >= 200) headers["content-length"] ??= lengthOf(body);
  // A body that nobody read would be taken for the next request.
  if (!request.complete && !request.readableEnded) headers.connection = "close";
  response.writeHead(answer.status, headers);
  if (whole) {
    response.end(request.method === "HEAD" ? undefined : body);
    return;
  }
  response.flushHeaders();
  await pour(response, body);
}

/** Writes an answer on an HTTP/2 stream; resolves when it is handed over or the client is gone. */
export async function sendH2(
  stream: ServerHttp2Stream,
  request: IncomingHttpHeaders,
  answer: HttpResponse,
): Promise<void> {
  if (stream.destroyed || stream.closed) return await abandon(answer.body);
  const { body } = answer;
  const headers = { ":status": answer.status, ...answer.headers } as OutgoingHttpHeaders;
  const whole = body === undefined || typeof body === "string" || body instanceof Uint8Array;
  if (whole) headers["content-length"] ??= lengthOf(body);
  const bodyless = request[":method"] === "HEAD" || (whole && lengthOf(body) === 0);
  stream.respond(headers, { endStream: bodyless });
  if (bodyless) return;
  if (whole) {
    stream.end(body);
    return;
  }
  await pour(stream, body);
}

function lengthOf(body: Uint8Array | string | undefined): number {
  return body === undefined ? 0 : typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
}

async function abandon(body: HttpResponse["body"]): Promise<void> {
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) return;
  await body[Symbol.asyncIterator]().return?.();
}

async function pour(target: Writable, body: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const chunk of body) {
      if (target.destroyed) return;
      if (!target.write(chunk)) await drained(target);
    }
    target.end();
  } catch (error) {
    // The status is out already: only a broken stream tells the client that the rest is missing.
    target.destroy();
    throw error;
  }
}

function drained(target: Writable): Promise<void> {
  if (target.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      target.off("drain", done);
      target.off("close", done);
      resolve();
    };
    target.on("drain", done);
    target.on("close", done);
  });
}

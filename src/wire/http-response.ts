import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Writable } from "node:stream";
import type { HttpResponse } from "./http-message.ts";

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

function lengthOf(body: Uint8Array | string | undefined): number {
  return body === undefined ? 0 : typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
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

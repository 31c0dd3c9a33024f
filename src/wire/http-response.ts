import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Writable } from "node:stream";
import { systemClock } from "../lib/clock.ts";
import { isByteSource, sendParts } from "./byte-source.ts";
import { usualLimits } from "./h2/limits.ts";
import type { HttpResponse } from "./http-message.ts";

/** Writes an answer on an HTTP/1.1 connection; resolves when it is handed over or the client is gone. */
export async function sendH1(response: ServerResponse, request: IncomingMessage, answer: HttpResponse): Promise<void> {
  const { body } = answer;
  const headers = { ...answer.headers } as OutgoingHttpHeaders;
  const whole = body === undefined || typeof body === "string" || body instanceof Uint8Array;
  if (whole && answer.status >= 200) headers["content-length"] ??= lengthOf(body);
  // A body that nobody read would be taken for the next request.
  const unread = !request.complete && !request.readableEnded;
  if (unread) headers.connection = "close";
  response.writeHead(answer.status, headers);
  if (whole) {
    if (unread) {
      if (request.method !== "HEAD" && lengthOf(body) > 0) response.write(body);
      else response.flushHeaders();
      await surplus(request);
      response.end();
    } else response.end(request.method === "HEAD" ? undefined : body);
    return;
  }
  response.flushHeaders();
  if (isByteSource(body)) {
    await sendParts(body, (part) => taken(response, part));
    response.end();
  } else await pour(response, body);
}

/** Resolves when the socket has a part, with whether it took it. */
function taken(target: Writable, part: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    if (target.destroyed) resolve(false);
    else target.write(part, (error) => resolve(!error));
  });
}

/**
 * Takes in what else a client says before it reads its answer: closing the connection over it would cut the answer off.
 * Resolves at the end of the request, or when that is too much or takes too long.
 */
function surplus(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    const done = () => {
      timer[Symbol.dispose]();
      request.off("data", count).off("end", done).off("close", done);
      resolve();
    };
    const count = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > usualLimits.surplus.bytes) done();
    };
    const timer = systemClock.after(usualLimits.surplus.seconds * 1000, done);
    request.on("data", count).on("end", done).on("close", done).resume();
    if (request.destroyed) done();
  });
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

import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { HttpHandler, HttpRequest, HttpResponse } from "../wire/http-server.ts";
import { compressed } from "./compression.ts";
import type { EventFrame, RequestBody, ServerRequest, ServerResponse } from "./exchange.ts";

/** Puts a server's `handle` behind an HTTP port. */
export function serveHttp(handle: (request: ServerRequest) => Promise<ServerResponse>): HttpHandler {
  return async (request) => {
    const response = await handle(fromHttp(request));
    return toHttp(response, request.headers);
  };
}

function fromHttp(request: HttpRequest): ServerRequest {
  const { shown, address } = request.peer;
  return {
    method: request.method,
    path: request.target,
    headers: request.headers,
    body: bodyOf(request),
    ...(shown ? { certificate: shown } : {}),
    address,
    get signal() {
      return request.signal;
    },
  };
}

const noBody: RequestBody = { kind: "none" };

function bodyOf(request: HttpRequest): RequestBody {
  const { method, headers } = request;
  if (
    (method === "GET" || method === "HEAD") &&
    headers["content-length"] === undefined &&
    headers["transfer-encoding"] === undefined
  ) {
    return noBody;
  }
  return { kind: "bytes", read: (limit) => request.body(limit), chunks: () => request.chunks() };
}

async function toHttp({ status, headers, body }: ServerResponse, asked: IncomingHttpHeaders): Promise<HttpResponse> {
  switch (body.kind) {
    case "none":
      return { status, headers };
    case "bytes":
      return compressed({ status, headers }, body.bytes, asked);
    case "object":
      return compressed({ status, headers }, body.bytes(), asked);
    case "events":
      return { status, headers, body: lines(body.events, body.sent) };
    case "stream":
      return { status, headers, body: body.stream };
  }
}

// Not a generator: with a thousand watchers, each turn of one more costs as much as writing the line.
function lines(
  bunches: AsyncIterable<readonly EventFrame[]>,
  sent: ((bytes: number) => void) | undefined,
): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = bunches[Symbol.asyncIterator]();
      return {
        async next() {
          const { done, value } = await iterator.next();
          return done ? { done, value: undefined } : { done: false, value: joined(value, sent) };
        },
        async return() {
          await iterator.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

function joined(bunch: readonly EventFrame[], sent: ((bytes: number) => void) | undefined): Uint8Array {
  const all = bunch.map((frame) => frame.line());
  if (sent) for (const line of all) sent(line.byteLength);
  return all.length === 1 ? all[0]! : Buffer.concat(all);
}

/** Who stands behind a connection, as in ServerRequest. */
export type Origin = Pick<ServerRequest, "identity" | "certificate">;

/** The request behind an upgrade, which has no body yet. */
export function upgradeRequest(message: IncomingMessage, origin: Origin): ServerRequest {
  return {
    method: message.method ?? "GET",
    path: message.url ?? "/",
    headers: message.headers,
    body: noBody,
    ...origin,
    address: message.socket.remoteAddress ?? "",
    signal: new AbortController().signal,
  };
}

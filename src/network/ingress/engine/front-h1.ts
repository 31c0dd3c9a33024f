import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { createServer } from "../../../lib/plain-http.ts";
import { standardAnswer } from "../standard-answers.ts";
import type { FrontHandler, FrontRequest, FrontResponse, Head, HeaderList } from "./exchange.ts";
import { readHead } from "./headers.ts";
import type { EngineLimits } from "./limits.ts";

/** A request that wants to be something else than HTTP on this connection, from now on. */
export interface UpgradeRequest {
  readonly message: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly request: FrontRequest;
}

export interface H1Options {
  readonly handle: FrontHandler;
  readonly upgrade: (request: UpgradeRequest) => void;
  readonly limits: EngineLimits;
}

/** Speaks HTTP/1.1 on sockets that it is handed as `connection`; it never listens itself. */
export function createH1Front({ handle, upgrade, limits }: H1Options): Server {
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headerTime,
      requestTimeout: 0,
      keepAliveTimeout: limits.clientIdle,
      connectionsCheckingInterval: Math.min(5000, Math.max(50, limits.headerTime / 4)),
      insecureHTTPParser: false,
      // Node would drop what is beyond silently; the size of the head is the limit.
      ...{ noDelay: true },
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() !== "h2c",
    },
    (message, response) => {
      const request = readRequest(message);
      if (!request) return refuse(response);
      handle(request, new H1Response(message, response));
    },
  );
  server.maxHeadersCount = 0;
  server.timeout = limits.clientIdle;
  server.on("upgrade", (message, socket, head) => {
    socket.on("error", () => socket.destroy());
    const request = readRequest(message);
    // What could be a body is, after an upgrade that the back end refuses, its next request.
    if (!request || request.body) {
      socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      return;
    }
    upgrade({ message, socket, head, request });
  });
  server.emit("listening"); // it never listens by itself, but its guard against slow heads starts with this
  return server;
}

function readRequest(message: IncomingMessage): FrontRequest | undefined {
  const { headers, host, length, trailers, ambiguous } = readHead(message.rawHeaders);
  const chunked = message.headers["transfer-encoding"] !== undefined;
  if (ambiguous || (chunked && length !== undefined)) return undefined;
  const { target, authority } = targetOf(message.url ?? "/", host);
  const { socket } = message;
  return {
    method: message.method ?? "GET",
    target,
    authority,
    secure: (socket as TLSSocket).encrypted === true,
    clientAddress: socket.remoteAddress ?? "",
    headers,
    ...(chunked || (length !== undefined && length !== "0") ? { body: { stream: message, length } } : {}),
    trailers,
  };
}

/** A whole URL as the target counts before the Host header (RFC 9112, 3.2.2). */
function targetOf(target: string, host: string): { readonly target: string; readonly authority: string } {
  const whole = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target);
  if (!whole) return { target, authority: host };
  const rest = whole[2] ?? "";
  return { target: rest.startsWith("/") ? rest : `/${rest}`, authority: whole[1] ?? "" };
}

function refuse(response: ServerResponse): void {
  const { status, type, body } = standardAnswer(400);
  response.writeHead(status, { "content-type": type, connection: "close" });
  response.end(body);
}

class H1Response implements FrontResponse {
  readonly sink: ServerResponse;
  readonly #message: IncomingMessage;

  constructor(message: IncomingMessage, response: ServerResponse) {
    this.#message = message;
    this.sink = response;
  }

  head({ status, headers, empty }: Head): void {
    // A client that is still sending what nobody reads any more is let go after the answer.
    this.sink.writeHead(status, headers as string[]);
    if (empty) this.sink.end();
  }

  whole({ status, headers }: Head, body: Buffer): void {
    this.sink.writeHead(status, headers as string[]);
    this.sink.end(body);
  }

  trailers(list: HeaderList): void {
    const pairs: [string, string][] = [];
    for (let index = 0; index + 1 < list.length; index += 2) pairs.push([list[index]!, list[index + 1]!]);
    this.sink.addTrailers(pairs);
  }

  abort(): void {
    this.#message.socket.destroy();
  }

  ended(callback: (complete: boolean) => void): void {
    this.sink.once("close", () => callback(this.sink.writableFinished));
  }
}

import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { standardAnswer } from "../standard-answers.ts";
import type { FrontHandler, FrontRequest, FrontResponse, Head, HeaderList } from "./exchange.ts";
import { readHead } from "./headers.ts";
import type { EngineLimits } from "./limits.ts";

/** Speaks HTTP/2 on sockets that it is handed as `connection`; it never listens itself. */
export function createH2Front({
  handle,
  limits,
}: {
  readonly handle: FrontHandler;
  readonly limits: EngineLimits;
}): Http2Server {
  const server = createServer({
    settings: { maxConcurrentStreams: limits.streams, maxHeaderListSize: limits.headerBytes, enablePush: false },
    maxSessionMemory: 16,
  });
  server.setTimeout(limits.clientIdle);
  server.on("sessionError", () => {});
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number) => {
    stream.on("error", () => {}); // told by `close`
    const request = readRequest(stream, headers, (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0);
    if (!request) return refuse(stream);
    handle(request, new H2Response(stream));
  });
  return server;
}

/** What could be passed on in a line of text. */
const plainTarget = /^[\x21-\x7e\x80-\xff]+$/;

function readRequest(
  stream: ServerHttp2Stream,
  incoming: IncomingHttpHeaders,
  empty: boolean,
): FrontRequest | undefined {
  const method = incoming[":method"];
  const path = incoming[":path"];
  if (!method || !path || method === "CONNECT" || !plainTarget.test(path)) return undefined;
  const { headers, host, length, trailers, ambiguous } = readHead(listOf(incoming));
  const authority = incoming[":authority"] ?? host;
  if (ambiguous || (host !== "" && host !== authority)) return undefined;
  return {
    method,
    target: path,
    authority,
    secure: stream.session?.encrypted === true,
    clientAddress: stream.session?.socket.remoteAddress ?? "",
    headers,
    ...(empty ? {} : { body: { stream, length } }),
    trailers,
  };
}

/** Ordinary headers as a list; the pseudo ones are left out. */
export function listOf(headers: IncomingHttpHeaders): HeaderList {
  const list: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(":") || value === undefined) continue;
    for (const each of Array.isArray(value) ? value : [value]) list.push(name, each);
  }
  return list;
}

/** The other way round: lower-case names, several values as an array. */
export function fieldsOf(list: HeaderList): OutgoingHttpHeaders {
  const fields: Record<string, string | string[]> = Object.create(null);
  for (let index = 0; index + 1 < list.length; index += 2) {
    const name = list[index]!.toLowerCase();
    const value = list[index + 1]!;
    const known = fields[name];
    if (known === undefined) fields[name] = value;
    else if (Array.isArray(known)) known.push(value);
    else if (!single.has(name)) fields[name] = [known, value];
  }
  return fields;
}

/** Node refuses to send these twice; the first counts. */
const single: ReadonlySet<string> = new Set(["content-length", "content-type", "date", "etag", "location", "server"]);

function refuse(stream: ServerHttp2Stream): void {
  const { status, type, body } = standardAnswer(400);
  stream.respond({ ":status": status, "content-type": type });
  stream.end(body);
}

class H2Response implements FrontResponse {
  readonly sink: ServerHttp2Stream;
  #trailers: HeaderList = [];
  #complete = false;

  constructor(stream: ServerHttp2Stream) {
    this.sink = stream;
  }

  head({ status, headers, empty, trailers }: Head): void {
    if (this.sink.destroyed) return;
    if (!empty && trailers) this.sink.once("wantTrailers", () => this.#sendTrailers());
    this.sink.respond(
      { ":status": status, ...fieldsOf(headers) },
      { endStream: empty, waitForTrailers: !empty && trailers },
    );
    if (empty) this.#complete = true;
    else
      this.sink.once("finish", () => {
        this.#complete = true;
      });
  }

  whole(head: Head, body: Buffer): void {
    this.head({ ...head, trailers: false });
    this.sink.end(body);
  }

  trailers(list: HeaderList): void {
    this.#trailers = list;
  }

  abort(): void {
    this.sink.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  ended(callback: (complete: boolean) => void): void {
    this.sink.once("close", () => callback(this.#complete && this.sink.rstCode === constants.NGHTTP2_NO_ERROR));
  }

  #sendTrailers(): void {
    if (this.#trailers.length > 0) this.sink.sendTrailers(fieldsOf(this.#trailers));
    else this.sink.close();
  }
}

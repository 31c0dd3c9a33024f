import type { Server as HttpServer } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Clock } from "../../../lib/clock.ts";
import { STATUS_CODES } from "../../../lib/plain-http.ts";
import type { FrontHandler, FrontRequest, FrontResponse, Head, HeaderList } from "./exchange.ts";
import { BodySink } from "./h1-body-sink.ts";
import { fieldLines, headEnd, readLines } from "./h1-heads.ts";
import { readHead } from "./headers.ts";
import type { EngineLimits } from "./limits.ts";

export interface DirectOptions {
  readonly handle: FrontHandler;
  /** Takes over connections with what is not simple. */
  readonly other: HttpServer;
  readonly limits: EngineLimits;
  readonly clock: Clock;
}

/** Bodies up to so many bytes are copied behind their head, which costs less than a second write. */
const copied = 16_384;
const simpleRequest = /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (\/[\x21-\x7e]*) HTTP\/1\.1$/;
const noBytes: Buffer = Buffer.alloc(0);

/**
 * Answers simple requests of HTTP/1.1 without Node's HTTP, which would take most of what a request costs. Simple is a
 * request that can be read in one way only and came in one piece with its body. A connection with anything else is handed over to
 * Node's HTTP for good, with all that was not answered.
 */
export class DirectFront {
  readonly #options: DirectOptions;
  readonly #connections = new Set<DirectConnection>();
  readonly #date: () => string;

  constructor(options: DirectOptions) {
    this.#options = options;
    this.#date = dates(options.clock);
  }

  accept(socket: Socket): void {
    const left = () => this.#connections.delete(connection);
    const connection: DirectConnection = new DirectConnection(socket, { ...this.#options, date: this.#date, left });
    this.#connections.add(connection);
  }

  /** Connections end, with the answer that is under way if there is one. */
  close(): void {
    for (const connection of this.#connections) connection.close();
  }
}

interface ConnectionOptions extends DirectOptions {
  readonly date: () => string;
  /** Told once when the connection has ended, or somebody else has it. */
  readonly left: () => void;
}

interface SimpleRequest {
  readonly request: FrontRequest;
  readonly keep: boolean;
  /** What came behind it. */
  readonly rest: Buffer;
}

class DirectConnection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #clientAddress: string;
  readonly #secure: boolean;
  #current: DirectResponse | undefined;
  #waiting: Buffer = noBytes;
  #closing = false;
  #asked = false;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#clientAddress = socket.remoteAddress ?? "";
    this.#secure = (socket as TLSSocket).encrypted === true;
    socket.setTimeout(options.limits.headerTime);
    socket.on("timeout", this.#silent);
    socket.on("data", this.#read);
    socket.on("close", this.#closed);
  }

  close(): void {
    this.#closing = true;
    if (!this.#current) this.#socket.destroy();
  }

  #read = (bytes: Buffer): void => {
    if (this.#current || this.#waiting.length > 0) {
      this.#waiting = Buffer.concat([this.#waiting, bytes]);
      this.#socket.pause();
      return;
    }
    this.#take(bytes);
  };

  #take(bytes: Buffer): void {
    const simple = this.#simpleRequest(bytes);
    if (!simple) {
      this.#handOver(bytes);
      return;
    }
    if (!this.#asked) this.#socket.setTimeout(this.#options.limits.clientIdle);
    this.#asked = true;
    const { request, keep, rest } = simple;
    if (rest.length > 0) {
      this.#waiting = rest;
      this.#socket.pause();
    }
    const response = new DirectResponse(this.#socket, request.method, keep && !this.#closing, this.#options.date);
    this.#current = response;
    response.ended((complete) => this.#answered(complete && keep));
    this.#options.handle(request, response);
  }

  #answered(goesOn: boolean): void {
    this.#current = undefined;
    if (!goesOn || this.#closing) {
      this.#socket.end();
      return;
    }
    if (this.#waiting.length === 0) return;
    // Not at once, or as many calls would lie within each other as requests came together.
    process.nextTick(() => {
      const bytes = this.#waiting;
      this.#waiting = noBytes;
      if (this.#socket.destroyed) return;
      this.#socket.resume();
      this.#take(bytes);
    });
  }

  #simpleRequest(bytes: Buffer): SimpleRequest | undefined {
    const end = bytes.indexOf(headEnd);
    if (end < 0 || end > this.#options.limits.headerBytes) return undefined;
    const lines = readLines(bytes.toString("latin1", 0, end));
    const [, method, target] = simpleRequest.exec(lines?.first ?? "") ?? [];
    if (!lines || !method || !target) return undefined;
    const { headers, host, length, trailers, ambiguous, special, close } = readHead(lines.fields);
    if (ambiguous || special || host === "") return undefined;
    const start = end + headEnd.length;
    const size = Number(length ?? 0);
    if (!(start + size <= bytes.length)) return undefined;
    const whole = size > 0 ? bytes.subarray(start, start + size) : undefined;
    return {
      request: {
        ...{
          method,
          target,
          authority: host,
          secure: this.#secure,
          clientAddress: this.#clientAddress,
          headers,
          trailers,
        },
        ...(whole ? { body: { whole, length: String(size) } } : {}),
      },
      keep: !close,
      rest: start + size === bytes.length ? noBytes : bytes.subarray(start + size),
    };
  }

  #handOver(bytes: Buffer): void {
    const socket = this.#socket;
    socket.off("timeout", this.#silent);
    socket.off("data", this.#read);
    socket.off("close", this.#closed);
    this.#options.left();
    socket.setTimeout(0);
    socket.pause();
    socket.unshift(bytes);
    this.#options.other.emit("connection", socket);
    socket.resume();
  }

  #silent = (): void => {
    if (!this.#asked) this.#socket.write("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n", "latin1");
    this.#socket.destroy();
  };

  #closed = (): void => {
    this.#options.left();
    this.#current?.broken();
  };
}

class DirectResponse implements FrontResponse {
  readonly #socket: Socket;
  readonly #method: string;
  readonly #keep: boolean;
  readonly #date: () => string;
  readonly #callbacks: ((complete: boolean) => void)[] = [];
  #settled = false;
  #length: number | undefined;
  #sink: BodySink | undefined;
  #trailers: HeaderList = [];

  constructor(socket: Socket, method: string, keep: boolean, date: () => string) {
    this.#socket = socket;
    this.#method = method;
    this.#keep = keep;
    this.#date = date;
  }

  head({ status, headers, empty }: Head): void {
    const { text, length } = this.#headText(status, headers, empty ? 0 : undefined);
    this.#length = length;
    if (empty) this.#socket.write(text, "latin1", this.#written);
    else this.#socket.write(text, "latin1");
  }

  whole({ status, headers }: Head, body: Buffer): void {
    const { text } = this.#headText(status, headers, body.length);
    if (body.length <= copied) {
      const bytes = Buffer.allocUnsafe(text.length + body.length);
      bytes.write(text, "latin1");
      bytes.set(body, text.length);
      this.#socket.write(bytes, this.#written);
      return;
    }
    this.#socket.cork();
    this.#socket.write(text, "latin1");
    this.#socket.write(body, this.#written);
    this.#socket.uncork();
  }

  get sink(): BodySink {
    this.#sink ??= new BodySink(this.#socket, {
      length: this.#length,
      trailerLines: () => fieldLines(this.#trailers),
      finished: () => this.#settle(true),
    });
    return this.#sink;
  }

  trailers(list: HeaderList): void {
    this.#trailers = list;
  }

  abort(): void {
    this.#socket.destroy();
  }

  ended(callback: (complete: boolean) => void): void {
    this.#callbacks.push(callback);
  }

  /** The client has gone. */
  broken(): void {
    this.#sink?.destroy();
    this.#settle(false);
  }

  #written = (error?: Error | null): void => {
    if (!error) this.#settle(true);
  };

  #settle(complete: boolean): void {
    if (this.#settled) return;
    this.#settled = true;
    for (const callback of this.#callbacks) callback(complete);
  }

  /** `known` is the body's length where nobody has said it. Gives the length that is said, or none for chunks. */
  #headText(
    status: number,
    headers: HeaderList,
    known: number | undefined,
  ): { text: string; length: number | undefined } {
    let length: number | undefined;
    let dated = false;
    for (let index = 0; index + 1 < headers.length; index += 2) {
      const name = headers[index]!;
      if (name.length === 14 && name.toLowerCase() === "content-length") length = Number(headers[index + 1]);
      else if (name.length === 4 && name.toLowerCase() === "date") dated = true;
    }
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}\r\n${fieldLines(headers)}`;
    if (!dated) text += `Date: ${this.#date()}\r\n`;
    if (!this.#keep) text += "Connection: close\r\n";
    if (length === undefined && this.#method !== "HEAD" && status !== 204 && status !== 304) {
      length = known;
      text += known === undefined ? "Transfer-Encoding: chunked\r\n" : `Content-Length: ${known}\r\n`;
    }
    return { text: `${text}\r\n`, length };
  }
}

/** The date of answers, made anew once a second. */
function dates(clock: Clock): () => string {
  let second = 0;
  let text = "";
  return () => {
    const now = Math.floor(clock.now() / 1000);
    if (now !== second) {
      second = now;
      text = new Date(now * 1000).toUTCString();
    }
    return text;
  };
}

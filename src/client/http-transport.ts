import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { Fault } from "../lib/fault.ts";
import { jsonLines } from "./json-lines.ts";
import type { Transport, TransportRequest, TransportResponse, WatchEvent } from "./transport.ts";

export interface HttpTransportOptions {
  /** `https://127.0.0.1:6443` */
  readonly server: string;
  /** PEM certificates that the server's must descend from. */
  readonly ca?: string | Buffer;
  /** PEM client certificate and key; another certificate means another connection for the calls that follow. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** A bearer token, asked for at every call so that it can be renewed. */
  readonly token?: () => string | Promise<string>;
  readonly serverName?: string;
  /** Accepts any server certificate. */
  readonly insecure?: boolean;
  readonly userAgent?: string;
}

/** Calls over HTTP/2 on one connection, opened on first use and again after it broke. */
export function httpTransport(options: HttpTransportOptions): Transport {
  let session: ClientHttp2Session | undefined;
  let shown: string | Buffer | undefined;
  let closed = false;

  const open = (): ClientHttp2Session => {
    if (closed) throw new Fault("closed", "the connection to the API server is closed");
    const { cert } = options;
    if (session && !session.closed && !session.destroyed && shown === cert) return session;
    session?.close(); // what still runs on it may end by itself
    shown = cert;
    const opened = connect(options.server, {
      ca: options.ca,
      cert,
      key: options.key,
      servername: options.serverName,
      rejectUnauthorized: !options.insecure,
      ALPNProtocols: ["h2"],
      settings: { initialWindowSize: 4 * 1024 * 1024 },
    });
    // Each stream reports the session's failure itself; without a listener it would end the process.
    opened.on("error", () => {});
    opened.on("connect", () => opened.setLocalWindowSize(16 * 1024 * 1024));
    noticeSilence(opened);
    opened.on("goaway", () => {
      if (session === opened) session = undefined;
    });
    opened.on("close", () => {
      if (session === opened) session = undefined;
    });
    opened.unref();
    session = opened;
    return opened;
  };

  return {
    async send(request) {
      const headers: Record<string, string> = {
        ":method": request.method,
        ":path": request.path,
        accept: "application/json",
        "user-agent": options.userAgent ?? "navarch",
        ...request.headers,
      };
      if (options.token) headers.authorization = `Bearer ${await options.token()}`;
      let body: Buffer | undefined;
      if (request.body !== undefined) {
        body = Buffer.from(JSON.stringify(request.body));
        headers["content-type"] ??= "application/json";
      }
      if (request.signal?.aborted) throw new Fault("aborted", "the call was given up before it was sent");
      return await exchange(open(), headers, body, request);
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      session?.destroy();
    },
  };
}

function exchange(
  session: ClientHttp2Session,
  headers: Record<string, string>,
  body: Buffer | undefined,
  request: TransportRequest,
): Promise<TransportResponse> {
  return new Promise((resolve, reject) => {
    let stream: ClientHttp2Stream;
    try {
      stream = session.request(headers, { endStream: body === undefined });
    } catch (error) {
      reject(
        new Fault("unavailable", `the API server cannot be reached: ${(error as Error).message}`, { cause: error }),
      );
      return;
    }
    keepAlive(session, stream);
    const abort = () => stream.close(constants.NGHTTP2_CANCEL);
    request.signal?.addEventListener("abort", abort, { once: true });
    let answered = false;
    const fail = (error?: Error) => {
      if (answered) return;
      answered = true;
      if (request.signal?.aborted) reject(new Fault("aborted", "the call was given up"));
      else
        reject(
          new Fault("unavailable", `the API server cannot be reached: ${reason(session, error)}`, { cause: error }),
        );
    };
    stream.once("error", fail);
    stream.once("close", () => {
      request.signal?.removeEventListener("abort", abort);
      fail();
    });
    stream.once("response", (answer) => {
      answered = true;
      resolve(response(stream, answer, request.signal));
    });
    if (body !== undefined) stream.end(body);
  });
}

const openStreams = new WeakMap<ClientHttp2Session, number>();

/** After so many milliseconds without a byte the other side is asked whether it is there; after as many more it is given up. */
const silence = 30_000;

function noticeSilence(session: ClientHttp2Session): void {
  let asked = false;
  session.setTimeout(silence, () => {
    if (asked) {
      session.destroy(new Fault("unavailable", "the API server does not answer any more"));
      return;
    }
    asked = true;
    session.ping(() => {
      asked = false;
    });
  });
}

/** While a call is under way the process must live; an idle connection must not keep it alive. */
function keepAlive(session: ClientHttp2Session, stream: ClientHttp2Stream): void {
  const count = (openStreams.get(session) ?? 0) + 1;
  openStreams.set(session, count);
  if (count === 1) session.ref();
  stream.once("close", () => {
    const left = (openStreams.get(session) ?? 1) - 1;
    openStreams.set(session, left);
    if (left === 0 && !session.destroyed) session.unref();
  });
}

function reason(session: ClientHttp2Session, error: Error | undefined): string {
  const code = error && "code" in error ? String(error.code) : "";
  if (code === "ECONNREFUSED") return `connection refused at ${session.originSet?.[0] ?? "its address"}`;
  return error?.message ?? "the connection was closed";
}

function response(
  stream: ClientHttp2Stream,
  answer: Readonly<Record<string, unknown>>,
  signal: AbortSignal | undefined,
): TransportResponse {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(answer)) {
    if (!name.startsWith(":")) headers[name] = Array.isArray(value) ? value.join(", ") : String(value);
  }
  async function* bytes(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of stream) yield chunk as Uint8Array;
    } catch (error) {
      if (signal?.aborted) return;
      throw brokenOff(error as Error);
    } finally {
      if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL);
    }
  }
  return {
    status: Number(answer[":status"]),
    headers,
    async value() {
      const chunks: Uint8Array[] = [];
      for await (const chunk of bytes()) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString("utf8");
      if (signal?.aborted) throw new Fault("aborted", "the call was given up");
      return text !== "" && headers["content-type"]?.includes("json") ? parse(text) : text;
    },
    async *events() {
      try {
        for await (const event of jsonLines(bytes())) yield event as WatchEvent;
      } catch (error) {
        // What was given up may end in the middle of a line.
        if (signal?.aborted) return;
        if (error instanceof SyntaxError) throw brokenOff(error);
        throw error;
      }
    },
    bytes,
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw brokenOff(error as Error);
  }
}

function brokenOff(error: Error): Fault {
  return new Fault("unavailable", `the API server's answer broke off: ${error.message}`, { cause: error });
}

import type { Agent as HttpAgent, IncomingMessage, RequestOptions } from "node:http";
import type { Duplex, Readable } from "node:stream";
import type { SecureContextOptions } from "node:tls";
import { Fault } from "../lib/fault.ts";
import { jsonLines } from "./json-lines.ts";
import type { Transport, TransportRequest, TransportResponse, WatchEvent } from "./transport.ts";

/** What a TLS connection to the server is made with. */
export interface Http1Tls extends SecureContextOptions {
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

export interface Http1Options {
  /** `https://host:6443`, `http://localhost:8080/prefix`. */
  readonly server: string;
  /** Asked for at every new connection. */
  readonly tls?: () => Http1Tls | Promise<Http1Tls>;
  /** Asked for at every call: who is asking. */
  readonly headers?: () =>
    | Readonly<Record<string, string | readonly string[]>>
    | Promise<Readonly<Record<string, string | readonly string[]>>>;
  /** Connects in another way than to the server's own address (a proxy); TLS comes on top. */
  readonly dial?: () => Promise<Duplex>;
  /** Answers may be compressed. */
  readonly compression?: boolean;
}

/**
 * Calls over HTTP/1.1, for tools that make a few: works with every server and through proxies. A body that is a Uint8Array
 * goes as it is. The cause of a Fault `unavailable` is the system's error.
 */
export function http1Transport(options: Http1Options): Transport {
  const base = new URL(options.server);
  const secure = base.protocol === "https:";
  const prefix = base.pathname.replace(/\/$/, "");
  const closed = new AbortController();
  let agent: Promise<HttpAgent> | undefined;

  const makeAgent = async (): Promise<HttpAgent> => {
    const keep = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY };
    if (!secure) {
      const { Agent } = await import("node:http");
      return new Agent(keep);
    }
    const { Agent } = await import("node:https");
    return new Agent({ ...keep, ...(await options.tls?.()) });
  };

  return {
    async send(call) {
      if (call.signal?.aborted || closed.signal.aborted)
        throw new Fault("aborted", "the call was given up before it was sent");
      const { request } = secure ? await import("node:https") : await import("node:http");
      const headers = await headersOf(call, options);
      agent ??= makeAgent();
      const body = bodyOf(call.body);
      if (body) headers["content-length"] = String(body.length);
      const [dialled, usedAgent] = await Promise.all([options.dial?.(), agent]);
      const target: RequestOptions = {
        protocol: base.protocol,
        hostname: base.hostname.replace(/^\[|\]$/g, ""),
        port: base.port || (secure ? 443 : 80),
        path: prefix + call.path,
        method: call.method,
        headers: headers as Record<string, string | string[]>,
        signal: call.signal,
        ...(dialled ? { createConnection: await overDialled(dialled, base, secure, options) } : { agent: usedAgent }),
      };
      return await new Promise<TransportResponse>((resolve, reject) => {
        const sent = request(target, (answer) => resolve(responseOf(answer, call.signal)));
        sent.on("error", (error) => {
          dialled?.destroy();
          reject(
            call.signal?.aborted
              ? new Fault("aborted", "the call was given up", { cause: error })
              : new Fault("unavailable", `the API server cannot be reached: ${error.message}`, { cause: error }),
          );
        });
        sent.end(body);
      });
    },
    async [Symbol.asyncDispose]() {
      closed.abort();
      // Of an agent that could not be made, whoever called was told.
      (await agent?.catch(() => undefined))?.destroy();
    },
  };
}

async function overDialled(socket: Duplex, base: URL, secure: boolean, options: Http1Options) {
  if (!secure) return () => socket;
  const { tlsOver } = await import("./tls-over.ts");
  try {
    const secured = await tlsOver(socket, base, await options.tls?.());
    return () => secured;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function headersOf(
  call: TransportRequest,
  options: Http1Options,
): Promise<Record<string, string | readonly string[]>> {
  return {
    accept: "application/json",
    ...(options.compression ? { "accept-encoding": "gzip" } : {}),
    ...(call.body === undefined ? {} : { "content-type": "application/json" }),
    ...call.headers,
    ...(await options.headers?.()),
  };
}

function bodyOf(body: unknown): Uint8Array | undefined {
  if (body === undefined) return undefined;
  if (body instanceof Uint8Array) return body;
  return Buffer.from(JSON.stringify(body));
}

function responseOf(answer: IncomingMessage, signal: AbortSignal | undefined): TransportResponse {
  const headers = Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : (value ?? ""),
    ]),
  );
  // Commas stand inside warnings as well: each goes on a line of its own.
  const warnings = answer.headersDistinct.warning;
  if (warnings) headers.warning = warnings.join("\n");
  async function* bytes(): AsyncGenerator<Uint8Array> {
    let body: Readable = answer;
    if (headers["content-encoding"] === "gzip") {
      const { createGunzip } = await import("node:zlib");
      body = answer.pipe(createGunzip());
      answer.on("error", (error) => body.destroy(error));
    }
    try {
      for await (const chunk of body) yield chunk as Uint8Array;
    } catch (error) {
      if (signal?.aborted) return;
      throw new Fault("unavailable", `the API server's answer broke off: ${(error as Error).message}`, {
        cause: error,
      });
    } finally {
      answer.destroy();
    }
  }
  return {
    status: answer.statusCode ?? 0,
    headers,
    async value() {
      const chunks: Uint8Array[] = [];
      for await (const chunk of bytes()) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString("utf8");
      if (signal?.aborted) throw new Fault("aborted", "the call was given up");
      if (text === "" || !headers["content-type"]?.includes("json")) return text;
      try {
        return JSON.parse(text) as unknown;
      } catch (error) {
        throw new Fault("unavailable", `the API server's answer broke off: ${(error as Error).message}`, {
          cause: error,
        });
      }
    },
    async *events() {
      for await (const event of jsonLines(bytes())) yield event as WatchEvent;
    },
    bytes,
  };
}

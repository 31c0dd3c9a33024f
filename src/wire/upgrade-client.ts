import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { connect as connectTcp } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { errorMessage, Fault } from "../lib/fault.ts";
import { request } from "../lib/plain-http.ts";
import { streamProtocolHeader, watchPeer } from "./upgrade-request.ts";

/** How a client proves who it is and decides whom to believe. */
export interface TlsOptions {
  readonly ca?: string | Buffer | readonly string[];
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  /** False accepts any certificate. */
  readonly rejectUnauthorized?: boolean;
}

/** Where an upgrade goes, and what it carries. */
export interface UpgradeTarget {
  /** `http:` or `https:`, with path and query. */
  readonly url: string | URL;
  readonly tls?: TlsOptions;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Brings the connection (TLS included) instead of dialling the URL's host. */
  readonly connect?: () => Promise<Duplex>;
  /** Gives up: while connecting, or later the whole session. */
  readonly signal?: AbortSignal;
}

/** What a server said instead of upgrading. */
export interface UpgradeRefusal {
  readonly status: number;
  readonly body: string;
}

/** The server's answer, if that is why a connect function failed. */
export function upgradeRefusal(error: unknown): UpgradeRefusal | undefined {
  return error instanceof Fault && isRefusal(error.cause) ? error.cause : undefined;
}

/** An upgraded connection, ready for SPDY. */
export interface SpdyConnection {
  readonly socket: Duplex;
  readonly head: Buffer;
  /** The stream protocol that the server chose, empty when it named none. */
  readonly protocol: string;
}

/** Dials the target and upgrades to SPDY/3.1. Throws a Fault when the server is not there or refuses (see `upgradeRefusal`). */
export async function openSpdyConnection(target: UpgradeTarget, protocols: readonly string[]): Promise<SpdyConnection> {
  const url = new URL(target.url);
  const socket = await dial(target);
  return await new Promise((resolve, reject) => {
    const fail = (fault: Fault) => {
      socket.destroy();
      reject(fault);
    };
    const req = request({
      createConnection: () => socket,
      method: "POST",
      host: hostOf(url),
      path: `${url.pathname}${url.search}`,
      headers: {
        Host: url.host,
        ...target.headers,
        Connection: "Upgrade",
        Upgrade: "SPDY/3.1",
        [streamProtocolHeader]: [...protocols],
      },
      signal: target.signal,
    });
    req.on("upgrade", (response, upgraded, head) => {
      const chosen = response.headers[streamProtocolHeader.toLowerCase()];
      resolve({ socket: upgraded, head, protocol: typeof chosen === "string" ? chosen : "" });
    });
    req.on("response", (response) => {
      void readRefusal(response).then((refused) => fail(refusedFault(refused)));
    });
    req.on("error", (error) => fail(unreachable(error, target.signal)));
    req.end();
  });
}

/** The Fault for an answer that is not an upgrade. */
export function refusedFault(refused: UpgradeRefusal): Fault {
  const said = refused.body.trim() || `status ${refused.status}`;
  return new Fault("unavailable", `unable to upgrade connection: ${said}`, { cause: refused });
}

/** The Fault for a connection that came to nothing. */
export function unreachable(error: unknown, signal?: AbortSignal): Fault {
  if (error instanceof Fault) return error;
  if (signal?.aborted) return new Fault("aborted", "gave up connecting", { cause: signal.reason });
  return new Fault("unavailable", `unable to connect: ${errorMessage(error)}`, { cause: error });
}

/** Reads the answer that came instead of an upgrade, as far as anybody would want to read it. */
export async function readRefusal(response: IncomingMessage): Promise<UpgradeRefusal> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length > maxRefusal) break;
    }
  } catch {
    // The status alone says enough; the rest of the body is lost with the connection.
  }
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).subarray(0, maxRefusal).toString() };
}

/** Connects to the URL's host, or by the target's own `connect`. */
export async function dial(target: UpgradeTarget): Promise<Duplex> {
  if (target.signal?.aborted) throw unreachable(target.signal.reason, target.signal);
  if (target.connect) return await target.connect();
  const url = new URL(target.url);
  const secure = url.protocol === "https:" || url.protocol === "wss:";
  const address = { host: hostOf(url), port: Number(url.port || (secure ? 443 : 80)) };
  const { ca, ...tls } = target.tls ?? {};
  const socket = secure
    ? connectTls({
        ...address,
        servername: isAddress(address.host) ? undefined : address.host,
        ...tls,
        ca: typeof ca === "object" && !Buffer.isBuffer(ca) ? [...ca] : ca,
        ALPNProtocols: ["http/1.1"],
      })
    : connectTcp(address);
  // Whoever uses the socket listens as well; in between a failure must not be thrown.
  socket.on("error", () => {});
  socket.setNoDelay(true);
  watchPeer(socket);
  return socket;
}

const maxRefusal = 64 * 1024;

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

// RFC 6066 forbids addresses as server names.
function isAddress(host: string): boolean {
  return host.includes(":") || /^\d+(\.\d+){3}$/.test(host);
}

function isRefusal(value: unknown): value is UpgradeRefusal {
  return typeof value === "object" && value !== null && "status" in value && "body" in value;
}

import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type Clock, systemClock } from "../lib/clock.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import { finish } from "./pump.ts";
import type { SpdyHeaders } from "./spdy-headers.ts";
import { SpdySession } from "./spdy-session.ts";
import type { SpdyStream } from "./spdy-stream.ts";
import { acceptSpdyUpgrade, headerValues, isWebSocketRequest, refusal } from "./upgrade-request.ts";
import { ChannelSocket } from "./websocket-channels.ts";
import { acceptWebSocket, tunnelPrefix, webSocketStream } from "./websocket-upgrade.ts";

/** One forwarded connection: what the client sends is read from `data`, and the other way round. */
export interface ForwardedConnection {
  readonly port: number;
  readonly data: Duplex;
  /** Aborts when the client's whole session is gone. */
  readonly signal: AbortSignal;
}

/** Serves one forwarded connection until it is done. What it throws is told to the client as text. */
export type PortForwardHandler = (connection: ForwardedConnection) => Promise<void>;

/** How patient an accepted port-forward is. */
export interface AcceptPortForwardOptions {
  readonly clock?: Clock;
  /** How long a client may take to open the second stream of a pair. Default 30 s. */
  readonly streamCreationTimeoutMs?: number;
  /** Ends a session in which nothing went either way for so long. Default 4 h. */
  readonly idleTimeoutMs?: number;
  /** Streams open at once; a connection takes two. Default 4096. */
  readonly maxStreams?: number;
}

/** A port-forward in progress. */
export interface PortForwardSession {
  /** Always resolves: with a Fault unless the client said goodbye. */
  readonly closed: Promise<Fault | undefined>;
  close(): Promise<void>;
  destroy(fault?: Fault): void;
}

/** The stream protocol of port-forward over SPDY. */
export const portForwardProtocol = "portforward.k8s.io";
const defaultIdleTimeout = 4 * 60 * 60 * 1000;

/**
 * Accepts a port-forward from any client of Kubernetes: SPDY, SPDY tunnelled through a WebSocket, or WebSocket channels
 * with the ports in the query. Calls the handler for every connection. Answers a wrong request as Kubernetes' servers do
 * and throws a Fault `invalid`.
 */
export async function acceptPortForward(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  handler: PortForwardHandler,
  options: AcceptPortForwardOptions = {},
): Promise<PortForwardSession> {
  if (!isWebSocketRequest(req)) {
    acceptSpdyUpgrade(req, socket, [portForwardProtocol]);
    return servePairs(socket, head, handler, options);
  }
  const tunnel = `${tunnelPrefix}${portForwardProtocol}`;
  if (headerValues(req, "Sec-WebSocket-Protocol").includes(tunnel)) {
    const { ws } = await acceptWebSocket(req, socket, head, { protocols: [tunnel] });
    return servePairs(webSocketStream(ws), undefined, handler, options);
  }
  const ports = portsOf(req);
  if (typeof ports === "string") throw refusal(socket, 400, ports);
  const protocols = ["", "v4.channel.k8s.io", "v4.base64.channel.k8s.io"];
  const { ws, protocol } = await acceptWebSocket(req, socket, head, { protocols });
  const channels = new ChannelSocket(ws, {
    encoding: protocol.includes("base64") ? "base64" : "binary",
    clock: options.clock,
    idleTimeoutMs: options.idleTimeoutMs ?? defaultIdleTimeout,
  });
  return serveChannels(channels, ports, handler);
}

function serveChannels(
  channels: ChannelSocket,
  ports: readonly number[],
  handler: PortForwardHandler,
): PortForwardSession {
  const gone = abortedWhen(channels.closed);
  const connections = ports.map((port, index) => ({
    port,
    data: channels.open(2 * index),
    error: channels.open(2 * index + 1),
  }));
  for (const { port, data, error } of connections) {
    // Each channel starts with its port, by which the client tells the connections apart.
    data.write(littleEndian(port));
    error.write(littleEndian(port));
  }
  const all = connections.map(({ port, data, error }) => serve(handler, { port, data, signal: gone }, error));
  void Promise.all(all).then(() => channels.close());
  return channels;
}

interface Pair {
  readonly port: number;
  data?: SpdyStream;
  error?: SpdyStream;
  readonly timer: Disposable;
}

/** Serves the streams of a SPDY connection, which come in pairs of one request each. */
function servePairs(
  socket: Duplex,
  head: Buffer | undefined,
  handler: PortForwardHandler,
  options: AcceptPortForwardOptions,
): PortForwardSession {
  const clock = options.clock ?? systemClock;
  const pairs = new Map<string, Pair>();
  const begin = (id: string, port: number): Pair => {
    const timer = clock.after(options.streamCreationTimeoutMs ?? 30_000, () => {
      const pair = pairs.get(id);
      pairs.delete(id);
      pair?.error?.end("timed out waiting for streams");
      pair?.data?.destroy();
    });
    const pair = { port, timer };
    pairs.set(id, pair);
    return pair;
  };
  const session = new SpdySession(socket, {
    role: "server",
    head,
    clock,
    maxStreams: options.maxStreams,
    idleTimeoutMs: options.idleTimeoutMs ?? defaultIdleTimeout,
    admit: (headers) =>
      parsePort(headers.get("port") ?? "") !== undefined && streamTypes.has(headers.get("streamtype") ?? ""),
    onStream: (stream) => {
      const type = stream.headers.get("streamtype") === "error" ? "error" : "data";
      const id = requestId(stream.headers, stream.id, type);
      const pair = pairs.get(id) ?? begin(id, parsePort(stream.headers.get("port") ?? "") ?? 0);
      if (pair[type]) {
        stream.destroy();
        return;
      }
      pair[type] = stream;
      const { data, error } = pair;
      if (!data || !error) return;
      pairs.delete(id);
      pair.timer[Symbol.dispose]();
      void serve(handler, { port: pair.port, data, signal: gone }, error);
    },
  });
  const gone = abortedWhen(session.closed);
  void session.closed.then(() => {
    for (const { timer } of pairs.values()) timer[Symbol.dispose]();
  });
  return session;
}

async function serve(handler: PortForwardHandler, connection: ForwardedConnection, error: Duplex): Promise<void> {
  error.resume();
  try {
    await handler(connection);
  } catch (fault) {
    if (!error.destroyed) error.write(errorMessage(fault));
  }
  await Promise.all([finish(connection.data), finish(error)]);
  // What the client still sends has nowhere to go, and unread it would hold back its other connections.
  connection.data.resume();
}

const streamTypes: ReadonlySet<string> = new Set(["error", "data"]);

/** Old clients give no number to a request; theirs is that of the error stream, which they open just before the other. */
function requestId(headers: SpdyHeaders, streamId: number, type: "error" | "data"): string {
  return headers.get("requestid") ?? String(type === "error" ? streamId : streamId - 2);
}

/** The ports in the query, or what is wrong with them. */
function portsOf(req: IncomingMessage): readonly number[] | string {
  const query = new URL(req.url ?? "/", "http://host").searchParams;
  const texts = [...query.getAll("port"), ...query.getAll("ports")].flatMap((value) => value.split(","));
  if (texts.length === 0) return 'query parameter "port" is required';
  if (texts.length > maxPorts) return `at most ${maxPorts} ports can be forwarded over one WebSocket`;
  const ports: number[] = [];
  for (const text of texts) {
    if (text === "") return 'query parameter "port" cannot be empty';
    const port = parsePort(text);
    if (port === undefined) return `unable to parse ${JSON.stringify(text)} as a port`;
    ports.push(port);
  }
  return ports;
}

// Channels are numbered by one byte, two to a port.
const maxPorts = 127;

function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 0xffff ? port : undefined;
}

function littleEndian(port: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(port);
  return bytes;
}

function abortedWhen(closed: Promise<Fault | undefined>): AbortSignal {
  const gone = new AbortController();
  void closed.then((fault) => gone.abort(fault ?? new Fault("aborted", "the client hung up")));
  return gone.signal;
}

import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type Clock, systemClock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { finish } from "./pump.ts";
import {
  channel,
  type ExitStatus,
  encodeStatus,
  plainStatus,
  type RemoteCommandSession,
  SizeChanges,
  SizeDecoder,
  type StreamSelection,
  streamProtocol,
} from "./remote-command.ts";
import { SpdySession } from "./spdy-session.ts";
import type { SpdyStream } from "./spdy-stream.ts";
import { acceptSpdyUpgrade, isWebSocketRequest, refusal } from "./upgrade-request.ts";
import { ChannelSocket } from "./websocket-channels.ts";
import { acceptWebSocket } from "./websocket-upgrade.ts";

/** What an exec or attach request asks for, and how long to be patient with it. */
export interface AcceptExecOptions extends StreamSelection {
  readonly clock?: Clock;
  /** How long a SPDY client may take to open its streams. Default 30 s. */
  readonly streamCreationTimeoutMs?: number;
  /** Ends a session in which nothing went either way for so long. Default 4 h. */
  readonly idleTimeoutMs?: number;
}

const defaultIdleTimeout = 4 * 60 * 60 * 1000;

/**
 * Accepts an exec or attach from any client of Kubernetes: WebSocket (v5, v4, v1, binary or base64) or SPDY (v4 to v1).
 * Answers a wrong request as Kubernetes' servers do and throws a Fault `invalid`; throws `timeout` or `unavailable`
 * when the client does not open its streams.
 */
export async function acceptExec(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: AcceptExecOptions,
): Promise<RemoteCommandSession> {
  if (!options.stdin && !options.stdout && !options.stderr) {
    throw refusal(socket, 400, "you must specify at least 1 of stdin, stdout, stderr");
  }
  // A terminal has one output.
  const wanted = options.tty ? { ...options, stderr: false } : options;
  const accept = isWebSocketRequest(req) ? acceptChannels : acceptSpdy;
  return await accept(req, socket, head, wanted);
}

/** Reads `stdin`, `stdout`, `stderr` and `tty` from the query of a request, as the API spells them or as the kubelet does. */
export function streamSelection(query: URLSearchParams): Required<StreamSelection> {
  const flag = (...names: readonly string[]) => names.some((name) => ["1", "true"].includes(query.get(name) ?? ""));
  return {
    stdin: flag("stdin", "input"),
    stdout: flag("stdout", "output"),
    stderr: flag("stderr", "error"),
    tty: flag("tty"),
  };
}

const webSocketProtocols = [
  "",
  streamProtocol.v1,
  `base64.${streamProtocol.v1}`,
  streamProtocol.v4,
  "v4.base64.channel.k8s.io",
  streamProtocol.v5,
];

async function acceptChannels(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: AcceptExecOptions,
): Promise<RemoteCommandSession> {
  const { ws, protocol } = await acceptWebSocket(req, socket, head, { protocols: webSocketProtocols });
  const channels = new ChannelSocket(ws, {
    encoding: protocol.includes("base64") ? "base64" : "binary",
    closeSignal: protocol === streamProtocol.v5 ? "receive" : undefined,
    clock: options.clock,
    idleTimeoutMs: options.idleTimeoutMs ?? defaultIdleTimeout,
  });
  const stdout = options.stdout ? channels.open(channel.stdout) : undefined;
  const stderr = options.stderr ? channels.open(channel.stderr) : undefined;
  channels.greet(stdout ? channel.stdout : stderr ? channel.stderr : channel.error);
  return sessionOf({
    protocol,
    json: protocol.startsWith("v"),
    error: channels.open(channel.error),
    stdin: options.stdin ? channels.open(channel.stdin) : undefined,
    stdout,
    stderr,
    resize: channels.open(channel.resize),
    connection: channels,
  });
}

const spdyProtocols = [streamProtocol.v4, streamProtocol.v3, streamProtocol.v2, streamProtocol.v1];

async function acceptSpdy(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: AcceptExecOptions,
): Promise<RemoteCommandSession> {
  const protocol = acceptSpdyUpgrade(req, socket, spdyProtocols);
  const resizes = options.tty === true && (protocol === streamProtocol.v4 || protocol === streamProtocol.v3);
  const expected = new Set([
    "error",
    ...(options.stdin ? ["stdin"] : []),
    ...(options.stdout ? ["stdout"] : []),
    ...(options.stderr ? ["stderr"] : []),
    ...(resizes ? ["resize"] : []),
  ]);
  const { session, streams } = await collectStreams(socket, head, expected, options);
  return sessionOf({
    protocol,
    json: protocol === streamProtocol.v4,
    error: streams.get("error")!,
    stdin: streams.get("stdin"),
    stdout: streams.get("stdout"),
    stderr: streams.get("stderr"),
    resize: streams.get("resize"),
    connection: session,
  });
}

/** What an accepted connection consists of, in either form. */
interface AcceptedStreams {
  readonly protocol: string;
  /** Whether the error stream carries a Status object, or plain text. */
  readonly json: boolean;
  readonly error: Duplex;
  readonly stdin?: Duplex;
  readonly stdout?: Duplex;
  readonly stderr?: Duplex;
  readonly resize?: Duplex;
  readonly connection: {
    readonly closed: Promise<Fault | undefined>;
    close(): Promise<void>;
    destroy(fault?: Fault): void;
  };
}

function sessionOf(accepted: AcceptedStreams): RemoteCommandSession {
  const { protocol, json, error, stdin, stdout, stderr, connection } = accepted;
  // Nothing is expected to come in on these, and nothing may pile up.
  for (const stream of [error, stdout, stderr]) stream?.resume();
  const resize = decodeSizes(accepted.resize);
  const gone = new AbortController();
  let exiting: Promise<void> | undefined;
  void connection.closed.then((fault) => {
    resize.end();
    if (!exiting) gone.abort(fault ?? new Fault("aborted", "the client hung up"));
  });
  const exit = async (status: ExitStatus): Promise<void> => {
    await Promise.all([stdout, stderr].map((stream) => stream && finish(stream)));
    if (!error.destroyed) error.end(json ? encodeStatus(status) : plainStatus(status));
    await Promise.all([error, stdin, accepted.resize].map((stream) => stream && finish(stream)));
    // Input that nobody wants any more must not hold back the client's goodbye.
    stdin?.resume();
    await connection.close();
  };
  return {
    protocol,
    stdin,
    stdout,
    stderr,
    resize,
    signal: gone.signal,
    exit: (status) => {
      exiting ??= exit(status);
      return exiting;
    },
    destroy: (fault) => connection.destroy(fault),
  };
}

/** Waits until the client has opened every stream that it announced in its request. */
function collectStreams(
  socket: Duplex,
  head: Buffer,
  expected: ReadonlySet<string>,
  options: AcceptExecOptions,
): Promise<{ readonly session: SpdySession; readonly streams: ReadonlyMap<string, SpdyStream> }> {
  const clock = options.clock ?? systemClock;
  const streams = new Map<string, SpdyStream>();
  return new Promise((resolve, reject) => {
    const session = new SpdySession(socket, {
      role: "server",
      head,
      clock,
      maxStreams: 16,
      idleTimeoutMs: options.idleTimeoutMs ?? defaultIdleTimeout,
      admit: (headers) => {
        const type = headers.get("streamtype") ?? "";
        return expected.has(type) && !streams.has(type);
      },
      onStream: (stream) => {
        streams.set(stream.headers.get("streamtype") ?? "", stream);
        if (streams.size < expected.size) return;
        timer[Symbol.dispose]();
        resolve({ session, streams });
      },
    });
    const timer = clock.after(options.streamCreationTimeoutMs ?? 30_000, () =>
      session.destroy(new Fault("timeout", "timed out waiting for client to create streams")),
    );
    void session.closed.then((fault) => {
      timer[Symbol.dispose]();
      reject(fault ?? new Fault("unavailable", "the client hung up before it had opened its streams"));
    });
  });
}

function decodeSizes(stream: Duplex | undefined): SizeChanges {
  const sizes = new SizeChanges();
  const decoder = new SizeDecoder();
  stream?.on("data", (data: Buffer) => {
    for (const size of decoder.push(data)) sizes.push(size);
  });
  stream?.on("end", () => sizes.end());
  return sizes;
}

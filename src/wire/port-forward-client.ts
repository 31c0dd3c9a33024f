import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { Fault } from "../lib/fault.ts";
import { portForwardProtocol } from "./port-forward-server.ts";
import { readText } from "./pump.ts";
import { SpdySession } from "./spdy-session.ts";
import { openSpdyConnection, type UpgradeTarget } from "./upgrade-client.ts";
import { ChannelSocket, type ChannelStream } from "./websocket-channels.ts";
import { openWebSocket, tunnelPrefix, webSocketStream } from "./websocket-upgrade.ts";

/** A connection to a port of the pod. */
export interface RemoteConnection {
  readonly data: Duplex;
  /** What the server says went wrong, or undefined once it has ended the connection without complaint. Rejects when the session is lost. */
  readonly failure: Promise<string | undefined>;
}

/** A port-forward as its client holds it. */
export interface PortForwardClient {
  /** Opens one more connection; rejects with a Fault when the session is gone. */
  open(port: number): Promise<RemoteConnection>;
  /** Always resolves: with a Fault unless it was closed in order. */
  readonly closed: Promise<Fault | undefined>;
  close(): Promise<void>;
  destroy(fault?: Fault): void;
}

const maxFailure = 64 * 1024;

/** Connects a port-forward over SPDY, such as to a container runtime's streaming server. Throws a Fault when refused (see `upgradeRefusal`). */
export async function connectPortForward(target: UpgradeTarget): Promise<PortForwardClient> {
  const { socket, head } = await openSpdyConnection(target, [portForwardProtocol]);
  return clientOf(new SpdySession(socket, { role: "client", head }), target.signal);
}

/** The same, with the SPDY connection carried by a WebSocket, as today's kubectl does. */
export async function connectPortForwardTunnel(target: UpgradeTarget): Promise<PortForwardClient> {
  const { ws } = await openWebSocket(target, [`${tunnelPrefix}${portForwardProtocol}`]);
  return clientOf(new SpdySession(webSocketStream(ws), { role: "client" }), target.signal);
}

/** The WebSocket form without SPDY: the ports are told in the query beforehand and each gives one connection, in that order. */
export async function connectPortForwardChannels(
  target: UpgradeTarget,
  ports: readonly number[],
): Promise<{
  readonly connections: readonly RemoteConnection[];
  readonly closed: Promise<Fault | undefined>;
  close(): Promise<void>;
}> {
  const url = new URL(target.url);
  for (const port of ports) url.searchParams.append("port", String(port));
  const { ws, protocol } = await openWebSocket({ ...target, url }, ["v4.channel.k8s.io"]);
  const channels = new ChannelSocket(ws, { encoding: protocol.includes("base64") ? "base64" : "binary" });
  const opened = ports.map((port, index) => ({
    port,
    data: channels.open(2 * index),
    error: channels.open(2 * index + 1),
  }));
  try {
    const connections: RemoteConnection[] = [];
    for (const { port, data, error } of opened) {
      await expectPort(data, port);
      await expectPort(error, port);
      connections.push({ data, failure: failureOf(error) });
    }
    return { connections, closed: channels.closed, close: () => channels.close() };
  } catch (fault) {
    channels.destroy();
    throw fault;
  }
}

function clientOf(session: SpdySession, signal: AbortSignal | undefined): PortForwardClient {
  const abort = () => session.destroy(new Fault("aborted", "gave up", { cause: signal?.reason }));
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  void session.closed.then(() => signal?.removeEventListener("abort", abort));
  let requests = 0;
  return {
    closed: session.closed,
    close: () => session.close(),
    destroy: (fault) => session.destroy(fault),
    open: async (port) => {
      const request = { port: String(port), requestid: String(requests++) };
      const error = await session.open({ ...request, streamtype: "error" }, { fin: true });
      try {
        const data = await session.open({ ...request, streamtype: "data" });
        return { data, failure: failureOf(error) };
      } catch (fault) {
        error.destroy();
        throw fault;
      }
    },
  };
}

function failureOf(error: Duplex): Promise<string | undefined> {
  const failure = readText(error, maxFailure).then((text) => text || undefined);
  // Who is not interested need not listen.
  failure.catch(() => {});
  return failure;
}

/** Takes the two bytes that start a channel. */
async function expectPort(stream: ChannelStream, port: number): Promise<void> {
  for (;;) {
    const bytes: unknown = stream.read(2);
    if (Buffer.isBuffer(bytes)) {
      if (bytes.length === 2 && bytes.readUInt16LE() === port) return;
      throw new Fault("invalid", `the server did not confirm port ${port}`);
    }
    if (stream.destroyed || stream.readableEnded)
      throw new Fault("unavailable", `connection closed before port ${port} was confirmed`);
    await new Promise<void>((resolve) => {
      const go = () => {
        stream.off("readable", go);
        stream.off("close", go);
        resolve();
      };
      stream.on("readable", go);
      stream.on("close", go);
    });
  }
}

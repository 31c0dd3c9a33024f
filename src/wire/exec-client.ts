import { Buffer } from "node:buffer";
import type { Readable, Writable } from "node:stream";
import { Fault } from "../lib/fault.ts";
import { chunksOf, drainInto } from "./pump.ts";
import {
  channel,
  decodeStatus,
  type ExitStatus,
  encodeSize,
  type RemoteCommandStreams,
  streamProtocol,
} from "./remote-command.ts";
import { SpdySession } from "./spdy-session.ts";
import { openSpdyConnection, type UpgradeTarget } from "./upgrade-client.ts";
import { ChannelSocket } from "./websocket-channels.ts";
import { openWebSocket } from "./websocket-upgrade.ts";

const maxStatus = 64 * 1024;

/**
 * Runs an exec or attach over SPDY, such as at a container runtime's streaming server. Resolves with how the command
 * ended once all its output has been written; throws a Fault when the server refuses (see `upgradeRefusal`), the
 * connection breaks before the status came, or `target.signal` aborts.
 */
export async function connectExec(target: UpgradeTarget, streams: RemoteCommandStreams): Promise<ExitStatus> {
  const connection = await openSpdyConnection(target, [streamProtocol.v4, streamProtocol.v3, streamProtocol.v2]);
  const { protocol } = connection;
  const session = new SpdySession(connection.socket, { role: "client", head: connection.head });
  const withSizes = protocol === streamProtocol.v4 || protocol === streamProtocol.v3;
  using _abort = onAbort(target.signal, (fault) => session.destroy(fault));
  try {
    if (protocol !== streamProtocol.v2 && !withSizes) {
      throw new Fault("unsupported", `the server speaks ${JSON.stringify(protocol)}, which is not known here`);
    }
    const open = async (streamtype: string, wanted: boolean) =>
      wanted ? await session.open({ streamtype }) : undefined;
    const [error, stdin, stdout, stderr, resize] = await Promise.all([
      session.open({ streamtype: "error" }),
      open("stdin", streams.stdin !== undefined),
      open("stdout", streams.stdout !== undefined),
      open("stderr", streams.stderr !== undefined && !streams.tty),
      open("resize", streams.tty === true && withSizes),
    ]);
    stdin?.resume();
    resize?.resume();
    return await run(streams, { error, stdin, stdout, stderr, resize }, protocol === streamProtocol.v4);
  } finally {
    await session.close();
  }
}

/** The same over a WebSocket, in the protocol of today's clients, which can half-close stdin. */
export async function connectExecWebSocket(
  target: UpgradeTarget,
  streams: RemoteCommandStreams,
  options: { readonly protocols?: readonly string[] } = {},
): Promise<ExitStatus> {
  const { ws, protocol } = await openWebSocket(target, options.protocols ?? [streamProtocol.v5]);
  const channels = new ChannelSocket(ws, {
    encoding: protocol.includes("base64") ? "base64" : "binary",
    closeSignal: protocol === streamProtocol.v5 ? "send" : undefined,
  });
  using _abort = onAbort(target.signal, (fault) => channels.destroy(fault));
  const error = channels.open(channel.error);
  const ends = {
    error,
    stdin: streams.stdin && channels.open(channel.stdin),
    stdout: streams.stdout && channels.open(channel.stdout),
    stderr: streams.stderr && !streams.tty ? channels.open(channel.stderr) : undefined,
    resize: streams.tty ? channels.open(channel.resize) : undefined,
  };
  try {
    return await run(streams, ends, protocol.startsWith("v"));
  } finally {
    await channels.close();
  }
}

interface RemoteEnds {
  readonly error: Readable;
  readonly stdin?: Writable;
  readonly stdout?: Readable;
  readonly stderr?: Readable;
  readonly resize?: Writable;
}

async function run(local: RemoteCommandStreams, remote: RemoteEnds, json: boolean): Promise<ExitStatus> {
  const { stdin } = local;
  const endInput = () => remote.stdin?.end();
  if (stdin && remote.stdin) {
    // Input that fails is input that ends: the command decides what that means.
    stdin.once("error", endInput);
    stdin.once("close", endInput);
    stdin.pipe(remote.stdin);
  }
  if (local.resize && remote.resize) void sendSizes(local.resize, remote.resize);
  try {
    const [text] = await Promise.all([
      readStatus(remote.error),
      remote.stdout && local.stdout ? drainInto(remote.stdout, local.stdout) : undefined,
      remote.stderr && local.stderr ? drainInto(remote.stderr, local.stderr) : undefined,
    ]);
    if (json && text === "") throw new Fault("unavailable", "connection closed before the command's status came");
    return decodeStatus(text, { json });
  } finally {
    if (remote.stdin) stdin?.unpipe(remote.stdin);
    stdin?.off("error", endInput);
    stdin?.off("close", endInput);
  }
}

/** Reads the error stream. A status that came is a status, also when the server then drops the connection. */
async function readStatus(error: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const data of chunksOf(error)) {
      if (length < maxStatus) chunks.push(data);
      length += data.length;
    }
  } catch (fault) {
    if (length === 0) throw fault;
  }
  return Buffer.concat(chunks).toString();
}

async function sendSizes(sizes: RemoteCommandStreams["resize"] & object, remote: Writable): Promise<void> {
  try {
    for await (const size of sizes) {
      if (remote.destroyed || remote.writableEnded) return;
      remote.write(encodeSize(size));
    }
  } catch {
    // Without news of its size a terminal keeps the one it has.
  }
}

function onAbort(signal: AbortSignal | undefined, act: (fault: Fault) => void): Disposable {
  const abort = () => act(new Fault("aborted", "gave up", { cause: signal?.reason }));
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  return { [Symbol.dispose]: () => signal?.removeEventListener("abort", abort) };
}

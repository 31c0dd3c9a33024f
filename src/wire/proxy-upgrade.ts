import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { errorMessage } from "../lib/fault.ts";
import { request, STATUS_CODES } from "../lib/plain-http.ts";
import { join } from "./pump.ts";
import { isUpgradeRequest, refuseUpgrade, watchPeer } from "./upgrade-request.ts";

/** Where an upgrade request is passed on to. */
export interface ProxyTarget {
  /** Brings the connection, TLS included. Sockets must be half-open capable (`allowHalfOpen`) if a half-close is to travel. */
  readonly connect: () => Promise<Duplex>;
  /** Path and query at the target. */
  readonly path: string;
  /** Set over, or with null removed from, what the client sent. Its credentials (`Authorization`) are never passed on. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | null>>;
}

/** How a proxied upgrade ended. */
export type ProxyOutcome =
  | { readonly kind: "upgraded"; readonly error?: Error }
  | { readonly kind: "answered"; readonly status: number }
  | { readonly kind: "unreachable"; readonly error: Error };

/**
 * Passes an upgrade request to another server and stays between the two: the answer goes back as it came (101 or an
 * error), then bytes, half-closes and backpressure both ways; when one side fails the other is closed. Resolves when it
 * is over and never rejects: a target that cannot be reached is answered with 502.
 */
export async function proxyUpgrade(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  target: ProxyTarget,
): Promise<ProxyOutcome> {
  socket.on("error", () => {});
  if (!isUpgradeRequest(req)) {
    refuseUpgrade(socket, 400, "Upgrade request required");
    return { kind: "answered", status: 400 };
  }
  let upstream: Duplex;
  try {
    upstream = await target.connect();
  } catch (error) {
    refuseUpgrade(socket, 502, `error dialing backend: ${errorMessage(error)}`);
    return { kind: "unreachable", error: asError(error) };
  }
  const answer = await ask(req, socket, upstream, target);
  if (answer instanceof Error) {
    upstream.destroy();
    refuseUpgrade(socket, 502, `error dialing backend: ${answer.message}`);
    return { kind: "unreachable", error: answer };
  }
  const { response } = answer;
  const status = response.statusCode ?? 502;
  if (!answer.upgraded) {
    await relayAnswer(response, socket);
    upstream.destroy();
    return { kind: "answered", status };
  }
  watchPeer(socket);
  socket.write(responseHead(status, response.statusMessage, response.rawHeaders));
  if (answer.head.length > 0) socket.write(answer.head);
  if (head.length > 0) answer.socket.write(head);
  return { kind: "upgraded", error: await join(socket, answer.socket) };
}

type Answer =
  | { readonly upgraded: true; readonly response: IncomingMessage; readonly socket: Duplex; readonly head: Buffer }
  | { readonly upgraded: false; readonly response: IncomingMessage };

function ask(req: IncomingMessage, client: Duplex, upstream: Duplex, target: ProxyTarget): Promise<Answer | Error> {
  return new Promise((resolve) => {
    const outgoing = request({
      createConnection: () => upstream,
      method: req.method,
      path: target.path,
      headers: forwardedHeaders(req, target.headers ?? {}),
    });
    const hungUp = () => {
      outgoing.destroy();
      resolve(new Error("the client hung up"));
    };
    client.once("close", hungUp);
    const settle = (answer: Answer | Error) => {
      client.off("close", hungUp);
      resolve(answer);
    };
    outgoing.on("upgrade", (response, socket, head) => settle({ upgraded: true, response, socket, head }));
    outgoing.on("response", (response) => settle({ upgraded: false, response }));
    outgoing.on("error", settle);
    outgoing.end();
  });
}

/** The client's headers as they came, with the target's changes: name, value, name, value. */
function forwardedHeaders(req: IncomingMessage, changes: NonNullable<ProxyTarget["headers"]>): string[] {
  const changed = new Set([
    ...Object.keys(changes).map((name) => name.toLowerCase()),
    "authorization",
    "content-length",
  ]);
  const headers: string[] = [];
  for (let index = 0; index + 1 < req.rawHeaders.length; index += 2) {
    const name = req.rawHeaders[index]!;
    if (!changed.has(name.toLowerCase())) headers.push(name, req.rawHeaders[index + 1]!);
  }
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) continue;
    for (const each of typeof value === "string" ? [value] : value) headers.push(name, each);
  }
  return headers;
}

async function relayAnswer(response: IncomingMessage, socket: Duplex): Promise<void> {
  // The body arrives unchunked, so its end is told by the end of the connection.
  const hopByHop = new Set(["connection", "keep-alive", "transfer-encoding"]);
  const headers = response.rawHeaders.filter(
    (_, index, all) => !hopByHop.has((all[index - (index % 2)] ?? "").toLowerCase()),
  );
  socket.write(responseHead(response.statusCode ?? 502, response.statusMessage, [...headers, "Connection", "close"]));
  socket.resume();
  try {
    await pipeline(response, socket);
  } catch {
    socket.destroy();
  }
}

function responseHead(status: number, message: string | undefined, rawHeaders: readonly string[]): Buffer {
  const lines = [`HTTP/1.1 ${status} ${message || (STATUS_CODES[status] ?? "")}`];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`);
  }
  // Node reads header values as latin1, so written as latin1 they are the bytes that came.
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(errorMessage(error));
}

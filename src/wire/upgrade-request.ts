import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Fault } from "../lib/fault.ts";
import { STATUS_CODES } from "../lib/plain-http.ts";

/** The header in which SPDY peers agree on what the streams of an upgraded connection mean. */
export const streamProtocolHeader = "X-Stream-Protocol-Version";

/** True for a request that asks to leave HTTP. */
export function isUpgradeRequest(req: IncomingMessage): boolean {
  return lower(req.headers.connection).includes("upgrade");
}

/** True for a request that asks for a WebSocket. */
export function isWebSocketRequest(req: IncomingMessage): boolean {
  return isUpgradeRequest(req) && lower(req.headers.upgrade) === "websocket";
}

/** True for a request that asks for SPDY/3.1. */
export function isSpdyRequest(req: IncomingMessage): boolean {
  return isUpgradeRequest(req) && lower(req.headers.upgrade).includes("spdy/3.1");
}

/** The protocol that client and server both speak, the client's first choice among them, or undefined. */
export function negotiate(offered: readonly string[], supported: readonly string[]): string | undefined {
  return offered.find((protocol) => supported.includes(protocol));
}

/** The values of a header that may be repeated, or joined by commas on the way. */
export function headerValues(req: IncomingMessage, name: string): readonly string[] {
  const value = req.headers[name.toLowerCase()];
  const joined = Array.isArray(value) ? value.join(",") : (value ?? "");
  return joined
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** Makes the kernel notice a peer that vanished without a word: such a session would otherwise last until its idle time. */
export function watchPeer(socket: Duplex): void {
  if (socket instanceof Socket) socket.setKeepAlive(true, 15_000);
}

/** Answers an upgrade request in plain HTTP with an error, as text, and ends the connection. */
export function refuseUpgrade(
  socket: Duplex,
  status: number,
  message: string,
  headers: readonly (readonly [string, string])[] = [],
): void {
  socket.on("error", () => {});
  const body = Buffer.from(`${message}\n`);
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Error"}`,
    "Content-Type: text/plain; charset=utf-8",
    "X-Content-Type-Options: nosniff",
    `Content-Length: ${body.length}`,
    "Connection: close",
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), body]));
  // Unread input would keep the socket from closing.
  socket.resume();
}

/** Refuses, and makes the Fault that the accepting function then throws. */
export function refusal(
  socket: Duplex,
  status: number,
  message: string,
  headers: readonly (readonly [string, string])[] = [],
): Fault {
  refuseUpgrade(socket, status, message, headers);
  return new Fault("invalid", message);
}

/** Agrees to SPDY/3.1 with one of the supported protocols, or refuses as Kubernetes' servers do and throws. */
export function acceptSpdyUpgrade(req: IncomingMessage, socket: Duplex, supported: readonly string[]): string {
  const offered = headerValues(req, streamProtocolHeader);
  if (!isUpgradeRequest(req)) throw refusal(socket, 400, "Upgrade request required");
  if (offered.length === 0) throw refusal(socket, 400, `unable to upgrade: ${streamProtocolHeader} is required`);
  const protocol = negotiate(offered, supported);
  if (!protocol) {
    const lists = `client supports [${offered.join(" ")}], server accepts [${supported.join(" ")}]`;
    const accepted = supported.map((name) => ["X-Accepted-Stream-Protocol-Versions", name] as const);
    throw refusal(socket, 403, `unable to upgrade: unable to negotiate protocol: ${lists}`, accepted);
  }
  if (!isSpdyRequest(req)) {
    throw refusal(socket, 400, `unable to upgrade: missing upgrade headers in request: ${req.headers.upgrade ?? ""}`);
  }
  watchPeer(socket);
  socket.write(
    [
      "HTTP/1.1 101 Switching Protocols",
      "Connection: Upgrade",
      "Upgrade: SPDY/3.1",
      `${streamProtocolHeader}: ${protocol}`,
      "\r\n",
    ].join("\r\n"),
  );
  return protocol;
}

function lower(value: string | undefined): string {
  return (value ?? "").toLowerCase();
}

import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { connect } from "node:net";
import type { Duplex } from "node:stream";
import { createWebSocketStream, WebSocket, WebSocketServer } from "ws";
import { errorMessage, Fault } from "../lib/fault.ts";
import { dial, readRefusal, refusedFault, type UpgradeTarget, unreachable } from "./upgrade-client.ts";
import { headerValues, isWebSocketRequest, negotiate, refusal, watchPeer } from "./upgrade-request.ts";

/** The largest message that is accepted; what Kubernetes' own servers accept. */
const maxMessage = 32 * 1024 * 1024;
/** How long the other side may take to answer a close; the library's types do not know it yet. */
const closing: object = { closeTimeout: 10_000 };

const protocolHeader = "Sec-WebSocket-Protocol";
const lowerProtocolHeader = "sec-websocket-protocol";

/** Prefix of subprotocols under which the messages carry the bytes of a SPDY connection. */
export const tunnelPrefix = "SPDY/3.1+";

/** An open WebSocket, paused so that nothing is missed until somebody listens, and the subprotocol agreed for it; empty when the client asked for none. */
export interface WebSocketConnection {
  readonly ws: WebSocket;
  readonly protocol: string;
}

/** Agrees to a WebSocket with one of the supported subprotocols, or refuses and throws. `""` among them accepts a client that names none. */
export function acceptWebSocket(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: { readonly protocols: readonly string[]; readonly maxMessage?: number },
): Promise<WebSocketConnection> {
  const offered = headerValues(req, protocolHeader);
  if (!isWebSocketRequest(req)) throw refusal(socket, 400, "Upgrade request required");
  const protocol = negotiate(offered.length > 0 ? offered : [""], options.protocols);
  if (protocol === undefined) {
    const lists = `client supports [${offered.join(" ")}], server accepts [${options.protocols.join(" ").trim()}]`;
    throw refusal(socket, 403, `unable to upgrade: unable to negotiate protocol: ${lists}`);
  }
  watchPeer(socket);
  return new Promise((resolve, reject) => {
    const server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.maxMessage ?? maxMessage,
      ...closing,
    });
    server.on("headers", (headers) => {
      if (protocol) headers.push(`${protocolHeader}: ${protocol}`);
    });
    const fail = (error: Error) => reject(refusal(socket, 400, `unable to upgrade: ${error.message}`));
    server.on("wsClientError", fail);
    const gone = () => reject(new Fault("unavailable", "connection closed while upgrading"));
    socket.once("close", gone);
    server.handleUpgrade(withoutProtocols(req), socket, head, (ws) => {
      socket.off("close", gone);
      ws.pause();
      resolve({ ws, protocol });
    });
  });
}

/** Dials the target as a WebSocket. Throws a Fault when the server is not there or refuses (see `upgradeRefusal`). */
export async function openWebSocket(target: UpgradeTarget, protocols: readonly string[]): Promise<WebSocketConnection> {
  const socket = await dial(target);
  return await new Promise((resolve, reject) => {
    const fail = (fault: Fault) => {
      target.signal?.removeEventListener("abort", abort);
      socket.destroy();
      reject(fault);
    };
    const ws = new WebSocket(String(target.url).replace(/^http/, "ws"), [], {
      headers: { ...flatten(target.headers ?? {}), [protocolHeader]: protocols.join(", ") },
      perMessageDeflate: false,
      maxPayload: maxMessage,
      ...closing,
      // The library passes it on to node:http, which takes any duplex stream.
      createConnection: (() => socket) as unknown as typeof connect,
    });
    const abort = () => ws.terminate();
    target.signal?.addEventListener("abort", abort, { once: true });
    let protocol = "";
    ws.once("upgrade", (response) => {
      protocol = response.headers[lowerProtocolHeader] ?? "";
      // The library asked for none, so far as it knows, and would object to the answer.
      delete response.headers[lowerProtocolHeader];
    });
    ws.once("error", (error) => fail(unreachable(error, target.signal)));
    ws.once("unexpected-response", (_request, response) => {
      void readRefusal(response).then((refused) => fail(refusedFault(refused)));
    });
    ws.once("open", () => {
      ws.pause();
      if (!protocols.includes(protocol)) {
        fail(
          new Fault(
            "unsupported",
            `the server chose the subprotocol ${JSON.stringify(protocol)}, which was not offered`,
          ),
        );
        return;
      }
      target.signal?.removeEventListener("abort", abort);
      resolve({ ws, protocol });
    });
  });
}

/** The bytes that a WebSocket's binary messages carry, as one stream. It cannot be half-closed: `end` closes it. */
export function webSocketStream(ws: WebSocket): Duplex {
  return createWebSocketStream(ws, {
    // A frame's head and data in one message instead of two.
    writev: (chunks: { chunk: Buffer }[], done: (error?: Error | null) => void) =>
      ws.send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done),
  });
}

/** The Fault for an error that the WebSocket library reports: the peer broke the protocol or a limit, or the connection broke. */
export function webSocketFault(error: Error): Fault {
  const broken = "code" in error && typeof error.code === "string" && error.code.startsWith("WS_ERR_");
  return new Fault(broken ? "invalid" : "unavailable", `WebSocket failed: ${errorMessage(error)}`, { cause: error });
}

/**
 * The request as the WebSocket library may see it. The names of Kubernetes' tunnels contain a slash, which the library
 * refuses to parse, so the choice of a subprotocol is made here and kept from it.
 */
function withoutProtocols(req: IncomingMessage): IncomingMessage {
  const { [lowerProtocolHeader]: _, ...headers } = req.headers;
  return Object.create(req, { headers: { value: headers } }) as IncomingMessage;
}

function flatten(headers: Readonly<Record<string, string | readonly string[]>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === "string" ? value : value.join(", ")]),
  );
}

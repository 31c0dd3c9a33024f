import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { isWebSocketRequest } from "../wire/upgrade-request.ts";
import { acceptWebSocket } from "../wire/websocket-upgrade.ts";
import type { ServerResponse } from "./exchange.ts";
import type { RequestInfo } from "./request-info.ts";

const base64 = "base64.binary.k8s.io";
/** How a client may name what it wants to read; without a name it is bytes. */
const protocols = ["", "binary.k8s.io", base64];

/** Whether an upgrade asks for what is otherwise an ordinary answer that goes on and on: a watch or a log. */
export function asksForMessages(message: IncomingMessage, info: RequestInfo): boolean {
  if (!info.isResource || !isWebSocketRequest(message)) return false;
  return info.verb === "watch" || (info.verb === "get" && info.subresource === "log");
}

/**
 * Sends an answer's body message by message, and ends the connection after it: an event of a watch is a message, as text if
 * it is JSON; of a log, what came at once, as bytes unless the client wants text in base64.
 */
export async function answerByMessages(
  { headers, body }: ServerResponse,
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const { ws, protocol } = await acceptWebSocket(message, socket, head, { protocols });
  // That the client has gone is told by the end of the sending.
  ws.on("error", () => {});
  ws.resume();
  const send = (data: Uint8Array, binary: boolean) =>
    new Promise<boolean>((resolve) => ws.send(data, { binary }, (error) => resolve(!error)));
  try {
    if (body.kind === "events") {
      const binary = !String(headers["content-type"]).startsWith("application/json");
      for await (const bunch of body.events) {
        for (const event of bunch) if (!(await send(event.line(), binary))) return;
      }
    } else if (body.kind === "stream") {
      for await (const chunk of body.stream) {
        const text = protocol === base64 ? Buffer.from(Buffer.from(chunk).toString("base64")) : undefined;
        if (!(await send(text ?? chunk, !text))) return;
      }
    }
  } finally {
    ws.close(1000);
  }
}

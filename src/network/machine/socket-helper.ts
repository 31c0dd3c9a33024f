/**
 * A program that opens listening sockets in the network namespace it was started in and hands them to its parent. A
 * socket belongs for ever to the namespace that it was made in, so one process can serve several.
 */
import { createSocket, type Socket } from "node:dgram";
import { createServer, type Server } from "node:net";

export interface SocketRequest {
  readonly kind: "udp" | "tcp";
  readonly address: string;
  readonly port: number;
}

/** `opened` comes with the handle; `failed` carries the error's code and text. */
export type SocketAnswer =
  | { readonly opened: number }
  | { readonly failed: number; readonly code: string; readonly message: string };

function open(request: SocketRequest): Promise<Socket | Server> {
  return new Promise((resolve, reject) => {
    if (request.kind === "udp") {
      const socket = createSocket(request.address.includes(":") ? "udp6" : "udp4");
      socket.once("error", reject);
      socket.bind({ port: request.port, address: request.address, exclusive: true }, () => resolve(socket));
      return;
    }
    const server = createServer({ pauseOnConnect: true });
    server.once("error", reject);
    server.listen({ port: request.port, host: request.address, exclusive: true }, () => resolve(server));
  });
}

if (process.argv[2] === "sockets" && process.send) {
  const requests = JSON.parse(process.argv[3] ?? "[]") as readonly SocketRequest[];
  const send = (answer: SocketAnswer, handle?: Socket | Server) =>
    new Promise<void>((resolve, reject) => {
      process.send?.(answer, handle, {}, (error) => (error ? reject(error) : resolve()));
    });
  for (const [index, request] of requests.entries()) {
    try {
      await send({ opened: index }, await open(request));
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      await send({ failed: index, code, message: error instanceof Error ? error.message : String(error) });
    }
  }
  // The parent says when it holds the handles; leaving earlier would close them on the way.
  process.on("message", () => process.exit(0));
  process.on("disconnect", () => process.exit(0));
}

import type { Buffer } from "node:buffer";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

/** A server on loopback for tests of upgrades. */
export interface UpgradeServer extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly port: number;
  /** The connections that are open now. */
  readonly sockets: ReadonlySet<Duplex>;
}

/** Serves upgrade requests on a loopback port until disposed; answers others with 404. */
export async function serveUpgrades(
  onUpgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => Promise<unknown>,
  onRequest: (req: IncomingMessage) => { readonly status: number; readonly body: string } = () => ({
    status: 404,
    body: "",
  }),
): Promise<UpgradeServer> {
  const sockets = new Set<Duplex>();
  const server = createServer((req, res) => {
    const { status, body } = onRequest(req);
    res.writeHead(status, { "content-type": "application/json" });
    res.end(body);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
  });
  server.on("upgrade", (req, socket, head) => {
    onUpgrade(req, socket, head).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    sockets,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Http1Tls } from "./http1-transport.ts";

/** TLS to a server over a connection that leads there already; what goes wrong is the socket's error. */
export async function tlsOver(socket: Duplex, server: URL, tls: Http1Tls = {}): Promise<TLSSocket> {
  const { connect } = await import("node:tls");
  const host = server.hostname.replace(/^\[|\]$/g, "");
  // TLS names no addresses; whose the certificate is, is held against the host.
  const name = isIP(host) ? {} : { servername: host };
  const secured = connect({ host, ...name, ...tls, socket, ALPNProtocols: ["http/1.1"] });
  // Whoever uses the socket listens as well; in between a failure must not be thrown.
  secured.on("error", () => {});
  return secured;
}

import type { IncomingMessage, ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createServer as createTls, type TLSSocket } from "node:tls";
import { systemClock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { createServer as createHttp } from "../lib/plain-http.ts";
import { idleSeconds, mostHeaderBytes } from "./h2/limits.ts";
import { H2Server } from "./h2/server.ts";
import type { HttpHandler, HttpPeer } from "./http-message.ts";
import { h1Request } from "./http-request.ts";
import { sendH1 } from "./http-response.ts";
import { tlsTerms } from "./tls-terms.ts";

export type { HttpHandler, HttpPeer, HttpRequest, HttpResponse } from "./http-message.ts";

/** Takes over a connection that asked for `Upgrade`; owns `socket` from then on. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer, peer: HttpPeer) => void;

export interface HttpServerOptions {
  readonly host?: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Without it, plain HTTP/1.1 is spoken. */
  readonly tls?: {
    /** Read anew for every connection, so that both can be renewed while the server runs. */
    readonly key: string;
    readonly cert: string;
    /** Authorities whose client certificates are believed; without any, none is asked for. */
    readonly clientCa?: string | readonly string[];
  };
  readonly handle: HttpHandler;
  /** Without it, upgrades are refused. */
  readonly upgrade?: UpgradeHandler;
  /** Told about faults that have no request to answer them to. */
  readonly onFault?: (error: unknown) => void;
}

export interface HttpServer {
  readonly host: string;
  readonly port: number;
  /** Stops listening, lets HTTP/2 requests that are being answered end for a moment, and cuts every connection. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Serves HTTP/2 and HTTP/1.1 on one port, chosen by ALPN. Throws Fault `in-use` when the port is taken, `invalid` when
 * the address is not ours.
 */
export async function openHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { handle, onFault = () => {} } = options;
  const peers = new WeakMap<Duplex, HttpPeer>();
  const peerOf = (socket: Duplex): HttpPeer => {
    const known = peers.get(socket);
    if (known) return known;
    const peer = readPeer(socket as TLSSocket);
    peers.set(socket, peer);
    return peer;
  };

  const h1 = createHttp(h1Limits, (request: IncomingMessage, response: ServerResponse) => {
    handle(h1Request(request, response, peerOf(request.socket)))
      .then((answer) => sendH1(response, request, answer))
      .catch((error: unknown) => {
        onFault(error);
        response.destroy();
      });
  });
  h1.on("upgrade", (request, socket, head) => {
    if (options.upgrade) return options.upgrade(request, socket, head, peerOf(socket));
    socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });

  const h2 = new H2Server({ handle, onFault, clock: systemClock });

  const sockets = new Set<Socket>();
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  };
  const server = listener(options, (socket, protocol) => {
    if (protocol === "h2") h2.accept(socket, peerOf(socket));
    else h1.emit("connection", socket);
  });
  server.on("connection", track);
  server.on("tlsClientError", (_error: Error, socket: Socket) => socket.destroy());

  await listen(server, options);
  h1.emit("listening"); // it never listens by itself, but its guard against slow headers starts with this
  const address = server.address() as AddressInfo;
  return {
    host: address.address,
    port: address.port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      h1.close();
      await h2[Symbol.asyncDispose]();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Upstream's limits of HTTP/1.1; the slack is what Go reads ahead. */
const h1Limits = {
  noDelay: true,
  maxHeaderSize: mostHeaderBytes + 4096,
  headersTimeout: 32_000,
  keepAliveTimeout: idleSeconds * 1000,
} as const;

/** A client that vanished without a word is found out by the kernel. */
const connections = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 } as const;

function listener(options: HttpServerOptions, connected: (socket: Socket, protocol: string) => void): Server {
  const { tls } = options;
  if (!tls) return createTcp(connections, (socket) => connected(socket, "http/1.1"));
  let { key, cert } = tls;
  const server = createTls(
    {
      key,
      cert,
      ALPNProtocols: ["h2", "http/1.1"],
      ...tlsTerms,
      ...connections,
      ...(tls.clientCa?.length
        ? { requestCert: true, rejectUnauthorized: false, ca: authorities(tls.clientCa) }
        : { requestCert: false }),
    },
    (socket) => {
      socket.on("error", () => socket.destroy());
      connected(socket, socket.alpnProtocol || "http/1.1");
    },
  );
  server.prependListener("connection", () => {
    if (tls.cert === cert) return;
    ({ key, cert } = tls);
    server.setSecureContext({
      key,
      cert,
      ...tlsTerms,
      ...(tls.clientCa?.length ? { ca: authorities(tls.clientCa) } : {}),
    });
  });
  return server;
}

const authorities = (ca: string | readonly string[]) => [ca].flat() as string[];

function listen(server: Server, { host, port }: HttpServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const where = `${host ?? "*"}:${port}`;
      const code = error.code === "EADDRINUSE" ? "in-use" : "invalid";
      const text =
        code === "in-use" ? `port ${where} is already in use` : `cannot listen on ${where}: ${error.message}`;
      reject(new Fault(code, text, { cause: error }));
    });
    server.listen({ port, ...(host ? { host } : {}), backlog: 4096 }, () => resolve());
  });
}

function readPeer(socket: TLSSocket): HttpPeer {
  const address = socket.remoteAddress ?? "";
  const shown = socket.encrypted ? socket.getPeerX509Certificate() : undefined;
  if (!shown) return { address };
  const certificate = socket.authorized ? socket.getPeerCertificate() : undefined;
  return certificate?.subject ? { address, shown, certificate } : { address, shown };
}

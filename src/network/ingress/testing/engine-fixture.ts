import { createServer, request as httpRequest, type RequestListener, type Server } from "node:http";
import { request as httpsRequest } from "node:https";
import { type AddressInfo, connect, createServer as createTcp, type Server as TcpServer } from "node:net";
import { connect as connectTls } from "node:tls";
import { systemClock } from "../../../lib/clock.ts";
import { silentLog } from "../../../lib/log.ts";
import { Metrics } from "../../../lib/metrics.ts";
import type { Target } from "../../proxy/front.ts";
import { makeDefaultCertificate } from "../default-certificate.ts";
import { type NodeEngineOptions, type NodeIngressEngine, openNodeEngine } from "../engine/node-engine.ts";
import { commonNameOf } from "../engine.contract.ts";

const loopback = "127.0.0.1";

/** An engine on free ports of loopback, and servers behind it. */
export class EngineFixture implements AsyncDisposable {
  readonly engine: NodeIngressEngine;
  readonly metrics: Metrics;
  readonly #opened: AsyncDisposableStack;

  static async open(options: Partial<NodeEngineOptions> = {}): Promise<EngineFixture> {
    const metrics = new Metrics();
    const engine = await openNodeEngine({
      ...{ hosts: [loopback], httpPort: 0, httpsPort: 0, certificate: await makeDefaultCertificate(systemClock) },
      ...{ clock: systemClock, metrics, log: silentLog },
      ...options,
    });
    return new EngineFixture(engine, metrics);
  }

  constructor(engine: NodeIngressEngine, metrics: Metrics) {
    this.engine = engine;
    this.metrics = metrics;
    this.#opened = new AsyncDisposableStack();
  }

  /** A server behind the engine; its connections are cut in the end. */
  async serve(listener: RequestListener, prepare: (server: Server) => void = () => {}): Promise<Target> {
    const server = createServer(listener);
    prepare(server);
    this.#opened.defer(() => server.closeAllConnections());
    return await this.listen(server);
  }

  /** Any other server behind the engine. */
  async listen(server: TcpServer): Promise<Target> {
    await new Promise<void>((resolve) => server.listen(0, loopback, resolve));
    const { port } = server.address() as AddressInfo;
    this.#opened.defer(() => void server.close());
    return { ip: loopback, port };
  }

  /** An address that refuses connections. */
  async nobody(): Promise<Target> {
    const server = createTcp();
    await new Promise<void>((resolve) => server.listen(0, loopback, resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return { ip: loopback, port };
  }

  /** One request on a connection of its own. */
  ask({
    host = "x.com",
    path = "/",
    method = "GET",
    secure = false,
    headers = {},
    body,
    at = loopback,
  }: Asking = {}): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const port = secure ? this.engine.httpsPort : this.engine.httpPort;
    const options = { host: at, port, path, method, headers: { host, ...headers }, agent: false } as const;
    const asked = secure
      ? httpsRequest({ ...options, rejectUnauthorized: false, servername: host })
      : httpRequest(options);
    asked.on("error", reject);
    asked.on("response", (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () => {
        const { statusCode = 0, headers: given, trailers } = answer;
        resolve({ status: statusCode, headers: given, trailers, body: Buffer.concat(chunks).toString() });
      });
    });
    asked.end(body);
    return promise;
  }

  /** Sends bytes as they are, and gives all that comes back until the other side ends. */
  raw(text: string): Promise<string> {
    return new Promise((resolve) => {
      const socket = connect(this.engine.httpPort, loopback, () => socket.write(text, "latin1"));
      let said = "";
      socket.setEncoding("latin1").on("data", (part: string) => {
        said += part;
      });
      socket.on("error", () => {});
      socket.on("close", () => resolve(said));
    });
  }

  /** `CN=…` of what is shown for a server name. */
  shown(serverName?: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const port = this.engine.httpsPort;
      const named = serverName === undefined ? {} : { servername: serverName };
      const socket = connectTls({ host: loopback, port, rejectUnauthorized: false, ...named }, () => {
        const shown = socket.getPeerX509Certificate();
        socket.destroy();
        resolve(shown ? commonNameOf(shown.toString()) : "");
      });
      socket.on("error", reject);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine[Symbol.asyncDispose]();
    await this.#opened.disposeAsync();
  }
}

export interface Asking {
  /** The address to call; the first one of loopback if absent. */
  readonly at?: string;
  readonly host?: string;
  readonly path?: string;
  readonly method?: string;
  readonly secure?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly trailers: NodeJS.Dict<string>;
  readonly body: string;
}

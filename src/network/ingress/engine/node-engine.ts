import type { Server as HttpServer } from "node:http";
import type { Http2Server, ServerHttp2Session } from "node:http2";
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from "node:net";
import { createServer as createTls } from "node:tls";
import type { Clock } from "../../../lib/clock.ts";
import { Fault } from "../../../lib/fault.ts";
import type { Log } from "../../../lib/log.ts";
import type { Metrics } from "../../../lib/metrics.ts";
import { tlsTerms } from "../../../wire/tls-terms.ts";
import { refuseUpgrade } from "../../../wire/upgrade-request.ts";
import { targetKey } from "../../proxy/front.ts";
import { Balancer } from "../balancer.ts";
import type { CertificateText, EngineState, IngressEngine } from "../engine.ts";
import { hostOf } from "../hosts.ts";
import { plainPath } from "../paths.ts";
import { type Backend, backendsOf, type Decision, decide, emptyTable, type Route } from "../routing-table.ts";
import { redirectAnswer } from "../standard-answers.ts";
import { ShownCertificates } from "./certificates.ts";
import type { FrontRequest, FrontResponse, Head, UpstreamPool } from "./exchange.ts";
import { forward } from "./forward.ts";
import { createH1Front, type UpgradeRequest } from "./front-h1.ts";
import { DirectFront } from "./front-h1-direct.ts";
import { createH2Front } from "./front-h2.ts";
import { type EngineLimits, usualLimits } from "./limits.ts";
import { requestObserver } from "./observer.ts";
import { answerStandard } from "./standard-response.ts";
import { forwardUpgrade } from "./upgrade.ts";
import { openH1Pool } from "./upstream-h1.ts";
import { openH2Pool } from "./upstream-h2.ts";

export interface NodeEngineOptions {
  /** The addresses to answer on, at least one. */
  readonly hosts: readonly string[];
  /** 0 picks free ones. */
  readonly httpPort: number;
  readonly httpsPort: number;
  /** Shown where no Secret has a certificate. */
  readonly certificate: CertificateText;
  readonly limits?: Partial<EngineLimits>;
  readonly accessLog?: boolean;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** Answers in this process, by Node's own HTTP. */
export interface NodeIngressEngine extends IngressEngine {
  readonly httpPort: number;
  readonly httpsPort: number;
}

/** Listens on both ports of every address. Throws Fault `in-use` when one is taken, `invalid` when the address is not ours. */
export async function openNodeEngine(options: NodeEngineOptions): Promise<NodeIngressEngine> {
  const engine = new Engine(options);
  try {
    await engine.listen();
    return engine;
  } catch (error) {
    await engine[Symbol.asyncDispose]();
    throw error;
  }
}

class Engine implements NodeIngressEngine {
  readonly #options: NodeEngineOptions;
  readonly #limits: EngineLimits;
  readonly #balancer: Balancer;
  readonly #pools: Readonly<Record<Backend["protocol"], UpstreamPool>>;
  readonly #shown: ShownCertificates;
  readonly #h1: HttpServer;
  readonly #direct: DirectFront;
  readonly #h2: Http2Server;
  readonly #plain: Server;
  readonly #secure: ReturnType<typeof createTls>;
  /** Where connections come in; those of further addresses are handed to the two servers of the first one. */
  readonly #doors: readonly { readonly server: Server; readonly host: string; readonly secure: boolean }[];
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #observe: ReturnType<typeof requestObserver>;
  #table = emptyTable;
  #authorities: EngineState["authorities"];
  #active = 0;
  #idle: (() => void) | undefined;

  constructor(options: NodeEngineOptions) {
    const { clock, metrics, log, accessLog = false, certificate } = options;
    this.#options = options;
    const limits = { ...usualLimits, ...options.limits };
    this.#limits = limits;
    this.#balancer = new Balancer(clock);
    this.#pools = {
      http: openH1Pool({ clock, limits, tls: false }),
      https: openH1Pool({ clock, limits, tls: true }),
      h2c: openH2Pool({ clock, limits, tls: false }),
      h2: openH2Pool({ clock, limits, tls: true }),
    };
    this.#shown = new ShownCertificates(certificate);
    this.#observe = requestObserver({ clock, metrics, log, accessLog });
    const handle = (request: FrontRequest, response: FrontResponse) => this.#handle(request, response);
    this.#h1 = createH1Front({ handle, upgrade: (request) => void this.#upgrade(request), limits });
    this.#direct = new DirectFront({ handle, other: this.#h1, limits, clock });
    this.#h2 = createH2Front({ handle, limits });
    this.#h2.on("session", (session) => {
      this.#sessions.add(session);
      session.once("close", () => this.#sessions.delete(session));
    });
    this.#plain = createTcp({ noDelay: true }, (socket) => this.#direct.accept(socket));
    this.#secure = createTls(
      {
        ...this.#shown.unnamed,
        ...tlsTerms,
        SNICallback: (name, done) => done(null, this.#shown.contextFor(name)),
        ALPNProtocols: ["h2", "http/1.1"],
        handshakeTimeout: limits.handshakeTime,
        noDelay: true,
      },
      (socket) => {
        socket.on("error", () => socket.destroy());
        if (socket.alpnProtocol === "h2") this.#h2.emit("connection", socket);
        else this.#direct.accept(socket);
      },
    );
    this.#secure.on("tlsClientError", (_error, socket) => socket.destroy());
    this.#doors = options.hosts.flatMap((host, index) =>
      [this.#plain, this.#secure].map((into) => ({
        server: index === 0 ? into : createTcp({ noDelay: true }, (socket) => into.emit("connection", socket)),
        host,
        secure: into === this.#secure,
      })),
    );
    for (const { server } of this.#doors) server.maxConnections = limits.connections;
    for (const server of [this.#plain, this.#secure]) {
      server.on("connection", (socket) => {
        this.#sockets.add(socket);
        socket.on("error", () => socket.destroy());
        socket.once("close", () => this.#sockets.delete(socket));
      });
    }
  }

  get httpPort(): number {
    return portOf(this.#plain);
  }

  get httpsPort(): number {
    return portOf(this.#secure);
  }

  async listen(): Promise<void> {
    const { httpPort, httpsPort } = this.#options;
    for (const { server, host, secure } of this.#doors) {
      // A port that was chosen freely at the first address is the one at all.
      const port = secure ? httpsPort || portOf(this.#secure) : httpPort || portOf(this.#plain);
      await listenOn(server, host, port);
    }
  }

  apply(state: EngineState): void {
    this.#table = state.table;
    this.#authorities = state.authorities;
    const before = this.#shown.unnamed;
    this.#shown.use(state);
    const { unnamed } = this.#shown;
    if (unnamed !== before) this.#secure.setSecureContext({ ...unnamed, ...tlsTerms });
    const backends = backendsOf(state.table);
    const endpoints = new Set(backends.flatMap((backend) => backend.endpoints.map(targetKey)));
    this.#balancer.keep(new Set(backends.map(({ key }) => key)), endpoints);
    for (const pool of Object.values(this.#pools)) pool.keep(endpoints);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const servers = this.#doors.map(({ server }) => server).filter((server) => server.listening);
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    this.#direct.close();
    this.#h1.close();
    this.#h1.closeIdleConnections();
    for (const session of this.#sessions) session.close();
    if (this.#active > 0) {
      const waited = new AbortController();
      const idle = new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
      await Promise.race([idle, this.#options.clock.sleep(this.#limits.endTime, waited.signal).catch(() => {})]);
      waited.abort();
    }
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
    for (const pool of Object.values(this.#pools)) pool[Symbol.dispose]();
    await Promise.all(closed);
  }

  #decide({ authority, target, secure }: FrontRequest): Decision | undefined {
    const host = hostOf(authority);
    if (host === undefined) return undefined;
    return decide(this.#table, { host, path: plainPath(target.split("?", 1)[0]!), secure });
  }

  #handle(request: FrontRequest, given: FrontResponse): void {
    const decision = this.#decide(request);
    const response = this.#watched(
      request,
      decision && decision.kind !== "not-found" ? decision.route : undefined,
      given,
    );
    const { method } = request;
    if (!decision) answerStandard(request, response, 400);
    else if (method === "TRACE") answerStandard(request, response, 405);
    else if (decision.kind === "not-found") answerStandard(request, response, 404);
    else if (decision.kind === "redirect") {
      answerStandard(request, response, redirectAnswer(method, this.#secureAddress(request)));
    } else forward(request, response, decision.route.backend, this.#tools);
  }

  async #upgrade(upgrade: UpgradeRequest): Promise<void> {
    const { request, socket } = upgrade;
    const decision = this.#decide(request);
    const refuse = (status: number, text: string) => {
      refuseUpgrade(socket, status, text);
      return status;
    };
    const route = decision && decision.kind !== "not-found" ? decision.route : undefined;
    const began = this.#options.clock.monotonic();
    const status = await (() => {
      if (!decision) return refuse(400, "Bad Request");
      if (!route) return refuse(404, "default backend - 404");
      // Programs that ask for upgrades do not follow redirects well, but they are told.
      if (decision.kind === "redirect") return refuse(400, "This host is served over TLS only");
      if (route.backend.endpoints.length === 0) return refuse(503, "Service Unavailable");
      const { clock } = this.#options;
      return forwardUpgrade(upgrade, route.backend, { ...this.#tools, clock, limits: this.#limits });
    })();
    this.#observe({ request, route, status, began, complete: true });
  }

  /** Counts a request as under way until its answer has ended. */
  #watched(request: FrontRequest, route: Route | undefined, response: FrontResponse): FrontResponse {
    const began = this.#options.clock.monotonic();
    let status = 0;
    this.#active += 1;
    response.ended((complete) => {
      this.#active -= 1;
      this.#observe({ request, route, status, began, complete });
      if (this.#active === 0) this.#idle?.();
    });
    return {
      head: (head: Head) => {
        status = head.status;
        response.head(head);
      },
      whole: (head, body) => {
        status = head.status;
        response.whole(head, body);
      },
      get sink() {
        return response.sink;
      },
      trailers: (list) => response.trailers(list),
      abort: () => response.abort(),
      ended: (callback) => response.ended(callback),
    };
  }

  get #tools() {
    return { balancer: this.#balancer, pools: this.#pools, authorities: this.#authorities };
  }

  #secureAddress({ authority, target }: FrontRequest): string {
    const host = hostOf(authority) || (this.#plain.address() as AddressInfo).address;
    const port = this.httpsPort === 443 ? "" : `:${this.httpsPort}`;
    return `https://${host}${port}${target.startsWith("/") ? target : "/"}`;
  }
}

/** The port that a server listens on; 0 while it does not. */
function portOf(server: Server): number {
  return (server.address() as AddressInfo | null)?.port ?? 0;
}

function listenOn(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => {
      const code = error.code === "EADDRINUSE" ? "in-use" : "invalid";
      reject(new Fault(code, `cannot listen on ${host}:${port}: ${error.message}`, { cause: error }));
    };
    server.once("error", fail);
    server.listen({ host, port, backlog: 4096 }, () => {
      server.off("error", fail);
      server.on("error", () => {}); // too many open files: connections wait
      resolve();
    });
  });
}

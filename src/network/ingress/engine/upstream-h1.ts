import type { AgentOptions, Agent as HttpAgent, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../../../lib/clock.ts";
import { Fault } from "../../../lib/fault.ts";
import { Agent, request as httpRequest } from "../../../lib/plain-http.ts";
import { type Target, targetKey } from "../../proxy/front.ts";
import { connectSecurely, serverNameOf } from "./endpoint-tls.ts";
import type { UpstreamEvents, UpstreamPool, UpstreamRequest } from "./exchange.ts";
import type { EngineLimits } from "./limits.ts";

/** The connections to one endpoint. */
class EndpointAgent extends Agent {
  readonly endpoint: string;
  #draining = false;

  constructor(endpoint: string, options: AgentOptions) {
    super(options);
    this.endpoint = endpoint;
  }

  override keepSocketAlive(socket: Duplex): boolean {
    return !this.#draining && (super.keepSocketAlive as (socket: Duplex) => unknown)(socket) !== false;
  }

  /** Connections end with the request that they carry. */
  drain(): void {
    this.#draining = true;
    for (const sockets of Object.values(this.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }
}

/** As the other, by TLS for one server's name. */
class SecureEndpointAgent extends EndpointAgent {
  readonly #connect: () => Duplex;

  constructor(endpoint: Target, servername: string, options: AgentOptions) {
    super(targetKey(endpoint), options);
    this.#connect = () => connectSecurely(endpoint, servername, { ALPNProtocols: ["http/1.1"] });
  }

  override createConnection(): Duplex {
    return this.#connect();
  }
}

export interface PoolOptions {
  readonly clock: Clock;
  readonly limits: EngineLimits;
  /** Whether endpoints are spoken to by TLS. */
  readonly tls: boolean;
}

/** Keeps HTTP/1.1 connections to endpoints open from one request to the next. */
export function openH1Pool({ clock, limits, tls }: PoolOptions): UpstreamPool {
  const agents = new Map<string, EndpointAgent>();
  const agentOf = (endpoint: Target, host: string): EndpointAgent => {
    const servername = tls ? serverNameOf(host) : "";
    const key = `${targetKey(endpoint)} ${servername}`;
    const known = agents.get(key);
    if (known) return known;
    const options = { keepAlive: true, maxFreeSockets: 256, timeout: limits.poolIdle, scheduling: "lifo" } as const;
    const made = tls
      ? new SecureEndpointAgent(endpoint, servername, options)
      : new EndpointAgent(targetKey(endpoint), options);
    agents.set(key, made);
    return made;
  };
  return {
    ask: (endpoint, request, events) =>
      ask(agentOf(endpoint, request.host), endpoint, request, events, { clock, limits }),
    keep(endpoints) {
      for (const [key, agent] of agents) {
        if (endpoints.has(agent.endpoint)) continue;
        agents.delete(key);
        agent.drain();
      }
    },
    [Symbol.dispose]() {
      for (const agent of agents.values()) agent.destroy();
      agents.clear();
    },
  };
}

function ask(
  agent: HttpAgent,
  { ip, port }: Target,
  { method, target, host, headers, body, trailers }: UpstreamRequest,
  events: UpstreamEvents,
  { clock, limits }: { readonly clock: Clock; readonly limits: EngineLimits },
): () => void {
  let settled = false;
  let connected = false;
  let late = false;
  const outgoing = httpRequest({
    agent,
    host: ip,
    port,
    method,
    path: target,
    setHost: false,
    timeout: limits.answerTime,
    headers: [
      ...["Host", host, ...headers],
      ...(body ? (body.length === undefined ? ["Transfer-Encoding", "chunked"] : ["Content-Length", body.length]) : []),
      ...(!body && writes.has(method) ? ["Content-Length", "0"] : []),
      ...(trailers ? ["TE", "trailers"] : []),
    ],
  });
  const send = () => {
    connected = true;
    if (settled) return;
    if (body) body.sendTo(outgoing);
    else outgoing.end();
  };
  outgoing.on("socket", (socket) => {
    const secure = "secureConnecting" in socket;
    if (!socket.connecting && !(secure && socket.secureConnecting)) return send();
    const timer = clock.after(limits.connectTime, () =>
      outgoing.destroy(new Fault("timeout", `no connection to ${ip}:${port} in time`)),
    );
    socket.once(secure ? "secureConnect" : "connect", () => {
      timer[Symbol.dispose]();
      send();
    });
    socket.once("close", () => timer[Symbol.dispose]());
  });
  outgoing.on("timeout", () => {
    late = true;
    outgoing.destroy(new Fault("timeout", `${ip}:${port} did not answer in time`));
  });
  outgoing.on("error", (error) => {
    if (settled) return;
    settled = true;
    events.failed({ kind: late ? "late" : connected ? "unanswered" : "unsent", error });
  });
  outgoing.on("response", (answer: IncomingMessage) => {
    if (settled) return answer.destroy();
    settled = true;
    const status = answer.statusCode ?? 502;
    events.answered({
      status,
      headers: answer.rawHeaders,
      empty: method === "HEAD" || status === 204 || status === 304,
      trailers: answer.headers.trailer !== undefined,
      body: answer,
      trailerList: () => answer.rawTrailers,
    });
  });
  return () => {
    settled = true;
    outgoing.destroy();
  };
}

/** Methods of which back ends expect to be told that there is no body. */
const writes: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

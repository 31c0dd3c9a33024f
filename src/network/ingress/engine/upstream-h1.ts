import { connect, type Socket } from "node:net";
import { Readable } from "node:stream";
import type { Clock } from "../../../lib/clock.ts";
import { errorMessage, Fault } from "../../../lib/fault.ts";
import { type Target, targetKey } from "../../proxy/front.ts";
import { connectSecurely, type TlsPeer, tlsPeer } from "./endpoint-tls.ts";
import type { UpstreamEvents, UpstreamFailure, UpstreamPool, UpstreamRequest } from "./exchange.ts";
import { AnswerReader } from "./h1-answer.ts";
import { BodySink } from "./h1-body-sink.ts";
import { fieldLines } from "./h1-heads.ts";
import type { EngineLimits } from "./limits.ts";

export interface PoolOptions {
  readonly clock: Clock;
  readonly limits: EngineLimits;
  /** Whether endpoints are spoken to by TLS. */
  readonly tls: boolean;
}

/** Connections to one endpoint that carry nothing are at most so many. */
const mostIdle = 256;
const nothing: Buffer = Buffer.alloc(0);

/** Keeps HTTP/1.1 connections to endpoints open from one request to the next. */
export function openH1Pool(options: PoolOptions): UpstreamPool {
  const groups = new Map<string, Group>();
  const groupOf = (endpoint: Target, { host, trust }: UpstreamRequest): Group => {
    const peer = options.tls ? tlsPeer(host, trust) : undefined;
    const address = targetKey(endpoint);
    const key = peer ? `${address} ${peer.key}` : address;
    const known = groups.get(key);
    if (known) return known;
    const made = new Group(endpoint, peer, options);
    groups.set(key, made);
    return made;
  };
  return {
    ask: (endpoint, request, events) => groupOf(endpoint, request).ask(request, events),
    keep(endpoints) {
      for (const [key, group] of groups) {
        if (endpoints.has(targetKey(group.endpoint))) continue;
        groups.delete(key);
        group.drain();
      }
    },
    [Symbol.dispose]() {
      for (const group of groups.values()) group[Symbol.dispose]();
      groups.clear();
    },
  };
}

/** The connections to one endpoint. */
class Group implements Disposable {
  readonly endpoint: Target;
  readonly options: PoolOptions;
  readonly #peer: TlsPeer | undefined;
  readonly #open = new Set<Connection>();
  /** The one that was used last is used first, so that those too many grow old. */
  readonly #idle: Connection[] = [];
  #draining = false;

  constructor(endpoint: Target, peer: TlsPeer | undefined, options: PoolOptions) {
    this.endpoint = endpoint;
    this.#peer = peer;
    this.options = options;
  }

  ask(request: UpstreamRequest, events: UpstreamEvents): () => void {
    const connection = this.#take() ?? this.#connect();
    connection.ask(request, events);
    return () => connection.abandon(events);
  }

  /** Takes back what may carry another request. */
  put(connection: Connection): void {
    connection.idleSince = this.options.clock.monotonic();
    if (this.#draining || this.#idle.length >= mostIdle) connection.destroy();
    else this.#idle.push(connection);
  }

  forget(connection: Connection): void {
    this.#open.delete(connection);
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
  }

  /** Connections end with the request that they carry. */
  drain(): void {
    this.#draining = true;
    for (const connection of [...this.#idle]) connection.destroy();
  }

  [Symbol.dispose](): void {
    for (const connection of this.#open) connection.destroy();
  }

  #take(): Connection | undefined {
    const oldest = this.options.clock.monotonic() - this.options.limits.poolIdle;
    for (let last = this.#idle.pop(); last; last = this.#idle.pop()) {
      if (last.idleSince >= oldest && last.usable) return last;
      last.destroy();
    }
    return undefined;
  }

  #connect(): Connection {
    const { ip, port } = this.endpoint;
    const socket = this.#peer
      ? connectSecurely(this.endpoint, this.#peer, { ALPNProtocols: ["http/1.1"] })
      : connect({ host: ip, port, noDelay: true });
    const connection = new Connection(this, socket, this.#peer ? "secureConnect" : "connect");
    this.#open.add(connection);
    return connection;
  }
}

/** What a connection carries now. */
interface Exchange {
  readonly request: UpstreamRequest;
  readonly events: UpstreamEvents;
  readonly reader: AnswerReader;
  /** The request's body, while it comes bit by bit. */
  sink?: BodySink;
  /** The answer's, likewise. */
  body?: Readable;
  answered: boolean;
}

class Connection {
  idleSince = 0;
  readonly #group: Group;
  readonly #socket: Socket;
  #connected = false;
  #exchange: Exchange | undefined;

  constructor(group: Group, socket: Socket, connected: "connect" | "secureConnect") {
    const { ip, port } = group.endpoint;
    const { clock, limits } = group.options;
    this.#group = group;
    this.#socket = socket;
    const timer = clock.after(limits.connectTime, () =>
      socket.destroy(new Fault("timeout", `no connection to ${ip}:${port} in time`)),
    );
    socket.once(connected, () => {
      timer[Symbol.dispose]();
      this.#connected = true;
      if (this.#exchange) this.#send(this.#exchange);
    });
    socket.setTimeout(limits.answerTime, () => this.#silent());
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    socket.on("end", () => this.#ended());
    let cause: Error | undefined;
    socket.on("error", (error) => {
      cause = error;
    });
    socket.once("close", () => {
      timer[Symbol.dispose]();
      group.forget(this);
      this.#broken(cause ?? new Fault("closed", `${ip}:${port} closed the connection`));
    });
  }

  get usable(): boolean {
    return this.#socket.writable;
  }

  ask(request: UpstreamRequest, events: UpstreamEvents): void {
    const reader = new AnswerReader(request.method, this.#group.options.limits.headerBytes);
    this.#exchange = { request, events, reader, answered: false };
    if (this.#connected) this.#send(this.#exchange);
  }

  /** Nobody waits for this answer any more; what the connection would still carry is lost with it. */
  abandon(events: UpstreamEvents): void {
    if (this.#exchange?.events !== events) return;
    const { body } = this.#exchange;
    this.#exchange = undefined;
    body?.destroy();
    this.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #send(exchange: Exchange): void {
    const { request } = exchange;
    const { body } = request;
    const head = requestHead(request);
    if (!body) this.#socket.write(head, "latin1");
    else if (body.whole) {
      this.#socket.cork();
      this.#socket.write(head, "latin1");
      this.#socket.write(body.whole);
      this.#socket.uncork();
    } else {
      this.#socket.write(head, "latin1");
      const length = body.length === undefined ? undefined : Number(body.length);
      const finished = () => {
        delete exchange.sink;
      };
      exchange.sink = new BodySink(this.#socket, { length, finished });
      body.sendTo(exchange.sink);
    }
  }

  #read(bytes: Buffer): void {
    const exchange = this.#exchange;
    // What nobody asked for might be taken for the next answer.
    if (!exchange) {
      this.destroy();
      return;
    }
    let pieces: readonly Buffer[];
    try {
      pieces = exchange.reader.read(bytes);
      if (exchange.reader.done) exchange.reader.trailers;
    } catch (error) {
      this.#socket.destroy(new Fault("invalid", errorMessage(error)));
      return;
    }
    if (exchange.answered) this.#pass(exchange, pieces);
    else if (exchange.reader.head) this.#answer(exchange, pieces);
  }

  #answer(exchange: Exchange, pieces: readonly Buffer[]): void {
    const { reader, events } = exchange;
    const { status, fields, empty, trailers } = reader.head!;
    exchange.answered = true;
    const isWhole = reader.done && reader.trailers.length === 0;
    const answer = { status, headers: fields, empty, trailers, trailerList: () => reader.trailers };
    if (isWhole) {
      const content = pieces.length === 0 ? nothing : pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
      this.#release(exchange);
      events.answered({ ...answer, content });
      return;
    }
    const body = new Readable({
      read: () => {
        if (this.#exchange === exchange) this.#socket.resume();
      },
    });
    exchange.body = body;
    events.answered({ ...answer, content: () => body });
    this.#pass(exchange, pieces);
  }

  #pass(exchange: Exchange, pieces: readonly Buffer[]): void {
    const { body, reader } = exchange;
    if (!body || this.#exchange !== exchange) return;
    let goesOn = true;
    for (const piece of pieces) goesOn = body.push(piece);
    if (reader.done) {
      this.#release(exchange);
      body.push(null);
    } else if (!goesOn) this.#socket.pause();
  }

  /** The answer is complete. */
  #release({ reader, sink }: Exchange): void {
    this.#exchange = undefined;
    if (!reader.reusable || sink) {
      this.destroy();
      return;
    }
    this.#socket.resume();
    this.#group.put(this);
  }

  #ended(): void {
    const exchange = this.#exchange;
    if (!exchange) return;
    exchange.reader.end();
    if (!exchange.reader.done) return;
    if (exchange.answered) this.#pass(exchange, []);
    else this.#answer(exchange, []);
  }

  #silent(): void {
    const { ip, port } = this.#group.endpoint;
    const late = new Fault("timeout", `${ip}:${port} did not answer in time`);
    if (this.#exchange && !this.#exchange.answered) this.#fail(this.#exchange, "late", late);
    this.#socket.destroy(late);
  }

  #broken(error: Error): void {
    const exchange = this.#exchange;
    if (!exchange) return;
    if (exchange.answered) {
      this.#exchange = undefined;
      exchange.sink?.destroy();
      exchange.body?.destroy(error);
    } else this.#fail(exchange, this.#connected ? "unanswered" : "unsent", error);
  }

  #fail({ events, sink }: Exchange, kind: UpstreamFailure["kind"], error: Error): void {
    this.#exchange = undefined;
    sink?.destroy();
    events.failed({ kind, error });
  }
}

/** Methods of which back ends expect to be told that there is no body. */
const writes: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

function requestHead({ method, target, host, headers, body, trailers }: UpstreamRequest): string {
  let text = `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${fieldLines(headers)}`;
  if (body) text += body.length === undefined ? "Transfer-Encoding: chunked\r\n" : `Content-Length: ${body.length}\r\n`;
  else if (writes.has(method)) text += "Content-Length: 0\r\n";
  if (trailers) text += "TE: trailers\r\n";
  return `${text}Connection: keep-alive\r\n\r\n`;
}

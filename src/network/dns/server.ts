import type { RemoteInfo, Socket as UdpSocket } from "node:dgram";
import type { Socket } from "node:net";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import { type Random, uuid } from "../../lib/random.ts";
import type { ListeningPair } from "../machine/sockets.ts";
import { answer, empty } from "./answer.ts";
import { askUdp, type Forwarder } from "./forwarder.ts";
import {
  parseQuery,
  type Query,
  type Reply,
  ReplyWriter,
  type ResourceRecord,
  rcode,
  records,
  recordType,
  udpLimit,
} from "./wire.ts";
import type { Zone } from "./zone.ts";

export interface DnsServerOptions {
  /** The sockets to serve; they are the server's from now on, and closed with it. */
  readonly sockets: readonly ListeningPair[];
  readonly zone: Zone;
  readonly forwarder: Forwarder;
  /** Ranges whose reverse names belong to the cluster. */
  readonly reverseRanges: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics?: Metrics;
  /** Resolves when the zone knows all names; until then questions wait. */
  readonly whenReady?: Promise<unknown>;
}

/** A running name server. */
export interface DnsServer extends AsyncDisposable {
  /** Looks again whether a server outside asks this one. */
  findLoops(): void;
}

/** Milliseconds that a question waits for a zone that does not know all names yet: a little less than askers do. */
const unreadyPatience = 4000;
/** Milliseconds that a TCP client may be silent. */
const tcpPatience = 10_000;
const mostTcpClients = 500;

/** Serves the sockets until disposed. */
export function openDnsServer(options: DnsServerOptions): DnsServer {
  const server = new NameServer(options);
  server.serve();
  return server;
}

class NameServer implements DnsServer {
  readonly #options: DnsServerOptions;
  readonly #clients = new Set<Socket>();
  readonly #writer = new ReplyWriter();
  readonly #probes = new Set<string>();
  readonly #closing = new AbortController();
  readonly #count: (query: Query, transport: string, code: number) => void;
  #turn = 0;
  #ready: boolean;

  constructor(options: DnsServerOptions) {
    this.#options = options;
    this.#ready = options.whenReady === undefined;
    options.whenReady?.then(
      () => {
        this.#ready = true;
      },
      () => {},
    );
    const requests = options.metrics?.counter("coredns_dns_requests_total", "DNS requests by transport and type.", [
      "proto",
      "type",
    ]);
    const responses = options.metrics?.counter("coredns_dns_responses_total", "DNS responses by code.", ["rcode"]);
    this.#count = (query, proto, code) => {
      requests?.inc({ proto, type: typeNames.get(query.type) ?? "other" });
      responses?.inc({ rcode: codeNames[code] ?? String(code) });
    };
  }

  serve(): void {
    for (const { address, udp, tcp } of this.#options.sockets) {
      const note = (error: Error) =>
        this.#options.log.warn("the name server's socket failed", { address, error: errorMessage(error) });
      tcp.maxConnections = mostTcpClients;
      tcp.on("connection", (socket) => this.#serveTcp(socket));
      udp.on("message", (message, from) => this.#serveUdp(udp, message, from));
      udp.on("error", note);
      tcp.on("error", note);
    }
    this.findLoops();
  }

  findLoops(): void {
    void this.#findLoops();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    for (const client of this.#clients) client.destroy();
    const closed = this.#options.sockets
      .flatMap(({ udp, tcp }) => [udp, tcp])
      .map(
        (socket) =>
          new Promise<void>((resolve) => {
            socket.close(() => resolve());
          }),
      );
    await Promise.all(closed);
  }

  #serveUdp(socket: UdpSocket, message: Buffer, from: RemoteInfo): void {
    const send = (reply: Buffer) => {
      if (this.#closing.signal.aborted) return;
      socket.send(reply, from.port, from.address);
    };
    const query = parseQuery(message);
    if (query) this.#serve(message, query, "udp", udpLimit(query), send);
    else refuseMalformed(message, send);
  }

  #serveTcp(socket: Socket): void {
    this.#clients.add(socket);
    socket.setTimeout(tcpPatience, () => socket.destroy());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#clients.delete(socket));
    let received: Buffer = Buffer.alloc(0);
    const send = (reply: Buffer) => {
      if (socket.destroyed) return;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(reply.length);
      socket.write(Buffer.concat([length, reply]));
    };
    socket.on("data", (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const message = received.subarray(2, 2 + received.readUInt16BE(0));
        received = received.subarray(2 + message.length);
        const query = parseQuery(message);
        if (query) this.#serve(message, query, "tcp", 65_535, send);
        else refuseMalformed(message, send);
      }
    });
  }

  /** Answers at once what the zone knows; what must be asked outside is sent when it comes. */
  #serve(message: Buffer, query: Query, transport: "udp" | "tcp", limit: number, send: (reply: Buffer) => void): void {
    const finish = (reply: Reply) => {
      this.#count(query, transport, reply.rcode);
      send(this.#writer.write(message, query, reply, limit));
    };
    if (!this.#ready) {
      void this.#readiness().then(() => {
        if (this.#closing.signal.aborted) return;
        // An absence would be believed; trouble is asked about again.
        if (this.#ready) this.#serve(message, query, transport, limit, send);
        else finish(empty(rcode.failed));
      });
      return;
    }
    const decision = answer(this.#options.zone, query, {
      reverseRanges: this.#options.reverseRanges,
      turn: this.#turn++,
    });
    if (decision.kind === "reply") {
      finish(decision.reply);
      return;
    }
    if (this.#probes.has(query.name)) {
      // Our own question came back: whoever we asked asks us.
      this.#probes.delete(query.name);
      finish(empty(rcode.refused));
      return;
    }
    const work =
      decision.kind === "alias"
        ? this.#follow(query, decision, finish)
        : this.#forward(message, query, limit, finish, send);
    work.catch((error: unknown) => {
      this.#options.log.warn("a name could not be looked up", { name: query.name, error: errorMessage(error) });
      finish(empty(rcode.failed));
    });
  }

  async #readiness(): Promise<void> {
    const { whenReady, clock } = this.#options;
    const tooLate = clock.sleep(unreadyPatience, this.#closing.signal);
    await Promise.race([whenReady, tooLate]).catch(() => {});
  }

  async #forward(
    message: Buffer,
    query: Query,
    limit: number,
    finish: (reply: Reply) => void,
    send: (reply: Buffer) => void,
  ) {
    // Kept apart from the caller's buffer, which a TCP stream may reuse.
    const own = Buffer.from(message);
    const reply = query.recursionDesired ? await this.#options.forwarder.ask(own, query) : undefined;
    if (!reply) {
      finish(empty(query.recursionDesired ? rcode.failed : rcode.refused));
      return;
    }
    this.#count(query, limit === 65_535 ? "tcp" : "udp", reply[3]! & 15);
    send(reply.length <= limit ? reply : truncated(reply, query));
  }

  /** An ExternalName service: the alias, and what it leads to when that can be found out. */
  async #follow(
    query: Query,
    alias: { readonly record: ResourceRecord; readonly target: string },
    finish: (reply: Reply) => void,
  ): Promise<void> {
    const answers = [alias.record, ...(await this.#resolve(alias.target, query, 0))];
    finish({ rcode: rcode.ok, authoritative: true, answers, authority: [], additional: [] });
  }

  async #resolve(target: string, query: Query, depth: number): Promise<readonly ResourceRecord[]> {
    if (depth > 8) return [];
    const asked = { ...query, name: target };
    const decision = answer(this.#options.zone, asked, { reverseRanges: [], turn: this.#turn++ });
    if (decision.kind === "reply") return decision.reply.answers;
    if (decision.kind === "alias")
      return [decision.record, ...(await this.#resolve(decision.target, query, depth + 1))];
    const message = questionFor(target, query.type, this.#options.random);
    const parsed = parseQuery(message);
    const reply = parsed && (await this.#options.forwarder.ask(message, parsed));
    return reply ? addressesIn(reply, target) : [];
  }

  /** Sends each outside server a name that nobody else knows; a server that sends it back here would loop for ever. */
  async #findLoops(): Promise<void> {
    for (const upstream of this.#options.forwarder.upstreams) {
      const own = this.#options.sockets.some(
        ({ address, port }) => address === upstream.address && port === upstream.port,
      );
      const probe = `${uuid(this.#options.random)}.loop.${this.#options.zone.domain}.invalid`;
      this.#probes.add(probe);
      const message = questionFor(probe, recordType.TXT, this.#options.random);
      const query = parseQuery(message);
      if (!own && query) await askUdp(message, query, upstream, 2000, this.#options.clock);
      if (this.#closing.signal.aborted) return;
      const cameBack = !this.#probes.delete(probe);
      if (!own && !cameBack) continue;
      this.#options.forwarder.exclude(upstream);
      this.#options.log.warn("a name server outside asks this one; it is not used", { upstream: upstream.address });
    }
  }
}

const typeNames = new Map<number, string>(Object.entries(recordType).map(([name, number]) => [number, name]));
const codeNames = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

/** A question of our own making. */
export function questionFor(name: string, type: number, random: Random): Buffer {
  const header = Buffer.alloc(12);
  Buffer.from(random.bytes(2)).copy(header, 0);
  header.writeUInt16BE(0x0100, 2);
  header.writeUInt16BE(1, 4);
  const labels = name
    .split(".")
    .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, "latin1")]));
  const end = Buffer.alloc(5);
  end.writeUInt16BE(type, 1);
  end.writeUInt16BE(1, 3);
  return Buffer.concat([header, ...labels, end]);
}

/** The addresses that a message from outside gives, as if they were the alias' own. */
function addressesIn(message: Buffer, name: string): ResourceRecord[] {
  const found: ResourceRecord[] = [];
  for (const { section, type, ttlAt, dataAt, dataLength } of records(message)) {
    if (section !== "answer") continue;
    const ttl = Math.min(30, message.readUInt32BE(ttlAt));
    const data = message.subarray(dataAt, dataAt + dataLength);
    if (type === recordType.A && dataLength === 4)
      found.push({ name, ttl, data: { type: "A", address: [...data].join(".") } });
    if (type === recordType.AAAA && dataLength === 16) {
      const groups = Array.from({ length: 8 }, (_, i) => data.readUInt16BE(2 * i).toString(16));
      found.push({ name, ttl, data: { type: "AAAA", address: groups.join(":") } });
    }
  }
  return found;
}

/** Header and question alone, marked so that the client comes back over TCP. */
function truncated(reply: Buffer, query: Query): Buffer {
  const short = Buffer.from(reply.subarray(0, query.questionEnd));
  short[2] = short[2]! | 2;
  short.fill(0, 6, 12);
  return short;
}

/** Tells the sender of something that is not a query so, if it has at least a header; answers to nobody are not sent. */
function refuseMalformed(message: Buffer, send: (reply: Buffer) => void): void {
  if (message.length < 12 || message[2]! & 0x80) return;
  const reply = Buffer.from(message.subarray(0, 12));
  reply[2] = 0x80;
  reply[3] = rcode.malformed;
  reply.fill(0, 4, 12);
  send(reply);
}

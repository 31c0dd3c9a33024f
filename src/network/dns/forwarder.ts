import { createSocket } from "node:dgram";
import { connect } from "node:net";
import type { Clock } from "../../lib/clock.ts";
import type { Random } from "../../lib/random.ts";
import { type Query, records, recordType } from "./wire.ts";

/** A name server to ask. */
export interface Upstream {
  readonly address: string;
  readonly port: number;
}

export interface ForwarderOptions {
  readonly upstreams: readonly Upstream[];
  /** Name servers for single domains (and all below), before the general ones. */
  readonly stubDomains?: Readonly<Record<string, readonly Upstream[]>>;
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds to wait for one server. */
  readonly patience?: number;
  /** How many answers are kept. */
  readonly cacheSize?: number;
}

/** Longest time in seconds that an answer, or an absence, from outside is kept. */
const longestKept = 30;

interface Kept {
  readonly message: Buffer;
  readonly ttls: readonly number[];
  readonly since: number;
  readonly until: number;
}

/** Asks name servers outside, one after the other, and keeps what they say for a while. */
export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #cache = new Map<string, Kept>();
  readonly #asking = new Map<string, Promise<Buffer | undefined>>();
  readonly #looping = new Set<string>();
  #servers: Pick<ForwarderOptions, "upstreams" | "stubDomains">;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#servers = options;
  }

  /** Asks these servers from now on, and forgets what the others have said. */
  use(servers: Pick<ForwarderOptions, "upstreams" | "stubDomains">): void {
    this.#servers = servers;
    this.#looping.clear();
    this.#cache.clear();
  }

  /**
   * The answer to a query, as a whole message with the query's id; undefined when no server answered. Equal questions
   * that are under way are asked once.
   */
  async ask(message: Buffer, query: Query): Promise<Buffer | undefined> {
    const key = `${query.name} ${query.type} ${query.class} ${query.checkingDisabled} ${query.edns ? (query.edns.dnssec ? 2 : 1) : 0}`;
    const kept = this.#fromCache(key);
    if (kept) return withId(kept, query.id, message, query);
    let asking = this.#asking.get(key);
    if (!asking) {
      asking = this.#askAll(message, query).finally(() => this.#asking.delete(key));
      this.#asking.set(key, asking);
    }
    const reply = await asking;
    if (!reply) return undefined;
    this.#keep(key, reply);
    return withId(Buffer.from(reply), query.id, message, query);
  }

  /** Stops asking a server that turned out to ask us back. */
  exclude(upstream: Upstream): void {
    this.#looping.add(upstreamKey(upstream));
  }

  get upstreams(): readonly Upstream[] {
    return this.#servers.upstreams.filter((upstream) => !this.#looping.has(upstreamKey(upstream)));
  }

  async #askAll(message: Buffer, query: Query): Promise<Buffer | undefined> {
    const servers = this.#serversFor(query.name);
    for (const server of servers) {
      const outgoing = Buffer.from(message);
      const [high = 0, low = 0] = this.#options.random.bytes(2);
      outgoing[0] = high;
      outgoing[1] = low;
      const patience = this.#options.patience ?? 2000;
      const reply = await askUdp(outgoing, query, server, patience, this.#options.clock);
      // Cut short: the whole answer is to be had over TCP.
      const whole = reply && reply[2]! & 2 ? await askTcp(outgoing, server, patience, this.#options.clock) : reply;
      // SERVFAIL and REFUSED are that server's troubles; another may know.
      if (whole && (whole[3]! & 15) !== 2 && (whole[3]! & 15) !== 5) return whole;
      if (whole && server === servers.at(-1)) return whole;
    }
    return undefined;
  }

  #serversFor(name: string): readonly Upstream[] {
    const stubs = this.#servers.stubDomains ?? {};
    const domain = Object.keys(stubs)
      .filter((candidate) => name === candidate || name.endsWith(`.${candidate}`))
      .sort((a, b) => b.length - a.length)[0];
    if (domain !== undefined) return stubs[domain] ?? [];
    return this.upstreams;
  }

  #fromCache(key: string): Buffer | undefined {
    const kept = this.#cache.get(key);
    if (!kept) return undefined;
    const now = this.#options.clock.monotonic();
    if (now >= kept.until) {
      this.#cache.delete(key);
      return undefined;
    }
    const message = Buffer.from(kept.message);
    const age = Math.floor((now - kept.since) / 1000);
    for (const at of kept.ttls) message.writeUInt32BE(Math.max(0, message.readUInt32BE(at) - age), at);
    return message;
  }

  #keep(key: string, message: Buffer): void {
    const code = message[3]! & 15;
    if (code !== 0 && code !== 3) return;
    const ttls: number[] = [];
    let shortest = longestKept;
    let answers = 0;
    for (const record of records(message)) {
      if (record.type === recordType.OPT) continue;
      ttls.push(record.ttlAt);
      if (record.section === "answer") answers++;
      shortest = Math.min(shortest, message.readUInt32BE(record.ttlAt));
      // The last field of an authority record says how long to remember an absence (RFC 2308).
      if (record.section === "authority" && record.type === recordType.SOA && record.dataLength >= 4) {
        shortest = Math.min(shortest, message.readUInt32BE(record.dataAt + record.dataLength - 4));
      }
    }
    if (shortest === 0 || (answers === 0 && ttls.length === 0)) return;
    const limit = this.#options.cacheSize ?? 10_000;
    // The oldest entry goes first: a Map keeps the order in which they came.
    if (this.#cache.size >= limit) this.#cache.delete(this.#cache.keys().next().value!);
    const since = this.#options.clock.monotonic();
    this.#cache.set(key, { message: Buffer.from(message), ttls, since, until: since + shortest * 1000 });
  }
}

/** One server's answer over UDP; undefined when it does not come in time. */
export function askUdp(
  message: Buffer,
  query: Query,
  server: Upstream,
  patience: number,
  clock: Clock,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    // A fresh port for each question: guessing both port and id is what makes forging answers hard.
    const socket = createSocket(server.address.includes(":") ? "udp6" : "udp4");
    const timer = clock.after(patience, () => finish(undefined));
    let finished = false;
    const finish = (reply: Buffer | undefined) => {
      if (finished) return;
      finished = true;
      timer[Symbol.dispose]();
      socket.close();
      resolve(reply);
    };
    socket.on("error", () => finish(undefined));
    socket.on("message", (reply) => {
      const answersUs =
        reply.length >= query.questionEnd &&
        (reply[2]! & 0x80) !== 0 &&
        reply.readUInt16BE(0) === message.readUInt16BE(0) &&
        reply.toString("latin1", 12, query.questionEnd).toLowerCase() ===
          message.toString("latin1", 12, query.questionEnd).toLowerCase();
      if (answersUs) finish(reply);
    });
    socket.connect(server.port, server.address, (error?: Error) => {
      if (error) return finish(undefined);
      socket.send(message);
    });
  });
}

function askTcp(message: Buffer, server: Upstream, patience: number, clock: Clock): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect(server.port, server.address);
    const finish = (reply: Buffer | undefined) => {
      timer[Symbol.dispose]();
      socket.destroy();
      resolve(reply);
    };
    const timer = clock.after(patience, () => finish(undefined));
    let received = Buffer.alloc(0);
    socket.on("connect", () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(message.length);
      socket.write(Buffer.concat([length, message]));
    });
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        finish(Buffer.from(received.subarray(2, 2 + received.readUInt16BE(0))));
      }
    });
    socket.on("error", () => finish(undefined));
    socket.on("close", () => finish(undefined));
  });
}

/** The reply in the client's own words: its id, and its spelling of the name. */
function withId(reply: Buffer, id: number, message: Buffer, query: Query): Buffer {
  reply.writeUInt16BE(id, 0);
  if (reply.length >= query.questionEnd) message.copy(reply, 12, 12, query.questionEnd);
  return reply;
}

function upstreamKey(upstream: Upstream): string {
  return `${upstream.address} ${upstream.port}`;
}

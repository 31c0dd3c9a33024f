import { isIPv4 } from "node:net";
import { addressToNumber } from "../machine/address.ts";

/** Record types that the server makes itself or asks about (RFC 1035, 2782, 3596, 6891). */
export const recordType = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  ANY: 255,
} as const;

/** Response codes (RFC 1035). */
export const rcode = { ok: 0, malformed: 1, failed: 2, noSuchName: 3, notImplemented: 4, refused: 5 } as const;
export type Rcode = (typeof rcode)[keyof typeof rcode];

/** A query as it came in. Names are lower case, without the final dot; the root is "". */
export interface Query {
  readonly id: number;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Where the question section ends in the message. */
  readonly questionEnd: number;
  /** What the client can take over UDP, if it speaks EDNS. */
  readonly edns?: { readonly size: number; readonly dnssec: boolean; readonly version: number };
}

/** The data of a record. */
export type RecordData =
  | { readonly type: "A" | "AAAA"; readonly address: string }
  | { readonly type: "CNAME" | "PTR" | "NS"; readonly target: string }
  | {
      readonly type: "SRV";
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | { readonly type: "TXT"; readonly text: string }
  | {
      readonly type: "SOA";
      readonly primary: string;
      readonly mailbox: string;
      readonly serial: number;
      readonly refresh: number;
      readonly retry: number;
      readonly expire: number;
      readonly minimum: number;
    };

export interface ResourceRecord {
  readonly name: string;
  readonly ttl: number;
  readonly data: RecordData;
}

/** What to say to a query. */
export interface Reply {
  readonly rcode: Rcode;
  readonly authoritative: boolean;
  readonly answers: readonly ResourceRecord[];
  readonly authority: readonly ResourceRecord[];
  readonly additional: readonly ResourceRecord[];
}

/** Reads a query; undefined when it is not a query with exactly one well-formed question. */
export function parseQuery(message: Buffer): Query | undefined {
  if (message.length < 17) return undefined;
  const flags = message.readUInt16BE(2);
  if (flags & 0x8000 || message.readUInt16BE(4) !== 1) return undefined;
  const name = readName(message, 12);
  if (!name || name.end + 4 > message.length) return undefined;
  const questionEnd = name.end + 4;
  return {
    id: message.readUInt16BE(0),
    opcode: (flags >> 11) & 15,
    recursionDesired: (flags & 0x0100) !== 0,
    checkingDisabled: (flags & 0x0010) !== 0,
    name: name.text,
    type: message.readUInt16BE(name.end),
    class: message.readUInt16BE(name.end + 2),
    questionEnd,
    edns: findEdns(message, questionEnd),
  };
}

/** Where in a message each record stands, up to its end; undefined when it is cut short. */
export function* records(message: Buffer): Generator<{
  readonly section: "answer" | "authority" | "additional";
  readonly type: number;
  readonly class: number;
  readonly ttlAt: number;
  readonly dataAt: number;
  readonly dataLength: number;
}> {
  let at = 12;
  for (let i = message.readUInt16BE(4); i > 0; i--) at = skipName(message, at) + 4;
  const counts = [message.readUInt16BE(6), message.readUInt16BE(8), message.readUInt16BE(10)];
  for (const [index, section] of (["answer", "authority", "additional"] as const).entries()) {
    for (let i = counts[index]!; i > 0; i--) {
      at = skipName(message, at);
      if (at + 10 > message.length) return;
      const dataLength = message.readUInt16BE(at + 8);
      if (at + 10 + dataLength > message.length) return;
      yield {
        section,
        type: message.readUInt16BE(at),
        class: message.readUInt16BE(at + 2),
        ttlAt: at + 4,
        dataAt: at + 10,
        dataLength,
      };
      at += 10 + dataLength;
    }
  }
}

function findEdns(message: Buffer, from: number): Query["edns"] {
  // A query's other sections are empty but for OPT, so this costs next to nothing.
  if (message.readUInt16BE(10) === 0 || from + 11 > message.length) return undefined;
  for (const record of records(message)) {
    if (record.type !== recordType.OPT) continue;
    const ttl = message.readUInt32BE(record.ttlAt);
    return { size: Math.max(512, record.class), dnssec: (ttl & 0x8000) !== 0, version: (ttl >> 16) & 255 };
  }
  return undefined;
}

function readName(message: Buffer, from: number): { readonly text: string; readonly end: number } | undefined {
  let text = "";
  let at = from;
  for (;;) {
    const length = message[at];
    // A question has nothing before it to point to.
    if (length === undefined || length > 63) return undefined;
    if (length === 0) return { text: text.toLowerCase(), end: at + 1 };
    if (at + 1 + length > message.length || at - from > 254) return undefined;
    text +=
      text === ""
        ? message.toString("latin1", at + 1, at + 1 + length)
        : `.${message.toString("latin1", at + 1, at + 1 + length)}`;
    at += 1 + length;
  }
}

function skipName(message: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const length = message[at];
    if (length === undefined || length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    at += 1 + length;
  }
}

/** The largest UDP answer that crosses any network in one piece. */
const safeSize = 1232;

/** Writes replies, with names compressed where they may be. One writer serves one message at a time and lends its buffer. */
export class ReplyWriter {
  readonly #buffer = Buffer.allocUnsafe(65_535);
  readonly #names = new Map<string, number>();
  #at = 0;
  #overflow = false;

  /**
   * The reply to `query` as bytes of their own. `limit` is what fits (`udpLimit`, or 65535 over TCP); a reply that does
   * not fit loses its additional records first, and is then marked as truncated.
   */
  write(message: Buffer, query: Query, reply: Reply, limit: number): Buffer {
    const room = limit - (query.edns ? 11 : 0);
    this.#begin(message, query);
    const answers = this.#records(reply.answers, room);
    const authority = answers === reply.answers.length ? this.#records(reply.authority, room) : 0;
    const cut = answers < reply.answers.length || authority < reply.authority.length;
    const additional = cut ? 0 : this.#records(reply.additional, room);
    if (query.edns) this.#edns(query.edns.dnssec);
    const flags =
      0x8000 |
      (query.opcode << 11) |
      (reply.authoritative ? 0x0400 : 0) |
      (cut ? 0x0200 : 0) |
      (query.recursionDesired ? 0x0100 : 0) |
      0x0080 |
      (query.checkingDisabled ? 0x0010 : 0) |
      reply.rcode;
    this.#buffer.writeUInt16BE(flags, 2);
    this.#buffer.writeUInt16BE(answers, 6);
    this.#buffer.writeUInt16BE(authority, 8);
    this.#buffer.writeUInt16BE(additional + (query.edns ? 1 : 0), 10);
    return Buffer.from(this.#buffer.subarray(0, this.#at));
  }

  #begin(message: Buffer, query: Query): void {
    this.#names.clear();
    this.#overflow = false;
    message.copy(this.#buffer, 0, 0, query.questionEnd);
    this.#at = query.questionEnd;
    let offset = 12;
    let name = query.name;
    while (name !== "") {
      this.#names.set(name, offset);
      offset += 1 + message[offset]!;
      const dot = name.indexOf(".");
      name = dot < 0 ? "" : name.slice(dot + 1);
    }
  }

  /** Writes as many whole records as fit and says how many. */
  #records(list: readonly ResourceRecord[], room: number): number {
    let written = 0;
    for (const record of list) {
      const start = this.#at;
      this.#record(record);
      if (this.#overflow || this.#at > room) {
        this.#at = start;
        this.#overflow = false;
        break;
      }
      written++;
    }
    return written;
  }

  #record({ name, ttl, data }: ResourceRecord): void {
    this.#name(name);
    this.#u16(recordType[data.type]);
    this.#u16(1);
    this.#u32(ttl);
    const lengthAt = this.#at;
    this.#u16(0);
    this.#data(data);
    if (!this.#overflow) this.#buffer.writeUInt16BE(this.#at - lengthAt - 2, lengthAt);
  }

  #data(data: RecordData): void {
    switch (data.type) {
      case "A":
      case "AAAA":
        this.#address(data.address);
        return;
      case "CNAME":
      case "PTR":
      case "NS":
        this.#name(data.target);
        return;
      case "SRV":
        this.#u16(data.priority);
        this.#u16(data.weight);
        this.#u16(data.port);
        // RFC 2782: never a pointer, and resolvers refuse one; later names may point here.
        this.#name(data.target, { pointing: false });
        return;
      case "TXT": {
        const text = Buffer.from(data.text).subarray(0, 255);
        if (!this.#fits(1 + text.length)) return;
        this.#buffer[this.#at] = text.length;
        text.copy(this.#buffer, this.#at + 1);
        this.#at += 1 + text.length;
        return;
      }
      case "SOA":
        this.#name(data.primary);
        this.#name(data.mailbox);
        for (const number of [data.serial, data.refresh, data.retry, data.expire, data.minimum]) this.#u32(number);
    }
  }

  #address(address: string): void {
    if (isIPv4(address)) {
      let value = 0;
      for (const part of address.split(".")) value = value * 256 + Number(part);
      this.#u32(value);
      return;
    }
    const value = addressToNumber(address);
    for (let shift = 96n; shift >= 0n; shift -= 32n) this.#u32(Number((value >> shift) & 0xffffffffn));
  }

  #name(name: string, { pointing } = { pointing: true }): void {
    let rest = name;
    while (rest !== "") {
      const known = this.#names.get(rest.toLowerCase());
      if (known !== undefined && pointing) {
        this.#u16(0xc000 | known);
        return;
      }
      if (known === undefined && this.#at < 0x4000) this.#names.set(rest.toLowerCase(), this.#at);
      const dot = rest.indexOf(".");
      const label = dot < 0 ? rest : rest.slice(0, dot);
      if (!this.#fits(1 + label.length)) return;
      this.#buffer[this.#at] = label.length;
      this.#buffer.write(label, this.#at + 1, "latin1");
      this.#at += 1 + label.length;
      rest = dot < 0 ? "" : rest.slice(dot + 1);
    }
    if (this.#fits(1)) this.#buffer[this.#at++] = 0;
  }

  #edns(dnssec: boolean): void {
    this.#buffer[this.#at++] = 0;
    this.#u16(recordType.OPT);
    this.#u16(safeSize);
    this.#u32(dnssec ? 0x8000 : 0);
    this.#u16(0);
  }

  #u16(value: number): void {
    if (this.#fits(2)) this.#at = this.#buffer.writeUInt16BE(value, this.#at);
  }

  #u32(value: number): void {
    if (this.#fits(4)) this.#at = this.#buffer.writeUInt32BE(value, this.#at);
  }

  #fits(bytes: number): boolean {
    if (this.#at + bytes > this.#buffer.length) this.#overflow = true;
    return !this.#overflow;
  }
}

/** How many bytes a UDP client takes. */
export function udpLimit(query: Query): number {
  return query.edns ? Math.min(query.edns.size, safeSize) : 512;
}

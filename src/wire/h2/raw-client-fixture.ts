import { type Duplex, duplexPair } from "node:stream";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import type { HttpHandler } from "../http-message.ts";
import { clientPreface } from "./frame-reader.ts";
import { type H2Limits, usualLimits } from "./limits.ts";
import { errorCode, frameFlag, frameHead, frameType } from "./protocol.ts";
import { H2Server } from "./server.ts";

export interface SentFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** One frame as bytes. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array | string = ""): Buffer {
  const bytes = Buffer.from(payload);
  const head = Buffer.alloc(frameHead);
  head.writeUIntBE(bytes.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, bytes]);
}

/** Four bytes each. */
export function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
}

export function settings(...pairs: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(6 * pairs.length);
  for (const [index, [name, value]] of pairs.entries()) {
    payload.writeUInt16BE(name, 6 * index);
    payload.writeUInt32BE(value, 6 * index + 2);
  }
  return frame(frameType.settings, 0, 0, payload);
}

/** Headers as plain literals. */
export function literals(fields: Iterable<readonly [string, string]>): Buffer {
  const text = (value: string) => {
    const bytes = Buffer.from(value, "latin1");
    const size = [Math.min(bytes.length, 127)];
    if (bytes.length >= 127) {
      let rest = bytes.length - 127;
      for (; rest > 127; rest >>= 7) size.push((rest & 127) | 128);
      size.push(rest);
    }
    return Buffer.concat([Buffer.from(size), bytes]);
  };
  return Buffer.concat([...fields].map(([name, value]) => Buffer.concat([Buffer.from([0]), text(name), text(value)])));
}

export const pseudo = (method: string, path = "/") =>
  [
    [":method", method],
    [":scheme", "https"],
    [":authority", "server"],
    [":path", path],
  ] as const;

/** A whole GET. */
export const get = (stream: number, path = "/") =>
  frame(frameType.headers, frameFlag.endHeaders | frameFlag.endStream, stream, literals(pseudo("GET", path)));

/** The beginning of a POST, whose body is to follow. */
export const post = (stream: number, ...more: readonly (readonly [string, string])[]) =>
  frame(frameType.headers, frameFlag.endHeaders, stream, literals([...pseudo("POST"), ...more]));

/** A client that says whatever a test likes, on a server of its own. */
export class RawClient implements AsyncDisposable {
  readonly clock = new VirtualClock();
  /** Faults that the server told of. */
  readonly faults: unknown[] = [];
  /** Every frame that came and was not taken yet. */
  readonly frames: SentFrame[] = [];
  readonly socket: Duplex;
  readonly server: H2Server;
  #rest = Buffer.alloc(0);
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(handle: HttpHandler, limits: Partial<H2Limits> = {}) {
    const [client, serving] = duplexPair();
    this.socket = client;
    this.server = new H2Server({
      handle,
      clock: this.clock,
      limits: { ...usualLimits, ...limits },
      onFault: (error) => this.faults.push(error),
    });
    client.on("data", (chunk: Buffer) => this.#take(chunk));
    client.on("error", () => {});
    const end = () => {
      this.#ended = true;
      this.#wake?.();
    };
    client.on("end", end);
    client.on("close", () => {
      end();
      serving.destroy();
    });
    serving.on("close", () => client.push(null));
    this.server.accept(serving, { address: "test" });
  }

  /** Says the preface, and settings without anything in them unless others are given. */
  greet(own: Buffer = settings()): this {
    return this.send(clientPreface, own);
  }

  send(...parts: readonly Uint8Array[]): this {
    this.socket.write(Buffer.concat(parts));
    return this;
  }

  /** Takes frames until one is as wanted; undefined when the server ended the connection before. */
  async until(wanted: (frame: SentFrame) => boolean): Promise<SentFrame | undefined> {
    for (;;) {
      const found = this.frames.findIndex(wanted);
      if (found >= 0) return this.frames.splice(0, found + 1).at(-1);
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The next frame of a type, on a stream if one is named. */
  of(type: number, stream?: number): Promise<SentFrame | undefined> {
    return this.until((one) => one.type === type && (stream === undefined || one.stream === stream));
  }

  /** All of a stream's data up to its end. */
  async body(stream: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (;;) {
      const one = await this.until(({ type, stream: id }) => id === stream && type <= frameType.headers);
      if (!one) throw new Error("the connection ended");
      if (one.type === frameType.data) parts.push(one.payload);
      if (one.flags & frameFlag.endStream) return Buffer.concat(parts);
    }
  }

  /** What the server ends the connection with: `GOAWAY protocolError`; or a stream: `RST_STREAM 1 cancel`. */
  async verdict(): Promise<string> {
    const one = await this.until(({ type }) => type === frameType.goAway || type === frameType.rstStream);
    if (!one) return "closed";
    const goes = one.type === frameType.goAway;
    const code = one.payload.readUInt32BE(goes ? 4 : 0);
    const name = Object.entries(errorCode).find(([, value]) => value === code)?.[0];
    return goes ? `GOAWAY ${name}` : `RST_STREAM ${one.stream} ${name}`;
  }

  /** Resolves when the server has dealt with everything sent so far, and handlers have that wait for nothing. */
  async settled(): Promise<void> {
    const kept: SentFrame[] = [];
    for (const mark of [Buffer.from("received"), Buffer.from("answered")]) {
      this.send(frame(frameType.ping, 0, 0, mark));
      for (;;) {
        const one = await this.until(() => true);
        if (!one || (one.type === frameType.ping && one.payload.equals(mark))) break;
        kept.push(one);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.frames.unshift(...kept);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.server[Symbol.asyncDispose]();
  }

  #take(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= frameHead) {
      const end = frameHead + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < end) break;
      const [type, flags] = [this.#rest[3]!, this.#rest[4]!];
      const stream = this.#rest.readUInt32BE(5);
      this.frames.push({ type, flags, stream, payload: Buffer.from(this.#rest.subarray(frameHead, end)) });
      this.#rest = this.#rest.subarray(end);
    }
    this.#wake?.();
  }
}

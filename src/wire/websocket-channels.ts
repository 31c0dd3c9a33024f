import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { type Clock, systemClock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { IdleWatch } from "./idle-watch.ts";
import { webSocketFault } from "./websocket-upgrade.ts";

/** How messages are written: raw, or as text with a digit and base64. */
export type ChannelEncoding = "binary" | "base64";

/** How many-streams-in-one-WebSocket behaves. */
export interface ChannelOptions {
  readonly encoding: ChannelEncoding;
  /** v5: a message of 255 and a channel's number half-closes that channel. Clients send it, servers understand it; a client that receives one gives up. */
  readonly closeSignal?: "send" | "receive";
  readonly clock?: Clock;
  /** Ends the connection when nothing went either way for so long. Default: never. */
  readonly idleTimeoutMs?: number;
}

const closeChannel = 255;
const maxChunk = 64 * 1024;
const readAhead = 256 * 1024;

/** One channel as a Duplex. `end()` tells the peer only where the protocol has a word for it. */
export class ChannelStream extends Duplex {
  readonly #host: ChannelHost;
  readonly #number: number;
  #done = false;

  constructor(host: ChannelHost, number: number) {
    super({ allowHalfOpen: true, readableHighWaterMark: readAhead, writableHighWaterMark: maxChunk });
    this.#host = host;
    this.#number = number;
    this.on("error", () => {});
  }

  receive(data: Buffer): void {
    if (this.#done || this.destroyed || data.length === 0) return;
    if (!this.push(data)) this.#host.blocked(this);
  }

  receiveEnd(): void {
    if (this.#done) return;
    this.#done = true;
    this.push(null);
  }

  /** The connection is over: what was read stays readable, and ends, or fails with the fault. */
  lose(fault: Fault | undefined): void {
    if (fault && !this.#done) {
      this.destroy(fault);
    } else {
      this.receiveEnd();
      if (this.readableEnded) this.destroy();
      else this.once("end", () => this.destroy());
    }
  }

  override _read(): void {
    this.#host.unblocked(this);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    let at = 0;
    do {
      const part = chunk.subarray(at, at + maxChunk);
      at += maxChunk;
      this.#host.send(this.#number, part, at >= chunk.length ? done : undefined);
    } while (at < chunk.length);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#host.sendEnd(this.#number, done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#done = true;
    this.#host.unblocked(this);
    done(error);
  }
}

interface ChannelHost {
  send(channel: number, data: Buffer, done?: (error?: Error | null) => void): void;
  sendEnd(channel: number, done: (error?: Error | null) => void): void;
  blocked(stream: ChannelStream): void;
  unblocked(stream: ChannelStream): void;
}

/**
 * A WebSocket whose messages begin with a channel number, either end. A slow reader of one channel holds back all of
 * them. `closed` always resolves: with a Fault unless the WebSocket was closed in order.
 */
export class ChannelSocket {
  readonly closed: Promise<Fault | undefined>;
  readonly #ws: WebSocket;
  readonly #options: ChannelOptions;
  readonly #channels = new Map<number, ChannelStream>();
  readonly #blocked = new Set<ChannelStream>();
  readonly #idle: IdleWatch | undefined;
  readonly #host: ChannelHost;
  #fault: Fault | undefined;
  #closing = false;

  constructor(ws: WebSocket, options: ChannelOptions) {
    this.#ws = ws;
    this.#options = options;
    this.#idle = options.idleTimeoutMs
      ? new IdleWatch(options.clock ?? systemClock, options.idleTimeoutMs, () =>
          this.destroy(new Fault("timeout", "connection was idle too long")),
        )
      : undefined;
    this.#host = {
      send: (number, data, done) => this.#send(number, data, done),
      sendEnd: (number, done) => {
        if (options.closeSignal === "send") this.#ws.send(Buffer.of(closeChannel, number), done);
        else done();
      },
      blocked: (stream) => {
        this.#blocked.add(stream);
        ws.pause();
      },
      unblocked: (stream) => {
        if (this.#blocked.delete(stream) && this.#blocked.size === 0) ws.resume();
      },
    };
    ws.on("message", (data) => this.#onMessage(data as Buffer));
    ws.on("error", (error) => {
      this.#fault ??= webSocketFault(error);
    });
    // The channels that the messages are for are opened after this constructor returns.
    queueMicrotask(() => {
      if (this.#blocked.size === 0) ws.resume();
    });
    this.closed = new Promise((resolve) => {
      ws.once("close", (code) => {
        this.#idle?.[Symbol.dispose]();
        if (code === 1006) this.#fault ??= new Fault("unavailable", "connection closed by the other side");
        this.#blocked.clear();
        for (const stream of this.#channels.values()) stream.lose(this.#fault);
        resolve(this.#fault);
      });
    });
  }

  /** The stream of a channel, the same one each time. Messages for channels that nobody opened are dropped. */
  open(number: number): ChannelStream {
    const known = this.#channels.get(number);
    if (known) return known;
    const stream = new ChannelStream(this.#host, number);
    this.#channels.set(number, stream);
    return stream;
  }

  /** Sends an empty message on a channel, by which servers show that they are ready. */
  greet(number: number): void {
    this.#send(number, Buffer.alloc(0));
  }

  /** Closes in order, after everything that was written. */
  async close(): Promise<void> {
    this.#closing = true;
    // The peer's answer to the close comes after whatever it has sent until then.
    this.#blocked.clear();
    this.#ws.resume();
    this.#ws.close(1000);
    await this.closed;
  }

  /** Cuts the connection. */
  destroy(fault: Fault = new Fault("aborted", "connection was destroyed")): void {
    this.#fault ??= fault;
    this.#ws.terminate();
  }

  #onMessage(message: Buffer): void {
    const first = message[0];
    if (first === undefined || this.#closing) return;
    this.#idle?.touch();
    const data = message.subarray(1);
    if (this.#options.encoding === "base64") {
      this.#channels.get(first - 0x30)?.receive(Buffer.from(data.toString("latin1"), "base64"));
    } else if (this.#options.closeSignal === "receive" && first === closeChannel) {
      const number = data[0];
      if (number !== undefined && data.length === 1) this.#channels.get(number)?.receiveEnd();
    } else {
      this.#channels.get(first)?.receive(data);
    }
  }

  #send(number: number, data: Buffer, done?: (error?: Error | null) => void): void {
    this.#idle?.touch();
    if (this.#options.encoding === "base64") {
      this.#ws.send(`${number}${data.toString("base64")}`, { binary: false }, done);
      return;
    }
    const message = Buffer.allocUnsafe(data.length + 1);
    message[0] = number;
    data.copy(message, 1);
    this.#ws.send(message, done);
  }
}

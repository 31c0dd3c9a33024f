import type { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { type Clock, systemClock } from "../lib/clock.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import { IdleWatch } from "./idle-watch.ts";
import {
  type ControlFrame,
  controlFrame,
  dataFrameHead,
  FrameParser,
  flagFin,
  flagUnidirectional,
  frameType,
  goAwayStatus,
  resetStatus,
  words,
} from "./spdy-frames.ts";
import { SpdyHeaderDecoder, SpdyHeaderEncoder, type SpdyHeaders } from "./spdy-headers.ts";
import { SpdyStream, type StreamHost } from "./spdy-stream.ts";

/** How a session behaves and where it draws the line. */
export interface SpdySessionOptions {
  readonly role: "client" | "server";
  /** What the HTTP parser read beyond the upgrade. */
  readonly head?: Buffer;
  readonly clock?: Clock;
  /** Whether a stream that the peer opens is wanted; a stream that is not is reset without a reply. */
  readonly admit?: (headers: SpdyHeaders) => boolean;
  /** Called for each admitted stream; it has been replied to. */
  readonly onStream?: (stream: SpdyStream) => void;
  /** Streams open at once that the peer opened; more are refused. Default 4096. */
  readonly maxStreams?: number;
  /** Bytes of one control frame, and of one header block unpacked. Default 64 KiB. */
  readonly maxControlLength?: number;
  /** How long `open` waits for the peer's reply. Default 30 s. */
  readonly openTimeoutMs?: number;
  /** How long `close` waits for the peer to close its end before the socket is cut. Default 10 s. */
  readonly lingerMs?: number;
  /** Ends the session when nothing went either way for so long. Default: never. */
  readonly idleTimeoutMs?: number;
}

// Frames are cut to this size so that a stream with much to say does not hold up the others at the peer.
const maxDataLength = 64 * 1024;
// Answers (pings, resets, replies) that the peer does not collect: beyond this it is flooding us.
const maxUnsentControl = 10_000;
const maxStreamId = 0x7fffffff;

interface Opening {
  readonly stream: SpdyStream;
  readonly settle: (fault?: Fault) => void;
}

/**
 * A SPDY/3.1 session over a socket that has been upgraded, either role. It neither keeps nor expects windows, as the
 * peers of Kubernetes do not: a slow reader holds back the whole connection. `closed` always resolves, with the Fault
 * that ended the session if it was not ended in order.
 */
export class SpdySession {
  readonly closed: Promise<Fault | undefined>;
  readonly #socket: Duplex;
  readonly #options: SpdySessionOptions;
  readonly #clock: Clock;
  readonly #encoder = new SpdyHeaderEncoder();
  readonly #decoder: SpdyHeaderDecoder;
  readonly #parser: FrameParser;
  readonly #host: StreamHost;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #blocked = new Set<SpdyStream>();
  readonly #opening = new Map<number, Opening>();
  readonly #idle: IdleWatch | undefined;
  readonly #pings = new Map<number, (fault?: Fault) => void>();
  #resolveClosed: (fault: Fault | undefined) => void = () => {};
  #remoteStreams = 0;
  #lastRemoteId = 0;
  #nextId: number;
  #nextPing: number;
  #unsentControl = 0;
  #sentGoAway = false;
  #gotGoAway = false;
  #ended = false;

  constructor(socket: Duplex, options: SpdySessionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    const maxControlLength = options.maxControlLength ?? 64 * 1024;
    this.#decoder = new SpdyHeaderDecoder({ maxBytes: maxControlLength });
    this.#parser = new FrameParser(
      {
        onControl: (frame) => this.#onControl(frame),
        onData: (id, data, fin) => this.#onData(id, data, fin),
      },
      { maxControlLength },
    );
    this.#nextId = options.role === "client" ? 1 : 2;
    this.#nextPing = this.#nextId;
    const { idleTimeoutMs } = options;
    this.#idle = idleTimeoutMs
      ? new IdleWatch(this.#clock, idleTimeoutMs, () =>
          this.destroy(new Fault("timeout", "connection was idle too long")),
        )
      : undefined;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#host = {
      sendData: (id, chunks, done) => this.#sendData(id, chunks, done),
      sendFin: (id, done) => this.#write([dataFrameHead(id, 0, true)], done),
      sendReset: (id, status) => this.#control(frameType.rstStream, 0, [words(id, status)]),
      blocked: (stream) => {
        if (this.#ended) return;
        this.#blocked.add(stream);
        socket.pause();
      },
      unblocked: (stream) => {
        if (this.#blocked.delete(stream) && this.#blocked.size === 0) socket.resume();
      },
      finished: (stream) => this.#forget(stream),
    };
    socket.on("error", (error) =>
      this.#lost(new Fault("unavailable", `connection failed: ${errorMessage(error)}`, { cause: error })),
    );
    socket.on("close", () => this.#lost(new Fault("unavailable", "connection closed by the other side")));
    socket.on("end", () => this.#lost(new Fault("unavailable", "connection closed by the other side")));
    // The handler of the first streams may be attached after this constructor returns.
    queueMicrotask(() => {
      if (options.head && options.head.length > 0) this.#onBytes(options.head);
      socket.on("data", (chunk: Buffer) => this.#onBytes(chunk));
      if (this.#blocked.size === 0) socket.resume();
    });
  }

  /** How many streams are open, in either direction. */
  get streamCount(): number {
    return this.#streams.size;
  }

  /** Opens a stream and waits for the peer's reply; rejects with a Fault if the peer refuses it, does not answer, or is gone. */
  async open(headers: Readonly<Record<string, string>>, options: { readonly fin?: boolean } = {}): Promise<SpdyStream> {
    if (this.#ended || this.#sentGoAway || this.#gotGoAway) throw new Fault("closed", "SPDY session is closed");
    const id = this.#nextId;
    if (id > maxStreamId) throw new Fault("exhausted", "SPDY session has used all its stream numbers");
    this.#nextId += 2;
    const localDone = options.fin ?? false;
    const stream = new SpdyStream({ id, headers: new Map(Object.entries(headers)), host: this.#host, localDone });
    this.#streams.set(id, stream);
    const replied = new Promise<void>((resolve, reject) => {
      const settle = (fault?: Fault) => {
        timer[Symbol.dispose]();
        this.#opening.delete(id);
        if (fault) reject(fault);
        else resolve();
      };
      const timer = this.#clock.after(this.#options.openTimeoutMs ?? 30_000, () => {
        settle(new Fault("timeout", `no reply to stream ${id}`));
        stream.destroy();
      });
      this.#opening.set(id, { stream, settle });
    });
    // Two zero bytes: priority 0 and no credential slot.
    const priority = words(0).subarray(0, 2);
    this.#control(frameType.synStream, localDone ? flagFin : 0, [
      words(id, 0),
      priority,
      this.#encoder.encode(headers),
    ]);
    await replied;
    return stream;
  }

  /** Resolves when the peer has answered a ping. */
  ping(): Promise<void> {
    if (this.#ended) return Promise.reject(new Fault("closed", "SPDY session is closed"));
    const id = this.#nextPing;
    this.#nextPing = id + 2 > maxStreamId ? 2 - (id % 2) : id + 2;
    return new Promise((resolve, reject) => {
      this.#pings.set(id, (fault) => (fault ? reject(fault) : resolve()));
      this.#control(frameType.ping, 0, [words(id)]);
    });
  }

  /**
   * Says that no more streams will be opened, then ends. A client ends its socket at once; a server leaves the ending
   * to the client, up to the linger time, because Moby's client drops what it has not yet read when the socket ends.
   */
  async close(): Promise<void> {
    if (!this.#ended && !this.#sentGoAway) {
      this.#sentGoAway = true;
      this.#control(frameType.goAway, 0, [words(this.#lastRemoteId, goAwayStatus.ok)]);
      if (this.#options.role === "client") {
        this.#finish(undefined);
      } else {
        const timer = this.#clock.after(this.#options.lingerMs ?? 10_000, () => this.#finish(undefined));
        void this.closed.then(() => timer[Symbol.dispose]());
      }
    }
    await this.closed;
  }

  /** Ends the session now; streams that were not complete fail with the fault. */
  destroy(fault: Fault = new Fault("aborted", "SPDY session was destroyed")): void {
    if (this.#ended) return;
    this.#end(fault, fault);
    this.#socket.destroy();
  }

  #onBytes(chunk: Buffer): void {
    if (this.#ended) return;
    this.#idle?.touch();
    try {
      this.#parser.push(chunk);
      if (this.#unsentControl > maxUnsentControl) {
        throw new Fault("exhausted", "SPDY peer asks faster than it reads our answers");
      }
    } catch (error) {
      const fault = error instanceof Fault ? error : new Fault("internal", errorMessage(error), { cause: error });
      this.#control(frameType.goAway, 0, [words(this.#lastRemoteId, goAwayStatus.protocolError)]);
      this.#end(fault, fault);
      this.#socket.end();
      this.#socket.resume();
      const timer = this.#clock.after(1_000, () => this.#socket.destroy());
      this.#socket.once("close", () => timer[Symbol.dispose]());
    }
  }

  #onData(id: number, data: Buffer, fin: boolean): void {
    // Data for a stream that we reset a moment ago is on its way for a while; Moby ignores it too.
    const stream = this.#streams.get(id);
    if (!stream || this.#ended) return;
    stream.receive(data);
    if (fin) stream.receiveFin();
  }

  #onControl(frame: ControlFrame): void {
    if (this.#ended) return;
    const { type, flags, payload } = frame;
    const least = leastLength[type] ?? 0;
    if (payload.length < least) throw new Fault("invalid", `SPDY control frame of type ${type} is too short`);
    switch (type) {
      case frameType.synStream:
        this.#onSynStream(flags, payload);
        return;
      case frameType.synReply:
        this.#onSynReply(flags, payload);
        return;
      case frameType.rstStream:
        this.#onReset(streamIdOf(payload), payload.readUInt32BE(4));
        return;
      case frameType.ping:
        this.#onPing(payload.readUInt32BE(0));
        return;
      case frameType.headers:
        // Decoded for the sake of the shared compression state; nobody sends any.
        this.#decoder.decode(payload.subarray(4));
        if (flags & flagFin) this.#streams.get(streamIdOf(payload))?.receiveFin();
        return;
      case frameType.goAway:
        this.#gotGoAway = true;
        return;
      default:
        // Settings and window updates change nothing for a peer without windows.
        return;
    }
  }

  #onSynStream(flags: number, payload: Buffer): void {
    const id = streamIdOf(payload);
    const headers = this.#decoder.decode(payload.subarray(10));
    const parity = this.#options.role === "server" ? 1 : 0;
    if (id % 2 !== parity || id <= this.#lastRemoteId) {
      this.#host.sendReset(id, resetStatus.protocolError);
      return;
    }
    this.#lastRemoteId = id;
    const full = this.#sentGoAway || this.#remoteStreams >= (this.#options.maxStreams ?? 4096);
    if (full || this.#options.admit?.(headers) === false) {
      this.#host.sendReset(id, resetStatus.refusedStream);
      return;
    }
    const stream = new SpdyStream({
      id,
      headers,
      host: this.#host,
      remoteDone: (flags & flagFin) !== 0,
      localDone: (flags & flagUnidirectional) !== 0,
    });
    const onlyHeaders = (flags & flagFin) !== 0 && (flags & flagUnidirectional) !== 0;
    if (!onlyHeaders) {
      this.#remoteStreams += 1;
      this.#streams.set(id, stream);
    }
    // Replied to before anybody writes: Moby drops data that comes ahead of the reply.
    this.#control(frameType.synReply, 0, [words(id), this.#encoder.encode({})]);
    this.#options.onStream?.(stream);
  }

  #onSynReply(flags: number, payload: Buffer): void {
    this.#decoder.decode(payload.subarray(4));
    const id = streamIdOf(payload);
    this.#opening.get(id)?.settle();
    if (flags & flagFin) this.#streams.get(id)?.receiveFin();
  }

  #onReset(id: number, status: number): void {
    this.#opening.get(id)?.settle(new Fault("unavailable", `stream ${id} was refused (status ${status})`));
    this.#streams.get(id)?.receiveReset(status);
  }

  #onPing(id: number): void {
    const ours = id % 2 === this.#nextPing % 2;
    if (!ours) {
      this.#control(frameType.ping, 0, [words(id)]);
      return;
    }
    const answered = this.#pings.get(id);
    this.#pings.delete(id);
    answered?.();
  }

  #sendData(id: number, chunks: readonly Buffer[], done: (error?: Error | null) => void): void {
    const parts: Buffer[] = [];
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; at += maxDataLength) {
        const part = chunk.subarray(at, at + maxDataLength);
        parts.push(dataFrameHead(id, part.length, false), part);
      }
    }
    if (parts.length === 0) done();
    else this.#write(parts, done);
  }

  #control(type: number, flags: number, payload: readonly Buffer[]): void {
    if (this.#ended) return;
    this.#unsentControl += 1;
    this.#write([controlFrame(type, flags, payload)], () => {
      this.#unsentControl -= 1;
    });
  }

  #write(parts: readonly Buffer[], done: (error?: Error | null) => void): void {
    if (this.#ended) {
      done(new Fault("closed", "SPDY session is closed"));
      return;
    }
    this.#idle?.touch();
    this.#socket.cork();
    parts.forEach((part, index) => {
      this.#socket.write(part, index === parts.length - 1 ? done : undefined);
    });
    this.#socket.uncork();
  }

  #forget(stream: SpdyStream): void {
    if (!this.#streams.delete(stream.id)) return;
    const remote = stream.id % 2 !== this.#nextId % 2;
    if (remote) this.#remoteStreams -= 1;
  }

  #lost(fault: Fault): void {
    if (this.#ended) return;
    // After a GOAWAY an end is what was agreed, unless streams were still in the middle of something.
    const orderly = this.#sentGoAway || this.#gotGoAway || this.#streams.size === 0;
    this.#end(orderly ? undefined : fault, fault);
    if (this.#socket.writable) this.#socket.end();
    else this.#socket.destroy();
  }

  #finish(fault: Fault | undefined): void {
    if (this.#ended) return;
    this.#end(fault, new Fault("closed", "SPDY session was closed"));
    this.#socket.end();
    // Whatever still comes is of no interest, but unread it would keep the socket from closing.
    this.#socket.resume();
    const timer = this.#clock.after(1_000, () => this.#socket.destroy());
    this.#socket.once("close", () => timer[Symbol.dispose]());
  }

  #end(fault: Fault | undefined, forStreams: Fault): void {
    this.#ended = true;
    this.#idle?.[Symbol.dispose]();
    this.#blocked.clear();
    for (const { settle } of [...this.#opening.values()]) settle(forStreams);
    for (const answered of this.#pings.values()) answered(forStreams);
    this.#pings.clear();
    for (const stream of [...this.#streams.values()]) stream.lose(forStreams);
    this.#streams.clear();
    this.#resolveClosed(fault);
  }
}

const leastLength: Readonly<Record<number, number>> = {
  [frameType.synStream]: 10,
  [frameType.synReply]: 4,
  [frameType.rstStream]: 8,
  [frameType.settings]: 4,
  [frameType.ping]: 4,
  [frameType.goAway]: 8,
  [frameType.headers]: 4,
  [frameType.windowUpdate]: 8,
};

function streamIdOf(payload: Buffer): number {
  const id = payload.readUInt32BE(0) & maxStreamId;
  if (id === 0) throw new Fault("invalid", "SPDY control frame for stream 0");
  return id;
}

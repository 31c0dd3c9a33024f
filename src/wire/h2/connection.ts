import type { Duplex } from "node:stream";
import { errorMessage } from "../../lib/fault.ts";
import type { HttpHandler, HttpPeer } from "../http-message.ts";
import { goAway, openingFrames, settingsIn, word } from "./control-frames.ts";
import { FrameOutput } from "./frame-output.ts";
import { FrameReader } from "./frame-reader.ts";
import { type Block, HeaderBlocks, unpadded } from "./header-blocks.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { emptyTable, type HeaderBlock } from "./hpack-encoder.ts";
import { Budget, type H2Limits } from "./limits.ts";
import {
  type ErrorCode,
  errorCode,
  frameFlag,
  frameType,
  H2Error,
  largestWindow,
  setting,
  usualWindow,
} from "./protocol.ts";
import { RequestHead } from "./request-head.ts";
import { Sender } from "./sender.ts";
import { H2Stream, type StreamHost } from "./stream.ts";

export interface ConnectionOptions {
  readonly socket: Duplex;
  readonly peer: HttpPeer;
  readonly handle: HttpHandler;
  readonly limits: H2Limits;
  /** The packed `date` header. */
  readonly date: () => HeaderBlock;
  /** Told about faults that have no request to answer them to. */
  readonly onFault: (error: unknown) => void;
  /** Called once, when nothing is left of the connection. */
  readonly onClose: (connection: H2Connection) => void;
}

/** So many bytes of answers that the client does not fetch end the connection; answers themselves stop far below. */
const mostUnfetched = 4 * 1024 * 1024;

/** The server's side of one HTTP/2 connection (RFC 9113). Whoever holds it calls `sweep` now and then. */
export class H2Connection implements StreamHost {
  readonly peer: HttpPeer;
  readonly date: () => HeaderBlock;
  readonly limits: H2Limits;
  readonly #options: ConnectionOptions;
  readonly #socket: Duplex;
  readonly #reader = new FrameReader();
  readonly #decoder = new HpackDecoder();
  readonly #blocks: HeaderBlocks;
  readonly #output: FrameOutput;
  readonly #streams = new Map<number, H2Stream>();
  readonly #sender: Sender;
  /** Streams that ended before their client knew: frames of theirs may be under way. */
  readonly #cut = new Set<number>();
  readonly #resets: Budget;
  readonly #idleFrames: Budget;
  #receiveWindow: number;
  #untold = 0;
  /** What the client's settings give a new stream. */
  #streamWindow: number = usualWindow;
  #tableChanged = false;
  #greeted = false;
  #last = 0;
  /** Requests that somebody works on, their streams being open or not. */
  #working = 0;
  /** Bytes of the headers of all these requests. */
  #held = 0;
  /** Seconds that no request has been open, and the last one when this was looked at. */
  #quiet = 0;
  #lastSeen = 0;
  /** Seconds that the client has been owing its settings, or the rest of a header block. */
  #owing = 0;
  #state: "open" | "leaving" | "ended" | "closed" = "open";

  constructor(options: ConnectionOptions) {
    const { socket, limits, peer, date } = options;
    this.#options = options;
    this.#socket = socket;
    this.limits = limits;
    this.peer = peer;
    this.date = date;
    this.#resets = new Budget(limits.resets);
    this.#idleFrames = new Budget(limits.idleFrames);
    this.#receiveWindow = limits.connectionWindow;
    this.#output = new FrameOutput(socket, () => this.#pump());
    this.#sender = new Sender(this.#output, limits.crumbs);
    this.#blocks = new HeaderBlocks(limits);
    openingFrames(this.#output, limits);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#closed());
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
  }

  /** Says that no more requests are taken, and ends the connection when none waits for its answer any more. */
  shutdown(): void {
    if (this.#state !== "open") return;
    this.#state = "leaving";
    goAway(this.#output, this.#last, errorCode.noError);
    this.#leave();
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** So many seconds went by since the last time: who keeps others waiting is cut off. */
  sweep(seconds: number): void {
    if (this.#state === "ended") this.destroy();
    this.#resets.refill(seconds);
    this.#idleFrames.refill(seconds);
    this.#owing = this.#greeted && this.#blocks.incomplete === 0 ? 0 : this.#owing + seconds;
    if (this.#owing > this.limits.greeting) {
      const reason = this.#greeted ? errorCode.enhanceYourCalm : errorCode.settingsTimeout;
      this.#fail(new H2Error(reason, "the client does not come to an end with what it began"));
    }
    for (const stream of this.#streams.values()) stream.sweep(seconds);
    const idle = this.#streams.size === 0 && this.#working === 0 && this.#last === this.#lastSeen;
    this.#quiet = idle ? this.#quiet + seconds : 0;
    this.#lastSeen = this.#last;
    if (this.#quiet >= this.limits.idle) this.shutdown();
  }

  wake(stream: H2Stream): void {
    this.#sender.add(stream);
    this.#pump();
    if (this.#state === "leaving") this.#leave();
  }

  consumed(stream: H2Stream, bytes: number): void {
    this.#credit(bytes);
    if (stream.said || !this.#streams.has(stream.id)) return;
    stream.untold += bytes;
    if (stream.untold < this.limits.streamWindow / 2) return;
    this.#output.frame(frameType.windowUpdate, 0, stream.id, word(stream.untold));
    stream.receiveWindow += stream.untold;
    stream.untold = 0;
  }

  reset(stream: H2Stream, reason: ErrorCode): void {
    if (!this.#streams.has(stream.id)) return;
    this.#reject(stream.id, reason);
    this.finished(stream);
  }

  finished(stream: H2Stream): void {
    if (this.#streams.delete(stream.id)) this.#letGo(stream);
    this.#sender.delete(stream);
    stream.close();
    if (this.#state === "leaving") this.#leave();
  }

  blockPrefix(): HeaderBlock {
    if (!this.#tableChanged) return "";
    this.#tableChanged = false;
    return emptyTable;
  }

  #read(chunk: Buffer): void {
    const reader = this.#reader;
    try {
      if (this.#ending) return;
      reader.push(chunk);
      while (!this.#ending && reader.next()) {
        try {
          this.#frame();
        } catch (error) {
          if (!(error instanceof H2Error) || error.stream === 0) throw error;
          this.#refuse(error.stream, error.reason);
        }
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #frame(): void {
    const { type, stream } = this.#reader;
    if (!this.#greeted && type !== frameType.settings) throw violation("frames come before settings");
    const { incomplete } = this.#blocks;
    if (incomplete !== 0 && (type !== frameType.continuation || stream !== incomplete)) {
      throw violation("a header block is interrupted");
    }
    switch (type) {
      case frameType.data:
        this.#data();
        break;
      case frameType.headers:
        this.#headers(this.#blocks.begin(this.#reader));
        break;
      case frameType.continuation:
        this.#headers(this.#blocks.continue(this.#reader));
        break;
      case frameType.settings:
        this.#settings();
        break;
      case frameType.windowUpdate:
        this.#windowUpdate();
        break;
      case frameType.rstStream:
        this.#rstStream();
        break;
      case frameType.ping:
        this.#ping();
        break;
      case frameType.pushPromise:
        throw violation("a client has nothing to push");
      case frameType.priority: // long out of use, but not wrong
        if (stream === 0) throw violation("PRIORITY without a stream");
        if (this.#size !== 5) throw new H2Error(errorCode.frameSizeError, "PRIORITY of another size", stream);
        this.#idle();
        break;
      case frameType.goAway:
        if (stream !== 0) throw violation("GOAWAY on a stream");
        this.#idle();
        break;
      default:
        this.#idle();
        break;
    }
  }

  get #size(): number {
    return this.#reader.end - this.#reader.start;
  }

  #headers(block: Block | undefined): void {
    if (!block) return;
    const { stream: id, endStream: ended, bytes, start, end } = block;
    const head = new RequestHead(this.limits.headerList);
    this.#decoder.decode(bytes, start, end, head); // in any case: later blocks build on it
    const known = this.#streams.get(id);
    if (known) {
      trailers(known, ended);
      return;
    }
    if (id <= this.#last) {
      if (this.#cut.has(id)) return;
      throw new H2Error(errorCode.streamClosed, "HEADERS on a stream that is closed");
    }
    if (this.#state === "leaving") return;
    this.#last = id;
    if (Math.max(this.#streams.size, this.#working) >= this.limits.streams) {
      throw new H2Error(errorCode.refusedStream, "too many streams", id);
    }
    if (this.#held + head.size > this.limits.headersHeld && this.#held > 0) {
      throw new H2Error(errorCode.refusedStream, "too many bytes of headers", id);
    }
    head.end();
    if (head.flaw !== "") throw new H2Error(errorCode.protocolError, head.flaw, id);
    const stream = new H2Stream(this, id, head, {
      ended,
      window: this.#streamWindow,
      receiveWindow: this.limits.streamWindow,
    });
    this.#streams.set(id, stream);
    if (ended) stream.end();
    this.#working += 1;
    this.#held += head.size;
    void this.#answer(stream, head.tooLarge);
  }

  async #answer(stream: H2Stream, tooLarge: boolean): Promise<void> {
    try {
      await stream.respond(tooLarge ? { status: 431 } : await this.#options.handle(stream));
    } catch (error) {
      this.#options.onFault(error);
      this.reset(stream, errorCode.internalError);
    } finally {
      this.#working -= 1;
      stream.served = true;
      this.#letGo(stream);
    }
  }

  /** A request is forgotten when its stream is closed and nobody works on it any more, whichever comes last. */
  #letGo(stream: H2Stream): void {
    if (stream.served && !this.#streams.has(stream.id)) this.#held -= stream.headSize;
  }

  // A client that has not heard yet that we leave may open streams that we pass over.
  #unopened(id: number): boolean {
    return id === 0 || (id > this.#last && this.#state !== "leaving");
  }

  #data(): void {
    const { bytes, flags, stream: id } = this.#reader;
    const counted = this.#size;
    const { start, end } = unpadded(this.#reader);
    if (this.#unopened(id)) throw violation("DATA on a stream that was not opened");
    this.#receiveWindow -= counted;
    if (this.#receiveWindow < 0) throw new H2Error(errorCode.flowControlError, "more data than the window holds");
    const ended = (flags & frameFlag.endStream) !== 0;
    if (counted === 0 && !ended) this.#idle();
    const stream = this.#streams.get(id);
    if (!stream || stream.said) {
      this.#credit(counted);
      if (this.#cut.has(id) || id > this.#last) return;
      throw new H2Error(errorCode.streamClosed, "DATA on a stream that is closed", id);
    }
    stream.receiveWindow -= counted;
    if (stream.receiveWindow < 0) {
      this.#credit(counted);
      throw new H2Error(errorCode.flowControlError, "more data than the stream's window holds", id);
    }
    const padding = counted - (end - start);
    if (padding > 0) this.consumed(stream, padding);
    stream.receive(bytes.subarray(start, end));
    if (ended) stream.end();
  }

  #settings(): void {
    const { bytes, start, end, flags, stream } = this.#reader;
    if (stream !== 0) throw violation("SETTINGS on a stream");
    if (flags & frameFlag.ack) {
      if (this.#size !== 0) throw new H2Error(errorCode.frameSizeError, "an acknowledgement says something");
      if (!this.#greeted) throw violation("an acknowledgement before any settings");
      this.#idle();
      return;
    }
    if (this.#greeted) this.#idle();
    this.#greeted = true;
    let window = this.#streamWindow;
    for (const [name, value] of settingsIn(bytes, start, end)) {
      if (name === setting.headerTableSize) this.#tableChanged = true;
      else if (name === setting.initialWindowSize) window = value;
    }
    if (window !== this.#streamWindow) this.#resize(window);
    this.#output.frame(frameType.settings, frameFlag.ack, 0);
    this.#pump();
  }

  #resize(window: number): void {
    const change = window - this.#streamWindow;
    this.#streamWindow = window;
    for (const stream of this.#streams.values()) this.#widen(stream, change, 0);
  }

  #widen(stream: H2Stream, bytes: number, blamed: number): void {
    stream.window += bytes;
    if (stream.window > largestWindow) throw new H2Error(errorCode.flowControlError, "a window is too large", blamed);
    if (stream.sendable) this.#sender.add(stream);
  }

  #windowUpdate(): void {
    const { bytes, start, stream: id } = this.#reader;
    if (this.#size !== 4) throw new H2Error(errorCode.frameSizeError, "WINDOW_UPDATE of another size");
    if (id !== 0 && this.#unopened(id)) throw violation("WINDOW_UPDATE on a stream that was not opened");
    const by = bytes.readUInt32BE(start) & largestWindow;
    if (by === 0) throw new H2Error(errorCode.protocolError, "a window is opened by nothing", id);
    if (id === 0) this.#sender.widen(by);
    else {
      const stream = this.#streams.get(id);
      if (!stream) return;
      this.#widen(stream, by, id);
    }
    this.#pump();
  }

  #rstStream(): void {
    const { stream: id } = this.#reader;
    if (this.#size !== 4) throw new H2Error(errorCode.frameSizeError, "RST_STREAM of another size");
    if (this.#unopened(id)) throw violation("RST_STREAM on a stream that was not opened");
    const stream = this.#streams.get(id);
    if (!stream) {
      this.#idle();
      return;
    }
    if (!stream.answered) this.#spend(this.#resets, "too many streams come to nothing");
    this.finished(stream);
  }

  #ping(): void {
    const { bytes, start, end, flags, stream } = this.#reader;
    if (stream !== 0) throw violation("PING on a stream");
    if (this.#size !== 8) throw new H2Error(errorCode.frameSizeError, "PING of another size");
    this.#idle();
    // A copy: the frame goes out later, and what was read is not ours to keep.
    if ((flags & frameFlag.ack) === 0) {
      this.#output.frame(frameType.ping, frameFlag.ack, 0, Buffer.from(bytes.subarray(start, end)));
    }
  }

  #idle(): void {
    this.#spend(this.#idleFrames, "too many frames that bring nothing");
  }

  #spend(budget: Budget, why: string): void {
    const unfetched = this.#output.waiting > mostUnfetched;
    if (!budget.spend() || unfetched) throw new H2Error(errorCode.enhanceYourCalm, why);
  }

  /** Ends a stream that the client did wrong on, whether it is open or not. */
  #refuse(id: number, reason: ErrorCode): void {
    this.#spend(this.#resets, "too many streams are refused");
    const stream = this.#streams.get(id);
    if (stream) this.reset(stream, reason);
    else this.#reject(id, reason);
  }

  #reject(id: number, reason: ErrorCode): void {
    this.#output.frame(frameType.rstStream, 0, id, word(reason));
    this.#cut.add(id);
    if (this.#cut.size <= this.limits.streams) return;
    const [oldest] = this.#cut;
    this.#cut.delete(oldest!);
  }

  /** The connection's window may be filled again by so much. */
  #credit(bytes: number): void {
    this.#untold += bytes;
    if (this.#untold < this.limits.connectionWindow / 2 || this.#ending) return;
    this.#output.frame(frameType.windowUpdate, 0, 0, word(this.#untold));
    this.#receiveWindow += this.#untold;
    this.#untold = 0;
  }

  #pump(): void {
    try {
      this.#sender.pump();
    } catch (error) {
      this.#fail(error);
    }
  }

  get #ending(): boolean {
    return this.#state === "ended" || this.#state === "closed";
  }

  #fail(error: unknown): void {
    if (this.#ending) return;
    const expected = error instanceof H2Error;
    if (!expected) this.#options.onFault(error);
    goAway(this.#output, this.#last, expected ? error.reason : errorCode.internalError, errorMessage(error));
    this.#end();
  }

  #leave(): void {
    if (this.#state !== "leaving") return;
    for (const stream of this.#streams.values()) if (!stream.pouring) return;
    this.#end();
  }

  /** Nothing more is said; a client that does not hang up either is cut at the next sweep. */
  #end(): void {
    this.#state = "ended";
    this.#output.flush();
    this.#socket.end();
    this.#forget();
  }

  #closed(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#forget();
    this.#options.onClose(this);
  }

  #forget(): void {
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) {
      this.#sender.delete(stream);
      stream.close();
    }
  }
}

// What they say is of no use to anybody here.
function trailers(stream: H2Stream, ended: boolean): void {
  if (stream.said) throw new H2Error(errorCode.streamClosed, "HEADERS after the end of a request", stream.id);
  if (!ended) throw new H2Error(errorCode.protocolError, "trailers that do not end a request", stream.id);
  stream.end();
}

const violation = (why: string) => new H2Error(errorCode.protocolError, why);

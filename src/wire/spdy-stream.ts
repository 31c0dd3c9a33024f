import type { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { Fault } from "../lib/fault.ts";
import { resetStatus } from "./spdy-frames.ts";
import type { SpdyHeaders } from "./spdy-headers.ts";

/** What a stream needs of its session. */
export interface StreamHost {
  sendData(streamId: number, chunks: readonly Buffer[], done: (error?: Error | null) => void): void;
  sendFin(streamId: number, done: (error?: Error | null) => void): void;
  sendReset(streamId: number, status: number): void;
  /** The stream's reader lags: nothing more may be read from the socket until `unblocked`. */
  blocked(stream: SpdyStream): void;
  unblocked(stream: SpdyStream): void;
  /** Neither side will say more about the stream. */
  finished(stream: SpdyStream): void;
}

// Moby's peers have no windows: a slow reader can only be held by holding the whole connection. This much is taken
// for a stream before it comes to that.
const readAhead = 256 * 1024;

/**
 * One stream of a SPDY session, as a Duplex: `end()` half-closes, `destroy()` resets, a write calls back once the
 * socket took it. A peer's cancel reads as an end, after which the stream closes. Errors that nobody listens to are
 * not thrown.
 */
export class SpdyStream extends Duplex {
  readonly id: number;
  /** What the opener said about the stream. */
  readonly headers: SpdyHeaders;
  readonly #host: StreamHost;
  #localDone = false;
  #remoteDone = false;
  #reset = false;

  constructor(options: {
    readonly id: number;
    readonly headers: SpdyHeaders;
    readonly host: StreamHost;
    readonly localDone?: boolean;
    readonly remoteDone?: boolean;
  }) {
    super({ allowHalfOpen: true, readableHighWaterMark: readAhead, writableHighWaterMark: 64 * 1024, emitClose: true });
    this.id = options.id;
    this.headers = options.headers;
    this.#host = options.host;
    this.#localDone = options.localDone ?? false;
    // A lost connection destroys every stream, also those whose user only writes or has not begun to listen.
    this.on("error", () => {});
    if (options.remoteDone) this.receiveFin();
    if (this.#localDone) this.end();
  }

  /** True once the peer has reset the stream: what was read may be incomplete. */
  get wasReset(): boolean {
    return this.#reset;
  }

  receive(data: Buffer): void {
    if (this.#remoteDone || this.destroyed || data.length === 0) return;
    if (!this.push(data)) this.#host.blocked(this);
  }

  receiveFin(): void {
    if (this.#remoteDone) return;
    this.#remoteDone = true;
    this.push(null);
    this.#checkFinished();
  }

  receiveReset(status: number): void {
    this.#reset = true;
    const truncated = !this.#remoteDone;
    this.#remoteDone = true;
    this.#localDone = true;
    this.#host.finished(this);
    if (truncated && status !== resetStatus.cancel) {
      this.destroy(new Fault("aborted", `stream ${this.id} was reset by the other side (status ${status})`));
    } else if (!this.readableEnded) {
      if (truncated) this.push(null);
      this.once("end", () => this.destroy());
    } else {
      this.destroy();
    }
  }

  /** The connection is gone: what was read completely stays readable, everything else fails. */
  lose(fault: Fault): void {
    this.#localDone = true;
    const complete = this.#remoteDone && !this.readableEnded;
    this.#remoteDone = true;
    if (complete) this.once("end", () => this.destroy(this.writableFinished ? undefined : fault));
    else this.destroy(fault);
  }

  override _read(): void {
    this.#host.unblocked(this);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send([chunk], done);
  }

  override _writev(
    chunks: { readonly chunk: Buffer; readonly encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#localDone) {
      done();
      return;
    }
    this.#localDone = true;
    this.#host.sendFin(this.id, done);
    this.#checkFinished();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#host.unblocked(this);
    if (!(this.#localDone && this.#remoteDone)) {
      this.#localDone = true;
      this.#remoteDone = true;
      this.#host.sendReset(this.id, resetStatus.cancel);
      this.#host.finished(this);
    }
    done(error);
  }

  #send(chunks: readonly Buffer[], done: (error?: Error | null) => void): void {
    if (this.#localDone) done(new Fault("closed", `stream ${this.id} is closed`));
    else this.#host.sendData(this.id, chunks, done);
  }

  #checkFinished(): void {
    if (this.#localDone && this.#remoteDone) this.#host.finished(this);
  }
}

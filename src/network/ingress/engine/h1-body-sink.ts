import type { Socket } from "node:net";
import { Writable } from "node:stream";

export interface BodySinkOptions {
  /** As was said before the body; without one it goes in chunks. */
  readonly length: number | undefined;
  /** Lines to go behind the last chunk. */
  readonly trailerLines?: () => string;
  /** Called back when the last byte was handed to the kernel. */
  readonly finished: () => void;
}

/** Writes a body to a connection that outlives it, no faster than the connection takes it. A body of another length ends the connection. */
export class BodySink extends Writable {
  readonly #socket: Socket;
  readonly #options: BodySinkOptions;
  #left: number;

  constructor(socket: Socket, options: BodySinkOptions) {
    super();
    this.#socket = socket;
    this.#options = options;
    this.#left = options.length ?? 0;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const socket = this.#socket;
    if (chunk.length === 0) {
      done();
      return;
    }
    let goesOn: boolean;
    if (this.#options.length === undefined) {
      socket.cork();
      socket.write(`${chunk.length.toString(16)}\r\n`, "latin1");
      socket.write(chunk);
      goesOn = socket.write("\r\n", "latin1");
      socket.uncork();
    } else {
      this.#left -= chunk.length;
      if (this.#left < 0) {
        this.#cut();
        return;
      }
      goesOn = socket.write(chunk);
    }
    if (goesOn) done();
    else socket.once("drain", done);
  }

  override _final(done: () => void): void {
    const { length, trailerLines, finished } = this.#options;
    if (this.#left !== 0) {
      this.#cut();
      return;
    }
    const last = length === undefined ? `0\r\n${trailerLines?.() ?? ""}\r\n` : "";
    this.#socket.write(last, "latin1", (error) => {
      if (!error) finished();
    });
    done();
  }

  /** The other side must not take what comes next for a part of this, or the other way round. */
  #cut(): void {
    this.destroy();
    this.#socket.destroy();
  }
}

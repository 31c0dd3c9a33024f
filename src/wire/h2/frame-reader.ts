import { errorCode, frameHead, H2Error, usualFrameSize } from "./protocol.ts";

/** What a client says before its first frame. */
export const clientPreface: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

const nothing = Buffer.alloc(0);

/**
 * Cuts what a client sends into frames: `push` a chunk, then `next` until it says false. The frame at hand is told by the
 * reader's own fields, so that a frame costs no object; its payload is `bytes` from `start` to `end`.
 */
export class FrameReader {
  type = 0;
  flags = 0;
  stream = 0;
  bytes: Buffer = nothing;
  start = 0;
  end = 0;
  #at = 0;
  /** Chunks that wait for the rest of a frame, and how many bytes it takes together. */
  #held: Buffer[] = [];
  #heldSize = 0;
  #wanted: number = frameHead;
  /** How much of the preface has come. */
  #greeted = 0;

  /** Throws H2Error when the client does not speak HTTP/2. */
  push(chunk: Buffer): void {
    const rest = this.#greeted < clientPreface.length ? this.#greet(chunk) : chunk;
    if (this.#held.length === 0) this.bytes = rest;
    else {
      this.#held.push(rest);
      this.#heldSize += rest.length;
      if (this.#heldSize < this.#wanted) {
        this.bytes = nothing;
        this.#at = 0;
        return;
      }
      this.bytes = Buffer.concat(this.#held, this.#heldSize);
      this.#held = [];
      this.#heldSize = 0;
    }
    this.#at = 0;
  }

  /** Moves on to the next whole frame; false when there is none yet. Throws H2Error when one is longer than allowed. */
  next(): boolean {
    const { bytes } = this;
    const at = this.#at;
    if (bytes.length - at < frameHead) return this.#hold(frameHead);
    const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    if (length > usualFrameSize) throw new H2Error(errorCode.frameSizeError, `a frame has ${length} bytes`);
    if (bytes.length - at < frameHead + length) return this.#hold(frameHead + length);
    this.type = bytes[at + 3]!;
    this.flags = bytes[at + 4]!;
    this.stream = bytes.readUInt32BE(at + 5) & 0x7fffffff;
    this.start = at + frameHead;
    this.end = this.start + length;
    this.#at = this.end;
    return true;
  }

  #hold(wanted: number): false {
    const { bytes } = this;
    if (this.#at < bytes.length) {
      const rest = this.#at === 0 ? bytes : bytes.subarray(this.#at);
      this.#held.push(rest);
      this.#heldSize = rest.length;
      this.#wanted = wanted;
    }
    this.bytes = nothing;
    this.#at = 0;
    return false;
  }

  #greet(chunk: Buffer): Buffer {
    const size = Math.min(clientPreface.length - this.#greeted, chunk.length);
    if (clientPreface.compare(chunk, 0, size, this.#greeted, this.#greeted + size) !== 0) {
      throw new H2Error(errorCode.protocolError, "the client does not begin as HTTP/2 does");
    }
    this.#greeted += size;
    return chunk.subarray(size);
  }
}

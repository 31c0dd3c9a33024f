import { Buffer } from "node:buffer";
import { Fault } from "../lib/fault.ts";

/** The control frames of SPDY/3.1 by their number on the wire. */
export const frameType = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

/** Why a stream was reset. */
export const resetStatus = {
  protocolError: 1,
  invalidStream: 2,
  refusedStream: 3,
  cancel: 5,
  internalError: 6,
  flowControlError: 7,
  streamInUse: 8,
  streamAlreadyClosed: 9,
} as const;

/** Why a session goes away. */
export const goAwayStatus = { ok: 0, protocolError: 1, internalError: 2 } as const;

/** No more will come on this stream from the sender of the frame. */
export const flagFin = 1;
/** Only the opener of the stream sends on it. */
export const flagUnidirectional = 2;

/** The largest payload that a frame's 24 bits of length can tell. */
export const maxFrameLength = 0xffffff;

/** One control frame as read: `payload` is everything after the eight bytes of its head. */
export interface ControlFrame {
  readonly type: number;
  readonly flags: number;
  readonly payload: Buffer;
}

/** Who hears what a parser reads. A data frame may come in pieces; `fin` is set on the last piece only. */
export interface FrameSink {
  onControl(frame: ControlFrame): void;
  onData(streamId: number, data: Buffer, fin: boolean): void;
}

const headLength = 8;

/** A control frame's bytes. */
export function controlFrame(type: number, flags: number, payload: readonly Buffer[]): Buffer {
  const length = payload.reduce((size, part) => size + part.length, 0);
  if (length > maxFrameLength) throw new Fault("invalid", `SPDY control frame of ${length} bytes is too long`);
  const head = Buffer.alloc(headLength);
  head.writeUInt16BE(0x8003, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt32BE(flags * 0x1000000 + length, 4);
  return Buffer.concat([head, ...payload], headLength + length);
}

/** The head of a data frame, to be followed by `length` bytes of data. */
export function dataFrameHead(streamId: number, length: number, fin: boolean): Buffer {
  const head = Buffer.alloc(headLength);
  head.writeUInt32BE(streamId, 0);
  head.writeUInt32BE((fin ? flagFin : 0) * 0x1000000 + length, 4);
  return head;
}

/** Unsigned 32-bit numbers in network order, of which most payloads consist. */
export function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    bytes.writeUInt32BE(value, index * 4);
  });
  return bytes;
}

/**
 * Cuts a byte stream into frames as it comes. Data is handed on at once and never gathered; only control frames, which
 * `maxControlLength` limits, are held until complete. Throws a Fault on bytes that are not SPDY/3.
 */
export class FrameParser {
  readonly #sink: FrameSink;
  readonly #maxControlLength: number;
  readonly #head = Buffer.alloc(headLength);
  #headFilled = 0;
  #left = 0;
  #streamId = 0;
  #fin = false;
  #control: { readonly type: number; readonly flags: number; readonly payload: Buffer } | undefined;
  #skipping = false;

  constructor(sink: FrameSink, options: { readonly maxControlLength: number }) {
    this.#sink = sink;
    this.#maxControlLength = options.maxControlLength;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#headFilled < headLength) {
        const copied = chunk.copy(this.#head, this.#headFilled, at, at + headLength - this.#headFilled);
        this.#headFilled += copied;
        at += copied;
        if (this.#headFilled === headLength) this.#begin();
        continue;
      }
      const part = chunk.subarray(at, at + this.#left);
      at += part.length;
      this.#continue(part);
    }
  }

  #begin(): void {
    const first = this.#head.readUInt32BE(0);
    const second = this.#head.readUInt32BE(4);
    const flags = second >>> 24;
    this.#left = second & maxFrameLength;
    this.#skipping = false;
    if (first >>> 31 === 0) {
      if (first === 0) throw new Fault("invalid", "SPDY data frame on stream 0");
      this.#streamId = first;
      this.#fin = (flags & flagFin) !== 0;
      if (this.#left === 0) {
        this.#headFilled = 0;
        this.#sink.onData(this.#streamId, empty, this.#fin);
      }
      return;
    }
    const version = (first >>> 16) & 0x7fff;
    if (version !== 3) throw new Fault("invalid", `SPDY control frame of version ${version}, expected 3`);
    const type = first & 0xffff;
    // The protocol asks that frames of unknown type be passed over.
    this.#skipping = !known.has(type);
    if (!this.#skipping && this.#left > this.#maxControlLength) {
      throw new Fault("exhausted", `SPDY control frame of ${this.#left} bytes exceeds ${this.#maxControlLength}`);
    }
    this.#control = { type, flags, payload: this.#skipping ? empty : Buffer.alloc(this.#left) };
    if (this.#left === 0) this.#finishControl();
  }

  #continue(part: Buffer): void {
    const control = this.#control;
    if (!control) {
      this.#left -= part.length;
      if (this.#left === 0) this.#headFilled = 0;
      this.#sink.onData(this.#streamId, part, this.#fin && this.#left === 0);
      return;
    }
    if (!this.#skipping) part.copy(control.payload, control.payload.length - this.#left);
    this.#left -= part.length;
    if (this.#left === 0) this.#finishControl();
  }

  #finishControl(): void {
    const control = this.#control;
    this.#control = undefined;
    this.#headFilled = 0;
    if (control && !this.#skipping) this.#sink.onControl(control);
  }
}

const empty = Buffer.alloc(0);
const known: ReadonlySet<number> = new Set(Object.values(frameType));

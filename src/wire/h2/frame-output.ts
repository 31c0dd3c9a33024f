import type { Duplex } from "node:stream";
import type { HeaderBlock } from "./hpack-encoder.ts";
import { frameHead } from "./protocol.ts";

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  /** Bytes, or text with a character for a byte. */
  readonly payload: Uint8Array | HeaderBlock;
  readonly from: number;
  readonly to: number;
}

type Written = (error?: Error | null) => void;

/** More than this waiting for the socket, and answers wait where they come from. */
const highWater = 256 * 1024;

/** Writes this long are not put together first, and their payloads this long are not copied. */
const scatterFrom = 64 * 1024;
const largePayload = 4096;

const nothing = new Uint8Array(0);

/**
 * What goes out on one connection. Frames of one turn of the event loop, whatever streams they belong to, become one
 * buffer and one write; their payloads are copied once, then.
 */
export class FrameOutput {
  readonly #socket: Duplex;
  readonly #written: () => void;
  #frames: Frame[] = [];
  #size = 0;
  /** Told when the socket has what waits now. */
  #waits: (() => void)[] = [];
  #scheduled = false;
  readonly #flush = () => this.flush();

  /** Calls `written` whenever the socket has taken something. */
  constructor(socket: Duplex, written: () => void) {
    this.#socket = socket;
    this.#written = written;
  }

  /** How many bytes the socket has not taken yet. */
  get waiting(): number {
    return this.#size + this.#socket.writableLength;
  }

  get crowded(): boolean {
    return this.waiting >= highWater;
  }

  /** Adds a frame; its payload must not change any more. */
  frame(type: number, flags: number, stream: number, payload: Uint8Array | HeaderBlock = nothing): void {
    this.slice(type, flags, stream, payload, 0, payload.length);
  }

  /** Adds a frame with a part of `payload`; `taken` is called once it is written, never when the socket fails. */
  slice(
    type: number,
    flags: number,
    stream: number,
    payload: Uint8Array | HeaderBlock,
    from: number,
    to: number,
    taken?: () => void,
  ): void {
    this.#frames.push({ type, flags, stream, payload, from, to });
    if (taken) this.#waits.push(taken);
    this.#size += frameHead + to - from;
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(this.#flush);
  }

  /** Hands everything to the socket. */
  flush(): void {
    this.#scheduled = false;
    if (this.#size === 0) return;
    const frames = this.#frames;
    const size = this.#size;
    this.#frames = [];
    this.#size = 0;
    if (!this.#socket.writable) return;
    const written = this.#waits.length === 0 ? this.#written : this.#tell(this.#waits);
    if (size < scatterFrom) this.#socket.write(joined(frames, size), written);
    else this.#scatter(frames, written);
  }

  #tell(waits: readonly (() => void)[]): Written {
    this.#waits = [];
    return (error) => {
      if (!error) for (const taken of waits) taken();
      this.#written();
    };
  }

  /** Large payloads go to the socket as they are: copies of them would be much work for the garbage collector. */
  #scatter(frames: readonly Frame[], written: Written): void {
    const socket = this.#socket;
    const small = Buffer.allocUnsafe(
      frames.reduce((sum, one) => sum + frameHead + (isLarge(one) ? 0 : sizeOf(one)), 0),
    );
    let start = 0;
    let at = 0;
    socket.cork();
    for (const [index, frame] of frames.entries()) {
      const done = index === frames.length - 1 ? written : undefined;
      const large = isLarge(frame);
      at = large ? putHead(small, at, frame) : put(small, at, frame);
      if (!large && !done) continue;
      socket.write(small.subarray(start, at), large ? undefined : done);
      start = at;
      if (large) socket.write(frame.payload.subarray(frame.from, frame.to), done);
    }
    socket.uncork();
  }
}

function joined(frames: readonly Frame[], size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const frame of frames) at = put(bytes, at, frame);
  return bytes;
}

function put(bytes: Buffer, start: number, frame: Frame): number {
  const at = putHead(bytes, start, frame);
  const { payload, from, to } = frame;
  const length = to - from;
  if (typeof payload === "string") {
    bytes.write(length === payload.length ? payload : payload.slice(from, to), at, length, "latin1");
  } else bytes.set(length === payload.length ? payload : payload.subarray(from, to), at);
  return at + length;
}

function putHead(bytes: Buffer, at: number, frame: Frame): number {
  const { type, flags, stream } = frame;
  const length = sizeOf(frame);
  bytes[at] = length >> 16;
  bytes[at + 1] = length >> 8;
  bytes[at + 2] = length;
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  bytes[at + 5] = stream >> 24;
  bytes[at + 6] = stream >> 16;
  bytes[at + 7] = stream >> 8;
  bytes[at + 8] = stream;
  return at + frameHead;
}

const sizeOf = ({ from, to }: Frame) => to - from;

function isLarge(frame: Frame): frame is Frame & { readonly payload: Uint8Array } {
  return typeof frame.payload !== "string" && sizeOf(frame) >= largePayload;
}

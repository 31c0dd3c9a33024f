/** The few HTTP/2 frames that a load generator needs (RFC 9113). */
export const frameType = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const;
export const endStream = 0x1;
const endHeaders = 0x4;
const acknowledged = 0x1;
const largestWindow = 2 ** 31 - 1;
const frameHead = 9;

export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(frameHead + payload.byteLength);
  bytes.writeUIntBE(payload.byteLength, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, frameHead);
  return bytes;
}

/** What a client says first: no header compression to keep track of, and windows that never fill. */
export function clientPreface(): Buffer {
  const settings = Buffer.alloc(18);
  settings.writeUInt16BE(1, 0); // HEADER_TABLE_SIZE 0
  settings.writeUInt16BE(2, 6); // ENABLE_PUSH 0
  settings.writeUInt16BE(4, 12); // INITIAL_WINDOW_SIZE
  settings.writeUInt32BE(largestWindow, 14);
  return Buffer.concat([
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    frame(frameType.settings, 0, 0, settings),
    windowUpdate(largestWindow - 65_535),
  ]);
}

export function windowUpdate(bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(frameType.windowUpdate, 0, 0, payload);
}

export const settingsAck = frame(frameType.settings, acknowledged, 0, Buffer.alloc(0));
export const isAck = (flags: number) => (flags & acknowledged) !== 0;
export const pong = (payload: Uint8Array) => frame(frameType.ping, acknowledged, 0, payload);

/** A request's frames; `block` is its header block. */
export function requestFrames(stream: number, block: Uint8Array, body: Uint8Array | undefined): Buffer {
  const headers = frame(frameType.headers, endHeaders | (body ? 0 : endStream), stream, block);
  return body ? Buffer.concat([headers, frame(frameType.data, endStream, stream, body)]) : headers;
}

/** Headers as plain literals that touch no table (RFC 7541, 6.2.2). */
export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(headers).flatMap(([name, value]) => [
    Buffer.from([0]),
    ...literal(name),
    ...literal(value),
  ]);
  return Buffer.concat(parts);
}

function literal(text: string): readonly Buffer[] {
  const bytes = Buffer.from(text);
  if (bytes.length < 127) return [Buffer.from([bytes.length]), bytes];
  const size = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest >>= 7) size.push((rest & 127) | 128);
  return [Buffer.from([...size, rest]), bytes];
}

const indexedStatuses = [200, 204, 206, 304, 400, 404, 500];

/** The status in an answer's header block, which is always its first header. */
export function statusIn(block: Uint8Array): number {
  let at = 0;
  while ((block[at]! & 0xe0) === 0x20) at += 1; // a change of the table's size; ours is 0
  const first = block[at]!;
  if (first & 0x80) return indexedStatuses[(first & 0x7f) - 8] ?? 0;
  const size = block[at + 1]!;
  const value = block.subarray(at + 2, at + 2 + (size & 0x7f));
  return Number(size & 0x80 ? huffmanDigits(value) : Buffer.from(value).toString("latin1"));
}

/** Digits are the only text a status has: 0 to 2 take five bits, 3 to 9 six (RFC 7541, appendix B). */
function huffmanDigits(bytes: Uint8Array): string {
  let bits = "";
  for (const byte of bytes) bits += byte.toString(2).padStart(8, "0");
  let text = "";
  for (let at = 0; at + 5 <= bits.length; ) {
    const five = Number.parseInt(bits.slice(at, at + 5), 2);
    if (five <= 2) {
      text += five;
      at += 5;
      continue;
    }
    const six = Number.parseInt(bits.slice(at, at + 6), 2);
    if (six < 0x19 || six > 0x1f) break; // the padding at the end
    text += six - 0x19 + 3;
    at += 6;
  }
  return text;
}

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** Cuts a byte stream into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  #waiting: Buffer[] = [];
  #size = 0;
  #wanted = frameHead;

  /** Calls back for every frame that is complete with this chunk. */
  read(chunk: Buffer, found: (frame: Frame) => void): void {
    this.#waiting.push(chunk);
    this.#size += chunk.length;
    if (this.#rest.length + this.#size < this.#wanted) return;
    const bytes =
      this.#rest.length === 0 && this.#waiting.length === 1 ? chunk : Buffer.concat([this.#rest, ...this.#waiting]);
    this.#waiting = [];
    this.#size = 0;
    let at = 0;
    this.#wanted = frameHead;
    while (bytes.length - at >= frameHead) {
      const length = bytes.readUIntBE(at, 3);
      if (bytes.length - at < frameHead + length) {
        this.#wanted = frameHead + length;
        break;
      }
      const payload = bytes.subarray(at + frameHead, at + frameHead + length);
      found({ type: bytes[at + 3]!, flags: bytes[at + 4]!, stream: bytes.readUInt32BE(at + 5) & 0x7fffffff, payload });
      at += frameHead + length;
    }
    this.#rest = bytes.subarray(at);
  }
}

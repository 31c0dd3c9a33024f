import { Buffer } from "node:buffer";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { errorMessage, Fault } from "../lib/fault.ts";
import { spdyDictionary, spdyDictionaryId } from "./spdy-dictionary.ts";

/** Names in lower case and their values; several values of one name are joined by a NUL. */
export type SpdyHeaders = ReadonlyMap<string, string>;

// How far deflate can look back: what was said earlier than that cannot matter to the next block.
const windowSize = 32 * 1024;

/**
 * The text of a zlib stream so far, as the dictionary of its next piece. Each header block ends in a sync flush, which
 * is a byte and block boundary, so the window alone is the whole state of the stream: blocks can be coded one by one,
 * synchronously, with nothing to close.
 */
class Window {
  bytes: Buffer = spdyDictionary;

  append(text: Buffer): void {
    const kept = Math.min(this.bytes.length, Math.max(0, windowSize - text.length));
    const newest = text.length > windowSize ? text.subarray(text.length - windowSize) : text;
    this.bytes = Buffer.concat([this.bytes.subarray(this.bytes.length - kept), newest]);
  }
}

/** Writes the header blocks of one direction, in the order in which the blocks go out. */
export class SpdyHeaderEncoder {
  readonly #window = new Window();
  #started = false;

  encode(headers: Readonly<Record<string, string>>): Buffer {
    const text = headerText(Object.entries(headers));
    const body = deflateRawSync(text, {
      dictionary: this.#window.bytes,
      finishFlush: constants.Z_SYNC_FLUSH,
      memLevel: 4,
    });
    this.#window.append(text);
    if (this.#started) return body;
    this.#started = true;
    return Buffer.concat([streamHeader, body]);
  }
}

/** Reads the header blocks of one direction, in order. A block that makes no sense is a Fault, after which the direction is lost. */
export class SpdyHeaderDecoder {
  readonly #window = new Window();
  readonly #maxBytes: number;
  #started = false;

  constructor(options: { readonly maxBytes: number }) {
    this.#maxBytes = options.maxBytes;
  }

  decode(block: Buffer): SpdyHeaders {
    const text = inflate(this.#started ? block : afterStreamHeader(block), this.#window.bytes, this.#maxBytes);
    this.#started = true;
    this.#window.append(text);
    return parseHeaders(text);
  }
}

const streamHeader = (() => {
  const bytes = Buffer.alloc(6);
  // Deflate with a 32 KiB window, and a dictionary announced; 16 bits that are a multiple of 31, as zlib asks.
  bytes.writeUInt16BE(0x78bb);
  bytes.writeUInt32BE(spdyDictionaryId, 2);
  return bytes;
})();

function afterStreamHeader(block: Buffer): Buffer {
  if (block.length < 6) throw new Fault("invalid", "SPDY header block is too short for its zlib header");
  const start = block.readUInt16BE(0);
  const deflated = (start & 0x0f00) === 0x0800 && start % 31 === 0;
  if (!deflated) throw new Fault("invalid", "SPDY header block is not a zlib stream");
  if ((start & 0x20) === 0 || block.readUInt32BE(2) !== spdyDictionaryId) {
    throw new Fault("invalid", "SPDY header block does not use the dictionary of SPDY/3");
  }
  return block.subarray(6);
}

function inflate(body: Buffer, dictionary: Buffer, maxOutputLength: number): Buffer {
  try {
    return inflateRawSync(body, { dictionary, finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength });
  } catch (error) {
    throw new Fault("invalid", `SPDY header block cannot be decompressed: ${errorMessage(error)}`, { cause: error });
  }
}

function headerText(entries: readonly (readonly [string, string])[]): Buffer {
  const fields = entries.flatMap(([name, value]) => [Buffer.from(name.toLowerCase()), Buffer.from(value)]);
  const text = Buffer.alloc(4 + fields.reduce((size, field) => size + 4 + field.length, 0));
  let at = text.writeUInt32BE(entries.length);
  for (const field of fields) {
    at = text.writeUInt32BE(field.length, at);
    at += field.copy(text, at);
  }
  return text;
}

function parseHeaders(text: Buffer): SpdyHeaders {
  const headers = new Map<string, string>();
  let at = 0;
  const number = (): number => {
    if (at + 4 > text.length) throw new Fault("invalid", "SPDY header block ends in the middle of a length");
    const value = text.readUInt32BE(at);
    at += 4;
    return value;
  };
  const field = (): string => {
    const length = number();
    if (length > text.length - at) throw new Fault("invalid", "SPDY header block ends in the middle of a field");
    at += length;
    return text.toString("utf8", at - length, at);
  };
  for (let count = number(); count > 0; count--) {
    const name = field().toLowerCase();
    const value = field();
    if (name === "") throw new Fault("invalid", "SPDY header block has a header without a name");
    if (headers.has(name)) throw new Fault("invalid", `SPDY header block repeats the header ${JSON.stringify(name)}`);
    headers.set(name, value);
  }
  return headers;
}

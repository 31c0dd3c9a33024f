import { staticTable } from "./hpack-static.ts";
import { unpackedSize, unpackHuffman } from "./huffman.ts";
import { errorCode, H2Error } from "./protocol.ts";

/** Takes a block's headers in order. */
export interface HeaderSink {
  field(field: HeaderField): void;
}

/** One header, as kept in a table; names and values are Latin-1 text, a character for a byte. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
  /** Whether both are what HTTP allows (RFC 9113, 8.2.1): a field of a table is looked at once only. */
  readonly valid: boolean;
}

/** What a field of the table counts beyond its text. */
export const fieldOverhead = 32;
/** The size of the dynamic table that we allow, HTTP/2's usual one. */
const allowedSize = 4096;

const fixed: readonly HeaderField[] = staticTable.map(([name, value]) => ({ name, value, valid: true }));
const sizeOf = ({ name, value }: HeaderField) => name.length + value.length + fieldOverhead;

const token = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
// Blanks around a value, which RFC 9113 (8.2.1) forbids, pass as they do in Go: `Bearer ` is then refused in words.
const badValue = /[\0\r\n]/;

/** Unpacks header blocks (RFC 7541); one for each connection, given every block in order. */
export class HpackDecoder {
  /** The newest is last. */
  readonly #dynamic: HeaderField[] = [];
  #size = 0;
  #most = allowedSize;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;

  /** Unpacks `bytes` from `start` to `end`. Throws H2Error `compressionError`; the connection is of no use then. */
  decode(bytes: Buffer, start: number, end: number, sink: HeaderSink): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    let first = true;
    while (this.#at < end) {
      const byte = bytes[this.#at]!;
      if (byte & 0x80) sink.field(this.#known(this.#integer(7)));
      else if (byte & 0x40) {
        const field = this.#literal(6);
        this.#keep(field);
        sink.field(field);
      } else if (byte & 0x20) {
        if (!first) throw broken("a table's size changes amid headers");
        this.#resize(this.#integer(5));
        continue;
      } else sink.field(this.#literal(4));
      first = false;
    }
  }

  #known(index: number): HeaderField {
    const field = index <= fixed.length ? fixed[index - 1] : this.#dynamic[this.#dynamic.length + fixed.length - index];
    if (!field) throw broken(`no header has number ${index}`);
    return field;
  }

  #literal(prefix: number): HeaderField {
    const index = this.#integer(prefix);
    if (index > 0) {
      const { name, valid } = this.#known(index);
      const value = this.#text();
      return { name, value, valid: valid && !badValue.test(value) };
    }
    const name = this.#text();
    const value = this.#text();
    return { name, value, valid: token.test(name) && !badValue.test(value) };
  }

  #keep(field: HeaderField): void {
    this.#size += sizeOf(field);
    this.#dynamic.push(field);
    this.#evict();
  }

  #resize(size: number): void {
    if (size > allowedSize) throw broken(`a table of ${size} bytes is asked for`);
    this.#most = size;
    this.#evict();
  }

  // A field larger than the whole table empties it and is not kept itself.
  #evict(): void {
    while (this.#size > this.#most) this.#size -= sizeOf(this.#dynamic.shift()!);
  }

  #integer(prefix: number): number {
    const mask = (1 << prefix) - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw broken("a number has no end");
  }

  #text(): string {
    const packed = (this.#bytes[this.#at]! & 0x80) !== 0;
    const size = this.#integer(7);
    const start = this.#at;
    this.#at += size;
    if (this.#at > this.#end) throw broken("a text ends after its block");
    if (!packed) return this.#bytes.toString("latin1", start, this.#at);
    const target = scratch(unpackedSize(size));
    const length = unpackHuffman(this.#bytes, start, this.#at, target);
    if (length < 0) throw broken("a text is not Huffman coded");
    return target.toString("latin1", 0, length);
  }

  #byte(): number {
    if (this.#at >= this.#end) throw broken("a header block ends amid a header");
    const byte = this.#bytes[this.#at]!;
    this.#at += 1;
    return byte;
  }
}

let shared = Buffer.alloc(1024);

function scratch(size: number): Buffer {
  if (shared.length < size) shared = Buffer.alloc(size);
  return shared;
}

const broken = (why: string) => new H2Error(errorCode.compressionError, why);

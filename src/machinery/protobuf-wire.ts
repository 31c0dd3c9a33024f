import { Fault } from "../lib/fault.ts";

/** Protobuf's wire types that Kubernetes uses. */
export const varint = 0;
export const fixed64 = 1;
export const delimited = 2;

const shortText = 48;

/**
 * Writes a message from its end to its beginning, so that the length of what is inside is known when its prefix is due.
 * Callers write the last field first.
 */
export class ProtobufWriter {
  #buffer: Buffer;
  /** Where the written part begins. */
  #at: number;

  constructor(size = 1024) {
    this.#buffer = Buffer.allocUnsafe(size);
    this.#at = size;
  }

  /** How many bytes are written. */
  get length(): number {
    return this.#buffer.length - this.#at;
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#at -= value.length;
    this.#buffer.set(value, this.#at);
  }

  string(value: string): void {
    if (value.length < shortText) {
      // Calls into the engine cost more than writing a few characters here.
      this.#reserve(value.length);
      const start = this.#at - value.length;
      let at = 0;
      while (at < value.length) {
        const code = value.charCodeAt(at);
        if (code > 0x7f) break;
        this.#buffer[start + at++] = code;
      }
      if (at === value.length) {
        this.#at = start;
        return;
      }
    }
    const length = Buffer.byteLength(value);
    this.#reserve(length);
    this.#at -= length;
    this.#buffer.write(value, this.#at, length, "utf8");
  }

  /** A whole number; negative ones take ten bytes, as int32 and int64 do. */
  varint(value: number): void {
    if (value >= 0 && value < 0x80) {
      this.#reserve(1);
      this.#buffer[--this.#at] = value;
      return;
    }
    this.#reserve(10);
    const parts: number[] = [];
    if (value >= 0 && value <= 0x7fffffff) {
      let rest = value;
      while (rest > 0x7f) {
        parts.push((rest & 0x7f) | 0x80);
        rest >>>= 7;
      }
      parts.push(rest);
    } else {
      let rest = BigInt.asUintN(64, BigInt(value));
      while (rest > 0x7fn) {
        parts.push(Number(rest & 0x7fn) | 0x80);
        rest >>= 7n;
      }
      parts.push(Number(rest));
    }
    for (let index = parts.length - 1; index >= 0; index--) this.#buffer[--this.#at] = parts[index] as number;
  }

  double(value: number): void {
    this.#reserve(8);
    this.#at -= 8;
    this.#buffer.writeDoubleLE(value, this.#at);
  }

  /** What is written so far; the writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.#buffer.subarray(this.#at);
  }

  #reserve(size: number): void {
    if (this.#at >= size) return;
    const written = this.length;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, written + size + 1024));
    this.#buffer.copy(grown, grown.length - written, this.#at);
    this.#buffer = grown;
    this.#at = grown.length - written;
  }
}

const broken = () => new Fault("invalid", "unexpected EOF");

/** Reads the fields of one message. Throws `invalid` when the bytes do not hold what they announce. */
export class ProtobufReader {
  readonly #buffer: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = 0;
    this.#end = this.#buffer.length;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** The next whole number as an unsigned one of at most 2^53; larger ones lose their last digits. */
  #unsigned(): bigint | number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    let large = BigInt(value);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      large |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return large;
    }
    throw new Fault("invalid", "proto: integer overflow");
  }

  #byte(): number {
    if (this.#at >= this.#end) throw broken();
    return this.#buffer[this.#at++] as number;
  }

  /** A field's number and wire type, in one number as they stand. */
  tag(): number {
    return Number(this.#unsigned());
  }

  int(): number {
    const value = this.#unsigned();
    return typeof value === "number" ? value : Number(BigInt.asIntN(64, value));
  }

  bool(): boolean {
    return Number(this.#unsigned()) !== 0;
  }

  double(): number {
    if (this.#at + 8 > this.#end) throw broken();
    this.#at += 8;
    return this.#buffer.readDoubleLE(this.#at - 8);
  }

  /** A length-delimited field's bytes; a view, not a copy. */
  bytes(): Buffer {
    const length = Number(this.#unsigned());
    const start = this.#at;
    if (start + length > this.#end) throw broken();
    this.#at = start + length;
    return this.#buffer.subarray(start, this.#at);
  }

  string(): string {
    const length = Number(this.#unsigned());
    const start = this.#at;
    if (start + length > this.#end) throw broken();
    this.#at = start + length;
    if (length < shortText / 2) {
      let text = "";
      for (let at = start; at < this.#at; at++) {
        const code = this.#buffer[at] as number;
        if (code > 0x7f) return this.#buffer.toString("utf8", start, this.#at);
        text += String.fromCharCode(code);
      }
      return text;
    }
    return this.#buffer.toString("utf8", start, this.#at);
  }

  /** Passes over a field that nobody knows. */
  skip(wire: number): void {
    if (wire === varint) this.#unsigned();
    else if (wire === delimited) this.bytes();
    else if (wire === fixed64 || wire === 5) {
      this.#at += wire === 5 ? 4 : 8;
      if (this.#at > this.#end) throw broken();
    } else throw new Fault("invalid", `proto: illegal wireType ${wire}`);
  }
}

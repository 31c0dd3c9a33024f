import { crc32 } from "node:zlib";
import { Fault } from "../lib/fault.ts";

/**
 * How a store lies in its LMDB tables. Numbers are little-endian; revisions and times are doubles, exact up to 2^53.
 *
 *   log       revision        -> kind u8, 0 u8, key bytes u16, value's crc32 u32, created f64, previous f64,
 *                                previous record's size u32, key, value
 *   keys      key             -> modified f64, created f64, expires f64 (0: never), record's size u32
 *   expiries  [expires, key]  -> modified f64
 *   (root)    "state"         -> revision f64, compacted f64, swept f64, bytes f64
 */
export const formatNumber = 1;

export const recordHead = 28;
export const headerSize = 28;
export const stateSize = 32;
const kindPut = 1;
const kindDelete = 2;

/** What a key points at: its present record in the log. */
export interface Header {
  readonly revision: number;
  readonly created: number;
  /** Milliseconds since the epoch; 0 means never. */
  readonly expires: number;
  readonly size: number;
}

/** One change as the log keeps it. */
export interface LogRecord {
  readonly key: string;
  /** Null when the change was a deletion. */
  readonly value: Uint8Array | null;
  readonly created: number;
  /** The revision that this one replaced; 0 when the key was absent. */
  readonly previous: number;
  readonly previousSize: number;
}

/** Where the store stands. */
export interface State {
  readonly revision: number;
  /** Revisions below this are forgotten; 0 until the first compaction. */
  readonly compacted: number;
  /** What was forgotten up to here is also removed. */
  readonly swept: number;
  /** Bytes of all records in the log. */
  readonly bytes: number;
}

/** The size of a record for a key of so many bytes and a value. */
export function recordSize(keyBytes: number, value: Uint8Array | null): number {
  return recordHead + keyBytes + (value?.byteLength ?? 0);
}

/** Writes a record into `target`, which has exactly its size. */
export function writeRecord(target: Buffer, keyBytes: number, record: LogRecord): void {
  const { value } = record;
  target.writeUInt8(value === null ? kindDelete : kindPut, 0);
  target.writeUInt8(0, 1);
  target.writeUInt16LE(keyBytes, 2);
  target.writeUInt32LE(value === null ? 0 : crc32(value), 4);
  target.writeDoubleLE(record.created, 8);
  target.writeDoubleLE(record.previous, 16);
  target.writeUInt32LE(record.previousSize, 24);
  target.write(record.key, recordHead, keyBytes);
  if (value) target.set(value, recordHead + keyBytes);
}

/** A record without its value. */
export interface RecordHead extends Omit<LogRecord, "value"> {
  readonly deleted: boolean;
  readonly size: number;
}

/** Reads everything of a record but its value, from bytes that the next read may overwrite. */
export function readRecordHead(bytes: Buffer, revision: number): RecordHead {
  const kind = bytes.length >= recordHead ? bytes.readUInt8(0) : 0;
  const keyBytes = kind === 0 ? 0 : bytes.readUInt16LE(2);
  if ((kind !== kindPut && kind !== kindDelete) || recordHead + keyBytes > bytes.length) throw badRecord(revision);
  return {
    key: bytes.toString("utf8", recordHead, recordHead + keyBytes),
    deleted: kind === kindDelete,
    size: bytes.length,
    created: bytes.readDoubleLE(8),
    previous: bytes.readDoubleLE(16),
    previousSize: bytes.readUInt32LE(24),
  };
}

/** Copies the value out of a record that must hold one; `place` says where to. */
export function readValue(bytes: Buffer, revision: number, place: (size: number) => Buffer): Uint8Array {
  if (bytes.length < recordHead || bytes.readUInt8(0) !== kindPut) throw badRecord(revision);
  const from = recordHead + bytes.readUInt16LE(2);
  const value = place(Math.max(0, bytes.length - from));
  bytes.copy(value, 0, from, bytes.length);
  if (crc32(value) !== bytes.readUInt32LE(4)) throw badRecord(revision);
  return value;
}

/** When the key of a record was created in its life. */
export function readCreated(bytes: Buffer): number {
  return bytes.readDoubleLE(8);
}

export function writeHeader(target: Buffer, { revision, created, expires, size }: Header): void {
  target.writeDoubleLE(revision, 0);
  target.writeDoubleLE(created, 8);
  target.writeDoubleLE(expires, 16);
  target.writeUInt32LE(size, 24);
}

export function readHeader(bytes: Buffer, key: string): Header {
  if (bytes.length !== headerSize) throw new Fault("corrupt", `the entry of key ${key} is damaged; ${whatToDo}`);
  return {
    revision: bytes.readDoubleLE(0),
    created: bytes.readDoubleLE(8),
    expires: bytes.readDoubleLE(16),
    size: bytes.readUInt32LE(24),
  };
}

export function writeState(target: Buffer, { revision, compacted, swept, bytes }: State): void {
  target.writeDoubleLE(revision, 0);
  target.writeDoubleLE(compacted, 8);
  target.writeDoubleLE(swept, 16);
  target.writeDoubleLE(bytes, 24);
}

export function readState(bytes: Buffer): State {
  const state = bytes.length === stateSize ? [0, 8, 16, 24].map((at) => bytes.readDoubleLE(at)) : [];
  const [revision = 0, compacted = 0, swept = 0, size = 0] = state;
  if (!state.every(Number.isSafeInteger) || revision < 1 || compacted > revision || swept > compacted) {
    throw new Fault("corrupt", `the store's state record is damaged; ${whatToDo}`);
  }
  return { revision, compacted, swept, bytes: size };
}

/** The mend that every report of damage ends with. */
export const whatToDo =
  "stop using this directory and restore it from a backup, or move it away to start with an empty store";

export function badRecord(revision: number): Fault {
  return new Fault("corrupt", `the record of revision ${revision} is missing or damaged; ${whatToDo}`);
}

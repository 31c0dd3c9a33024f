import { Fault } from "../lib/fault.ts";
import type { KeyRange, ReadOptions, Revision, Write } from "./store.ts";

/** The longest key, in UTF-8 bytes. */
export const maxKeyBytes = 1024;
/** The largest value in bytes; well above what an API server accepts in one request. */
export const maxValueBytes = 8 * 1024 * 1024;

/** Orders two keys as their UTF-8 bytes are ordered. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return x < 0xd800 || y < 0xd800 ? x - y : aboveSurrogates(x) - aboveSurrogates(y);
  }
  return a.length - b.length;
}

/** The range of all keys that begin with `prefix`, which must not be empty. */
export function prefixRange(prefix: string): KeyRange {
  const last = prefix.codePointAt(prefix.length - 1);
  if (last === undefined || last >= 0xd7ff) throw new Fault("invalid", `no range of keys for the prefix "${prefix}"`);
  return { start: prefix, end: prefix.slice(0, -1) + String.fromCodePoint(last + 1) };
}

/** The range that holds exactly one key. */
export function keyRange(key: string): KeyRange {
  return { start: key, end: `${key} ` };
}

/** The range of all keys. */
export const everyKey: KeyRange = { start: "", end: "\u{10ffff}" };

/** Whether a key lies in a range. */
export function inRange(range: KeyRange, key: string): boolean {
  return compareKeys(key, range.start) >= 0 && compareKeys(key, range.end) < 0;
}

/** Throws `invalid` unless the write makes sense: key, value size, ttl, and a delete that expects something. */
export function checkWrite(write: Write): void {
  const { key, value, expected, ttl } = write;
  if (key === "" || !key.isWellFormed() || hasControlCharacter(key) || isTooLong(key)) {
    const shown = JSON.stringify(key.slice(0, 80));
    throw new Fault("invalid", `key ${shown} must be text of 1 to ${maxKeyBytes} bytes without control characters`);
  }
  if (value !== null && value.byteLength > maxValueBytes) {
    throw new Fault("invalid", `value of ${key} has ${value.byteLength} bytes; at most ${maxValueBytes} are allowed`);
  }
  if (expected < 0n) throw new Fault("invalid", `expected revision of ${key} is negative`);
  if (value === null && expected === 0n) throw new Fault("invalid", `deleting ${key} needs the revision it is at`);
  if (ttl !== undefined && !(Number.isSafeInteger(ttl) && ttl >= 1)) {
    throw new Fault("invalid", `ttl of ${key} is ${ttl}; whole seconds from 1 are allowed`);
  }
}

/** Throws unless `at` lies in history: `compacted` below the watermark, `invalid` in the future. */
export function checkMoment(at: Revision | number, compacted: number, latest: number): void {
  if (at < compacted) throw compactedFault(at, compacted);
  if (at > latest) throw new Fault("invalid", `revision ${at} is in the future; the latest is ${latest}`);
}

/** Throws `invalid` unless the limit is a whole number from 0. */
export function checkLimit(options: ReadOptions | undefined): void {
  const limit = options?.limit;
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0)) {
    throw new Fault("invalid", `limit ${limit} is not a whole number from 0`);
  }
}

/** The fault for history that is gone. */
export function compactedFault(asked: Revision | number, compacted: Revision | number): Fault {
  return new Fault("compacted", `revision ${asked} is compacted; history starts at ${compacted}`);
}

function aboveSurrogates(unit: number): number {
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

function hasControlCharacter(key: string): boolean {
  for (let i = 0; i < key.length; i++) if (key.charCodeAt(i) < 0x20) return true;
  return false;
}

function isTooLong(key: string): boolean {
  // Three bytes per UTF-16 unit is the most there can be, so short keys need no counting.
  return key.length * 3 > maxKeyBytes && Buffer.byteLength(key) > maxKeyBytes;
}

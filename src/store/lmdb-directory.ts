import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { errorMessage, Fault } from "../lib/fault.ts";
import { formatNumber, whatToDo } from "./lmdb-format.ts";

/** Directories that this process holds open, by their real paths. */
const held = new Set<string>();

const formatFile = "format";
const markerFile = "opening";
const dataFile = "data.mdb";

/** A data directory claimed by this process until disposed. */
export interface Claim extends Disposable {
  readonly path: string;
}

/** Creates the directory if need be and claims it within this process; throws `in-use` when it is claimed already. */
export function claimDirectory(path: string): Claim {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Fault("unavailable", `cannot make the data directory ${path}: ${errorMessage(error)}`, { cause: error });
  }
  const real = realpathSync(path);
  if (held.has(real)) throw new Fault("in-use", `the data directory ${path} is already open in this process`);
  held.add(real);
  return { path: real, [Symbol.dispose]: () => held.delete(real) };
}

/** What the files look like before LMDB maps them. */
export type Condition =
  /** Nothing there, or the remains of a first start that never finished. */
  | "new"
  | "usable"
  /** Mapping it might crash: have it checked by another process first. */
  | "suspicious";

/** Reads what can be read without mapping. Throws `newer-format`, or `corrupt` when the files cannot be a store. */
export function inspectDirectory(directory: string): Condition {
  const format = readFormat(directory);
  const size = dataSize(directory);
  if (format === undefined) return size === undefined || size === 0 ? "new" : headerCondition(directory, "new");
  if (format > formatNumber) {
    const versions = `it has format ${format}, this version reads up to ${formatNumber}`;
    throw new Fault("newer-format", `the data directory ${directory} was written by a later version: ${versions}`);
  }
  if (size === undefined || size === 0) {
    throw new Fault("corrupt", `${join(directory, dataFile)} is missing or empty; ${whatToDo}`);
  }
  return headerCondition(directory, existsSync(join(directory, markerFile)) ? "suspicious" : "usable");
}

/** Marks that the map is being opened for the first time: a marker found later tells that this crashed. */
export function markOpening(directory: string): Disposable {
  const marker = join(directory, markerFile);
  try {
    writeFileSync(marker, "", { mode: 0o600 });
  } catch {
    // A full disk must not keep the store from opening for reads; only this precaution is lost.
  }
  return { [Symbol.dispose]: () => rmSync(marker, { force: true }) };
}

/** Writes the format number once everything else is in place. */
export function writeFormat(directory: string): void {
  const file = join(directory, formatFile);
  const written = openSync(`${file}.new`, "w", 0o600);
  try {
    writeFileSync(written, `navarch-store ${formatNumber}\n`);
    fsyncSync(written);
  } finally {
    closeSync(written);
  }
  renameSync(`${file}.new`, file);
  const parent = openSync(directory, "r");
  try {
    fsyncSync(parent);
  } finally {
    closeSync(parent);
  }
}

const reserveFile = "reserve";
const reserveBytes = 1024 * 1024;

/**
 * Takes some space on the disk while there is plenty, to give it back when there is none: even a deletion has to write
 * before it frees anything.
 */
export function holdReserve(directory: string): void {
  const file = join(directory, reserveFile);
  try {
    if (existsSync(file) || freeBytes(directory) < 16 * reserveBytes) return;
    // Written, not just sized: a hole in a file reserves nothing.
    writeFileSync(file, Buffer.alloc(reserveBytes), { mode: 0o600 });
  } catch {
    rmSync(file, { force: true });
  }
}

/** Gives the reserve back; false when there is none. */
export function releaseReserve(directory: string): boolean {
  const file = join(directory, reserveFile);
  if (!existsSync(file)) return false;
  rmSync(file, { force: true });
  return true;
}

/** Whether the file system under the directory has next to nothing left. */
export function isDiskFull(directory: string): boolean {
  return freeBytes(directory) < 1024 * 1024;
}

/** The processes other than this one in LMDB's table of readers, which has no dead ones after a reader check. */
export function otherProcesses(readerList: string): number[] {
  const found = new Set<number>();
  for (const line of readerList.split("\n")) {
    const pid = Number(/^\s*(\d+)\s/.exec(line)?.[1]);
    if (pid > 0 && pid !== process.pid) found.add(pid);
  }
  return [...found];
}

function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

function readFormat(directory: string): number | undefined {
  const file = join(directory, formatFile);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Fault("unavailable", `cannot read ${file}: ${errorMessage(error)}`, { cause: error });
  }
  const number = /^navarch-store (\d{1,9})\n$/.exec(text)?.[1];
  if (number === undefined) throw new Fault("corrupt", `${file} is not a format file of this program; ${whatToDo}`);
  return Number(number);
}

function dataSize(directory: string): number | undefined {
  try {
    const data = openSync(join(directory, dataFile), "r");
    try {
      return fstatSync(data).size;
    } finally {
      closeSync(data);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    const message = `cannot read the data directory ${directory}: ${errorMessage(error)}`;
    throw new Fault("unavailable", message, { cause: error });
  }
}

/**
 * Looks at the two meta pages of the data file. LMDB trusts them: a file shorter than they say is read past its end,
 * which kills the reader. A file may be a little shorter for good reasons, so that alone is only suspicious.
 */
function headerCondition(directory: string, otherwise: Condition): Condition {
  const file = join(directory, dataFile);
  const data = openSync(file, "r");
  try {
    const size = fstatSync(data).size;
    const first = readMeta(data, 0);
    const second = first && readMeta(data, first.pageSize);
    if (!first || !second || second.pageSize !== first.pageSize) {
      throw new Fault("corrupt", `the head of ${file} is damaged; ${whatToDo}`);
    }
    const newest = second.transaction > first.transaction ? second : first;
    for (const root of newest.roots) {
      if (root !== noPage && (root + 1n) * BigInt(first.pageSize) > BigInt(size)) {
        throw new Fault("corrupt", `${file} was cut short at ${size} bytes; ${whatToDo}`);
      }
    }
    return (newest.lastPage + 1n) * BigInt(first.pageSize) > BigInt(size) ? "suspicious" : otherwise;
  } finally {
    closeSync(data);
  }
}

interface Meta {
  readonly pageSize: number;
  readonly roots: readonly bigint[];
  readonly lastPage: bigint;
  readonly transaction: bigint;
}

const noPage = 0xffff_ffff_ffff_ffffn;
const lmdbMagic = 0xbeefc0de;
const lmdbVersion = 2;

function readMeta(data: number, offset: number): Meta | undefined {
  const bytes = Buffer.alloc(168);
  if (readSync(data, bytes, 0, bytes.length, offset) < bytes.length) return undefined;
  const pageSize = bytes.readUInt32LE(48);
  const sensible = pageSize >= 512 && pageSize <= 65536 && (pageSize & (pageSize - 1)) === 0;
  if (bytes.readUInt32LE(24) !== lmdbMagic || (bytes.readUInt32LE(28) & 0xffff) !== lmdbVersion || !sensible) {
    return undefined;
  }
  return {
    pageSize,
    roots: [bytes.readBigUInt64LE(88), bytes.readBigUInt64LE(136)],
    lastPage: bytes.readBigUInt64LE(144),
    transaction: bytes.readBigUInt64LE(152),
  };
}

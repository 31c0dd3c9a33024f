import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline, Readable } from "node:stream";
import { createGunzip, createGzip } from "node:zlib";
import { errorMessage, Fault } from "../lib/fault.ts";
import { lines } from "../lib/lines.ts";
import type { Filling } from "./copy.ts";
import type { Entry, Revision } from "./store.ts";

/**
 * A store at one moment as gzipped lines of JSON, for anyone to read: a head, one line per key, and an end with how many
 * they are and the SHA-256 of all lines before it, so that a file cut short is known for one. A value that is JSON
 * stands in its line as it is; any other (a sealed Secret) as base64.
 */
export interface SnapshotHead {
  readonly navarch: "snapshot";
  /** Raised when an older reader could not make sense of a newer file. */
  readonly format: number;
  readonly revision: string;
  /** RFC 3339. */
  readonly time: string;
  /** What the owner of the store wants to know again; no secrets. */
  readonly about: Readonly<Record<string, unknown>>;
}

/** One key of a snapshot. */
export interface SnapshotEntry extends Filling {
  /** The revision that wrote it, in the store that it was taken from. */
  readonly modified: Revision;
}

const format = 1;

export interface SnapshotSource {
  readonly revision: Revision;
  readonly time: string;
  readonly about: Readonly<Record<string, unknown>>;
  readonly entries: AsyncIterable<Entry>;
}

/** The bytes of a snapshot's file. Throws what reading the entries throws. */
export function snapshotBytes(source: SnapshotSource): Readable {
  // An error of either end ends both, and whoever reads learns of it.
  return pipeline(Readable.from(linesOf(source)), createGzip({ level: 1 }), () => {});
}

async function* linesOf({ revision, time, about, entries }: SnapshotSource): AsyncGenerator<string> {
  const hash = createHash("sha256");
  const sealed = (line: string) => {
    hash.update(line);
    return line;
  };
  const head: SnapshotHead = { navarch: "snapshot", format, revision: String(revision), time, about };
  yield sealed(`${JSON.stringify(head)}\n`);
  let count = 0;
  for await (const entry of entries) {
    count += 1;
    yield sealed(`${entryLine(entry)}\n`);
  }
  yield `${JSON.stringify({ end: true, count, sha256: hash.digest("hex") })}\n`;
}

const objectMark = ',"object":';

function entryLine({ key, modified, value }: Entry): string {
  const place = `{"key":${JSON.stringify(key)},"modified":"${modified}"`;
  const text = jsonText(value);
  if (text !== undefined) return `${place}${objectMark}${text}}`;
  return `${place},"bytes":"${Buffer.from(value).toString("base64")}"}`;
}

/** Bytes as the JSON object that they are; undefined for anything else. */
function jsonText(value: Uint8Array): string | undefined {
  if (value[0] !== 0x7b) return undefined;
  const text = Buffer.from(value).toString("utf8");
  if (text.includes("\n")) return undefined;
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  return text;
}

/** An open snapshot: its head, and its entries to be read once. */
export interface SnapshotFile {
  readonly head: SnapshotHead;
  readonly entries: AsyncGenerator<SnapshotEntry>;
}

/** What a snapshot holds, after all of it was read and found whole. Throws `missing`, `corrupt`, `newer-format`. */
export async function checkSnapshot(path: string): Promise<{ readonly head: SnapshotHead; readonly count: number }> {
  const { head, entries } = await openSnapshot(path);
  let count = 0;
  for await (const _ of entries) count += 1;
  return { head, count };
}

/**
 * Opens a snapshot's file. The entries throw `corrupt` at the first line that does not belong, and at the end when
 * something is lacking; whoever stops early must call `entries.return`.
 */
export async function openSnapshot(path: string): Promise<SnapshotFile> {
  const damaged = (why: string, cause?: unknown) =>
    new Fault("corrupt", `${path} is no whole snapshot: ${why}`, { cause });
  const read = readLines(path, damaged);
  const first = await read.next();
  const head = first.done ? undefined : parsed<SnapshotHead>(first.value);
  if (head?.navarch !== "snapshot" || typeof head.format !== "number") {
    await read.return(undefined);
    throw damaged("its first line is no snapshot's head");
  }
  if (head.format > format) {
    await read.return(undefined);
    throw new Fault(
      "newer-format",
      `${path} was written by a later Navarch (format ${head.format}; this one knows up to ${format})`,
    );
  }
  return { head, entries: readEntries(read, `${first.value}\n`, damaged) };
}

type Damage = (why: string, cause?: unknown) => Fault;

async function* readEntries(
  read: AsyncGenerator<string>,
  head: string,
  damaged: Damage,
): AsyncGenerator<SnapshotEntry> {
  const hash = createHash("sha256").update(head);
  let count = 0;
  try {
    for await (const line of read) {
      const known = parsed<{ end?: boolean; count?: number; sha256?: string; key?: string }>(line);
      if (known?.end) {
        if (known.count !== count) throw damaged(`its end speaks of ${known.count} keys, there are ${count}`);
        if (known.sha256 !== hash.digest("hex")) throw damaged("its lines are not those that it was written with");
        return;
      }
      const entry = known && entryOf(line, known);
      if (!entry) throw damaged(`line ${count + 2} is no key`);
      hash.update(`${line}\n`);
      count += 1;
      yield entry;
    }
    throw damaged(`it ends after ${count} keys without saying so`);
  } finally {
    await read.return(undefined);
  }
}

function entryOf(line: string, known: { key?: string; modified?: string; bytes?: string }): SnapshotEntry | undefined {
  const { key, modified, bytes } = known;
  if (typeof key !== "string" || !/^\d+$/.test(modified ?? "")) return undefined;
  const place = { key, modified: BigInt(modified ?? 0) };
  if (typeof bytes === "string") return { ...place, value: Buffer.from(bytes, "base64") };
  // The very text: to parse and print it anew could change a number.
  const at = line.indexOf(objectMark);
  return at < 0 ? undefined : { ...place, value: Buffer.from(line.slice(at + objectMark.length, -1)) };
}

function parsed<T>(line: string): T | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

async function* readLines(path: string, damaged: Damage): AsyncGenerator<string> {
  const file = createReadStream(path);
  const plain = pipeline(file, createGunzip(), () => {});
  try {
    yield* lines(plain);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw new Fault("missing", `there is no file ${path}`);
    throw damaged(errorMessage(error), error);
  } finally {
    file.destroy();
  }
}

import { createReadStream } from "node:fs";
import { Fault } from "../lib/fault.ts";
import type { LayerEntry } from "./layer-entry.ts";

const block = 512;
const largestUstarSize = 0o77777777777;
const largestUstarId = 0o7777777;

/**
 * Streams entries as a POSIX tar archive: ustar headers, with a pax header before whatever ustar cannot say. The bytes
 * depend on the entries alone: every time is the epoch, no owner's name is written, and order is the caller's.
 */
export async function* writeTar(entries: Iterable<LayerEntry>): AsyncGenerator<Uint8Array> {
  for (const entry of entries) {
    yield headerOf(entry);
    if (entry.kind === "file") {
      yield entry.bytes;
      yield padding(entry.bytes.length);
    } else if (entry.kind === "copy") {
      yield* copyOf(entry.source, entry.size);
      yield padding(entry.size);
    }
  }
  yield Buffer.alloc(2 * block);
}

async function* copyOf(source: string, size: number): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of createReadStream(source, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    seen += chunk.length;
    // The header promised a size already: a longer file would shift everything after it.
    if (seen > size) break;
    yield chunk;
  }
  if (seen !== size) throw new Fault("conflict", `${source} changed while it was read`);
}

function padding(size: number): Uint8Array {
  return Buffer.alloc((block - (size % block)) % block);
}

function sizeOf(entry: LayerEntry): number {
  return entry.kind === "file" ? entry.bytes.length : entry.kind === "copy" ? entry.size : 0;
}

function headerOf(entry: LayerEntry): Buffer {
  const path = entry.kind === "folder" ? `${entry.path}/` : entry.path;
  const target = entry.kind === "symlink" || entry.kind === "hardlink" ? entry.target : "";
  const size = sizeOf(entry);
  const split = splitPath(path);
  const records: string[] = [];
  if (!split) records.push(paxRecord("path", path));
  if (!isShortAscii(target, 100)) records.push(paxRecord("linkpath", target));
  if (size > largestUstarSize) records.push(paxRecord("size", String(size)));
  if (entry.uid > largestUstarId) records.push(paxRecord("uid", String(entry.uid)));
  if (entry.gid > largestUstarId) records.push(paxRecord("gid", String(entry.gid)));
  const header = ustarHeader({
    name: split?.name ?? lastAscii(path, 100),
    prefix: split?.prefix ?? "",
    mode: entry.mode & 0o7777,
    uid: Math.min(entry.uid, largestUstarId),
    gid: Math.min(entry.gid, largestUstarId),
    size: Math.min(size, largestUstarSize),
    type: typeFlag[entry.kind],
    link: lastAscii(target, 100),
  });
  if (records.length === 0) return header;
  const body = Buffer.from(records.join(""), "utf8");
  const before = ustarHeader({
    name: `PaxHeaders/${lastAscii(path, 80)}`,
    prefix: "",
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: body.length,
    type: "x",
    link: "",
  });
  return Buffer.concat([before, body, padding(body.length), header]);
}

const typeFlag = { file: "0", copy: "0", hardlink: "1", symlink: "2", folder: "5" } as const;

interface UstarFields {
  readonly name: string;
  readonly prefix: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly type: string;
  readonly link: string;
}

function ustarHeader(fields: UstarFields): Buffer {
  const header = Buffer.alloc(block);
  header.write(fields.name, 0, 100, "latin1");
  octal(header, 100, 8, fields.mode);
  octal(header, 108, 8, fields.uid);
  octal(header, 116, 8, fields.gid);
  octal(header, 124, 12, fields.size);
  octal(header, 136, 12, 0);
  header.fill(" ", 148, 156, "latin1");
  header.write(fields.type, 156, 1, "latin1");
  header.write(fields.link, 157, 100, "latin1");
  header.write("ustar\0", 257, 6, "latin1");
  header.write("00", 263, 2, "latin1");
  octal(header, 329, 8, 0);
  octal(header, 337, 8, 0);
  header.write(fields.prefix, 345, 155, "latin1");
  let sum = 0;
  for (const byte of header) sum += byte;
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, 8, "latin1");
  return header;
}

function octal(header: Buffer, at: number, width: number, value: number): void {
  header.write(`${value.toString(8).padStart(width - 1, "0")}\0`, at, width, "latin1");
}

/** The name and prefix that ustar joins by a slash, or undefined when the path is too long or not ASCII. */
function splitPath(path: string): { readonly name: string; readonly prefix: string } | undefined {
  if (isShortAscii(path, 100)) return { name: path, prefix: "" };
  if (!isShortAscii(path, 256)) return undefined;
  for (let cut = path.indexOf("/"); cut > 0 && cut <= 155; cut = path.indexOf("/", cut + 1)) {
    const name = path.slice(cut + 1);
    if (name !== "" && name.length <= 100) return { name, prefix: path.slice(0, cut) };
  }
  return undefined;
}

function isShortAscii(text: string, limit: number): boolean {
  return text.length <= limit && /^[\x20-\x7e]*$/.test(text);
}

/** What readers without pax see: the end of the text, with a mark in place of every foreign character. */
function lastAscii(text: string, limit: number): string {
  return text.replace(/[^\x20-\x7e]/g, "_").slice(-limit);
}

/** A pax record states its own length, the digits of the length included. */
function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

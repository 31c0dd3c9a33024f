import { Fault } from "../../lib/fault.ts";
import { staticTable } from "./hpack-static.ts";

/**
 * Packs answers' headers without a dynamic table and without Huffman codes: a block is then the same on every
 * connection, and what is sent often is packed once. A block is text, a character for a byte: joining texts is cheaper
 * than copying bytes, and they become bytes all at once when their frame is written.
 */
export type HeaderBlock = string;

/** Must precede the next block after the other side said how large a table it keeps: ours is empty from then on. */
export const emptyTable: HeaderBlock = "\x20";

/** The status and headers of an answer. Throws Fault `invalid` when a header is none. */
export function headerBlock(
  status: number,
  headers: Readonly<Record<string, string | number | readonly string[]>>,
): HeaderBlock {
  let block = statuses.get(status) ?? `\x08\x03${status}`;
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined) continue;
    if (typeof value === "string") block += packed(name, value);
    else if (typeof value === "number") block += packedName(name).packed + text(String(value));
    else for (const one of value) block += packed(name, one);
  }
  return block;
}

const numbers = new Map<string, number>();
const statuses = new Map<number, HeaderBlock>();
for (const [index, [name, value]] of staticTable.entries()) {
  if (name === ":status") statuses.set(Number(value), String.fromCharCode(0x80 | (index + 1)));
  if (!numbers.has(name)) numbers.set(name, index + 1);
}

interface Name {
  /** Empty for headers that HTTP/2 has no use for. */
  readonly packed: string;
  /** Whole headers by their values. */
  readonly values: Map<string, string>;
}

const names = new Map<string, Name>();
const mostNames = 256;
const mostValues = 32;
const longestKept = 128;

function packed(name: string, value: string): string {
  const known = packedName(name);
  if (known.packed === "") return "";
  const kept = known.values.get(value);
  if (kept !== undefined) return kept;
  if (notInHeaders.test(value)) throw new Fault("invalid", `header ${name} has characters that no header has`);
  const made = known.packed + text(value);
  if (known.values.size < mostValues && value.length <= longestKept) known.values.set(value, made);
  return made;
}

const notInHeaders = /[^\t\x20-\x7e\x80-\xff]/;
const token = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** They speak of one connection of HTTP/1.1 (RFC 9113, 8.2.2). */
export const connectionHeaders: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

function packedName(given: string): Name {
  const known = names.get(given);
  if (known) return known;
  const name = given.toLowerCase();
  if (!token.test(name)) throw new Fault("invalid", `${JSON.stringify(given)} is no header's name`);
  const made: Name = { packed: connectionHeaders.has(name) ? "" : literalName(name), values: new Map() };
  if (names.size < mostNames) names.set(given, made);
  return made;
}

function literalName(name: string): string {
  const number = numbers.get(name);
  return number === undefined ? `\0${text(name)}` : integer(number, 4, 0);
}

const text = (value: string) => integer(value.length, 7, 0) + value;

function integer(value: number, prefix: number, flags: number): string {
  const mask = (1 << prefix) - 1;
  if (value < mask) return String.fromCharCode(flags | value);
  let made = String.fromCharCode(flags | mask);
  let rest = value - mask;
  for (; rest >= 128; rest >>= 7) made += String.fromCharCode((rest & 127) | 128);
  return made + String.fromCharCode(rest);
}

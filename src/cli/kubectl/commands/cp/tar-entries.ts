import { CommandError } from "../../messages.ts";

/** One thing in a tar archive. Its content has to be read, or passed over, before the next is asked for. */
export interface TarEntry {
  readonly name: string;
  readonly kind: "file" | "folder" | "symlink";
  /** Where a symbolic link leads. */
  readonly target: string;
  readonly content: AsyncIterable<Uint8Array>;
}

const block = 512;

/** The entries of an archive as tar programs write them: ustar, with the long names of GNU tar and of pax. Throws CommandError. */
export async function* tarEntries(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const input = bytesOf(source);
  let named: { path?: string; linkpath?: string; size?: string } = {};
  for (;;) {
    const header = await input.take(block);
    // Two empty blocks end an archive, and so does the end of what was sent.
    if (!header || header.every((byte) => byte === 0)) return;
    if (!checksumFits(header)) throw new CommandError("archive/tar: invalid tar header");
    const type = String.fromCharCode(header[156] ?? 0);
    const size = named.size === undefined ? numberAt(header, 124, 12) : Number(named.size);
    const padding = (block - (size % block)) % block;
    if (type === "x" || type === "L" || type === "K") {
      const body = await input.take(size + padding);
      if (!body) throw new CommandError("unexpected EOF");
      const text = Buffer.from(body.subarray(0, size)).toString("utf8");
      if (type === "x") named = { ...named, ...paxRecords(text) };
      else named = { ...named, [type === "L" ? "path" : "linkpath"]: text.replace(/\0+$/, "") };
      continue;
    }
    if (type === "g") {
      await input.take(size + padding);
      continue;
    }
    const prefix = textAt(header, 345, 155);
    const short = textAt(header, 0, 100);
    const isPosix = textAt(header, 257, 6) === "ustar";
    const name = named.path ?? (isPosix && prefix ? `${prefix}/${short}` : short);
    const target = named.linkpath ?? textAt(header, 157, 100);
    named = {};
    const content = input.part(size);
    yield {
      name,
      kind: type === "5" || (type === "0" && name.endsWith("/")) ? "folder" : type === "2" ? "symlink" : "file",
      target,
      content,
    };
    for await (const _ of content);
    await input.take(padding);
  }
}

/** Bytes in the pieces that a reader asks for. */
function bytesOf(source: AsyncIterable<Uint8Array>) {
  const chunks = source[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array(0);
  const more = async (): Promise<boolean> => {
    while (rest.length === 0) {
      const next = await chunks.next();
      if (next.done) return false;
      rest = next.value;
    }
    return true;
  };
  async function* part(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0; ) {
      if (!(await more())) throw new CommandError("unexpected EOF");
      const piece = rest.subarray(0, left);
      rest = rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }
  return {
    part(length: number): AsyncIterable<Uint8Array> {
      const pieces = part(length);
      // Whoever stops early leaves the rest to whoever reads on.
      return { [Symbol.asyncIterator]: () => ({ next: () => pieces.next() }) };
    },
    /** Undefined at the end of the source. */
    async take(length: number): Promise<Uint8Array | undefined> {
      if (length === 0) return new Uint8Array(0);
      if (!(await more())) return undefined;
      const pieces: Uint8Array[] = [];
      for await (const piece of part(length)) pieces.push(piece);
      return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
    },
  };
}

function textAt(header: Uint8Array, at: number, length: number): string {
  const field = Buffer.from(header.subarray(at, at + length));
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? length : end).toString("utf8");
}

/** Octal digits, or, of what is too large for them, a binary number behind a set bit. */
function numberAt(header: Uint8Array, at: number, length: number): number {
  const field = header.subarray(at, at + length);
  if (((field[0] ?? 0) & 0x80) !== 0) {
    return field.reduce((value, byte, index) => value * 256 + (index === 0 ? byte & 0x7f : byte), 0);
  }
  return Number.parseInt(textAt(header, at, length).trim() || "0", 8);
}

function checksumFits(header: Uint8Array): boolean {
  let sum = 0;
  for (const [at, byte] of header.entries()) sum += at >= 148 && at < 156 ? 0x20 : byte;
  return sum === numberAt(header, 148, 8);
}

/** `30 path=some/name\n`, one after the other; the length counts bytes. */
function paxRecords(text: string): Readonly<Record<string, string>> {
  const bytes = Buffer.from(text);
  const records: Record<string, string> = {};
  for (let at = 0; at < bytes.length; ) {
    const length = Number.parseInt(bytes.subarray(at, at + 20).toString("latin1"), 10);
    if (!(length > 0)) break;
    const [, key = "", value = ""] =
      /^\d+ ([^=]*)=(.*)\n$/s.exec(bytes.subarray(at, at + length).toString("utf8")) ?? [];
    records[key] = value;
    at += length;
  }
  return records;
}

import { Fault } from "../../../lib/fault.ts";
import type { HeaderList } from "./exchange.ts";
import { readLines } from "./h1-heads.ts";

/** A size, with extensions that nobody reads. */
const sizeLine = /^([0-9A-Fa-f]{1,8})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;

/** Reads a body that comes in chunks (RFC 9112, 7.1). */
export class ChunkReader {
  readonly #lineLimit: number;
  #expects: "size" | "bytes" | "end of chunk" | "trailers" = "size";
  #left = 0;
  /** The beginning of a line that has not ended. */
  #line = "";
  #trailerText = "";
  #done = false;

  constructor(lineLimit: number) {
    this.#lineLimit = lineLimit;
  }

  get done(): boolean {
    return this.#done;
  }

  /** What stood behind the last chunk. */
  get trailers(): HeaderList {
    const read = readLines(this.#trailerText);
    if (!read) throw malformed("trailers");
    return read.fields;
  }

  /** Puts what is of the body into `pieces`, as views; gives how many bytes were of this body. Throws Fault `invalid`. */
  read(bytes: Buffer, pieces: Buffer[]): number {
    let at = 0;
    while (at < bytes.length && !this.#done) {
      if (this.#expects === "bytes") {
        const piece = bytes.subarray(at, at + this.#left);
        pieces.push(piece);
        at += piece.length;
        this.#left -= piece.length;
        if (this.#left === 0) this.#expects = "end of chunk";
        continue;
      }
      const end = bytes.indexOf(0x0a, at);
      const line = this.#line + bytes.toString("latin1", at, end < 0 ? bytes.length : end);
      if (line.length + this.#trailerText.length > this.#lineLimit) throw malformed("lines");
      at = end < 0 ? bytes.length : end + 1;
      this.#line = end < 0 ? line : "";
      if (end >= 0) this.#endLine(line);
    }
    return at;
  }

  #endLine(line: string): void {
    if (!line.endsWith("\r")) throw malformed("lines");
    const text = line.slice(0, -1);
    if (this.#expects === "end of chunk") {
      if (text !== "") throw malformed("length");
      this.#expects = "size";
    } else if (this.#expects === "size") {
      const size = sizeLine.exec(text)?.[1];
      if (size === undefined) throw malformed("size");
      this.#left = Number.parseInt(size, 16);
      this.#expects = this.#left === 0 ? "trailers" : "bytes";
    } else if (text === "") this.#done = true;
    else this.#trailerText += `\r\n${text}`;
  }
}

function malformed(what: string): Fault {
  return new Fault("invalid", `a chunked body with malformed ${what}`);
}

import { Fault } from "../../../lib/fault.ts";
import type { HeaderList } from "./exchange.ts";
import { ChunkReader } from "./h1-chunks.ts";
import { headEnd, readLines } from "./h1-heads.ts";

export interface AnswerHead {
  readonly status: number;
  readonly fields: HeaderList;
  /** Nothing follows. */
  readonly empty: boolean;
  /** It announces trailers. */
  readonly trailers: boolean;
}

/** How the end of a body is told (RFC 9112, 6.3). */
type Framing =
  | { readonly kind: "none" | "length" | "close" }
  | { readonly kind: "chunks"; readonly reader: ChunkReader };

const statusLine = /^HTTP\/1\.([01]) ([1-5][0-9]{2})(?: .*)?$/;

/** Reads one answer from the bytes of a connection. */
export class AnswerReader {
  readonly #method: string;
  readonly #headLimit: number;
  #head: AnswerHead | undefined;
  #held: Buffer | undefined;
  #framing: Framing = { kind: "none" };
  #left = 0;
  #done = false;
  #reusable = true;

  constructor(method: string, headLimit: number) {
    this.#method = method;
    this.#headLimit = headLimit;
  }

  get head(): AnswerHead | undefined {
    return this.#head;
  }

  /** The answer is complete. */
  get done(): boolean {
    return this.#done;
  }

  /** Another request may follow on the connection. */
  get reusable(): boolean {
    return this.#done && this.#reusable;
  }

  get trailers(): HeaderList {
    return this.#framing.kind === "chunks" ? this.#framing.reader.trailers : [];
  }

  /** Gives the pieces of the body, as views. Throws Fault `invalid` when the bytes are no answer that is read in one way only. */
  read(bytes: Buffer): readonly Buffer[] {
    const rest = this.#head ? bytes : this.#readHead(bytes);
    if (!rest) return [];
    if (this.#done) {
      if (rest.length > 0) this.#reusable = false;
      return [];
    }
    return rest.length === 0 ? [] : this.#readBody(rest);
  }

  /** To be told when the other side will send no more: one kind of body ends so. */
  end(): void {
    if (this.#head && this.#framing.kind === "close") this.#done = true;
  }

  #readBody(bytes: Buffer): readonly Buffer[] {
    if (this.#framing.kind === "close") return [bytes];
    const pieces: Buffer[] = [];
    let used: number;
    if (this.#framing.kind === "chunks") {
      used = this.#framing.reader.read(bytes, pieces);
      this.#done = this.#framing.reader.done;
    } else {
      used = Math.min(bytes.length, this.#left);
      this.#left -= used;
      this.#done = this.#left === 0;
      pieces.push(used === bytes.length ? bytes : bytes.subarray(0, used));
    }
    if (used < bytes.length) this.#reusable = false;
    return pieces;
  }

  /** Gives what follows the head, once that is complete. Interim answers are for nobody. */
  #readHead(given: Buffer): Buffer | undefined {
    let bytes = this.#held ? Buffer.concat([this.#held, given]) : given;
    this.#held = undefined;
    while (bytes.length > 0) {
      const end = bytes.indexOf(headEnd);
      if ((end < 0 ? bytes.length : end) > this.#headLimit)
        throw new Fault("invalid", "the answer's head is too large");
      if (end < 0) {
        this.#held = bytes;
        return undefined;
      }
      const lines = readLines(bytes.toString("latin1", 0, end));
      const [, minor, digits] = statusLine.exec(lines?.first ?? "") ?? [];
      if (!lines || !digits) throw new Fault("invalid", "the answer's head is malformed");
      bytes = bytes.subarray(end + headEnd.length);
      const status = Number(digits);
      if (status === 101) throw new Fault("invalid", "the answer switches protocols, which nobody asked for");
      if (status < 200) continue;
      this.#begin(status, lines.fields, minor === "1");
      return bytes;
    }
    return undefined;
  }

  #begin(status: number, fields: HeaderList, persistent: boolean): void {
    this.#reusable = persistent;
    let length: string | undefined;
    let coding: string | undefined;
    let trailers = false;
    for (let index = 0; index + 1 < fields.length; index += 2) {
      const value = fields[index + 1]!;
      switch (fields[index]!.toLowerCase()) {
        case "content-length":
          if (!/^[0-9]{1,15}$/.test(value) || (length !== undefined && length !== value))
            throw new Fault("invalid", "the answer has no one length");
          length = value;
          break;
        case "transfer-encoding":
          coding = coding === undefined ? value.toLowerCase() : `${coding}, ${value}`;
          break;
        case "connection":
          if (/\bclose\b/i.test(value)) this.#reusable = false;
          break;
        case "trailer":
          trailers = true;
      }
    }
    const empty = this.#method === "HEAD" || status === 204 || status === 304;
    this.#head = { status, fields, empty, trailers: trailers && !empty };
    if (empty) this.#done = true;
    else if (coding !== undefined) {
      if (coding !== "chunked" || length !== undefined)
        throw new Fault("invalid", "the answer's end could be found in two ways");
      this.#framing = { kind: "chunks", reader: new ChunkReader(this.#headLimit) };
    } else if (length !== undefined) {
      this.#framing = { kind: "length" };
      this.#left = Number(length);
      this.#done = this.#left === 0;
    } else {
      this.#framing = { kind: "close" };
      this.#reusable = false;
    }
  }
}

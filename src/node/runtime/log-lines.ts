/** One line of a container's log file in the CRI's format: `<RFC 3339 time> <stream> <tags> <content>`. */
export interface LogLine {
  /** As written, with nanoseconds. */
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  /** True when the program's line goes on in the next entry of the stream. */
  readonly partial: boolean;
  /** Without the newline. */
  readonly content: Uint8Array;
}

const newline = 0x0a;
const blank = 0x20;

/** Reads one line, given without its newline; undefined when it is not of the format (a crash may leave half a line). */
export function parseLogLine(line: Uint8Array): LogLine | undefined {
  const afterTime = line.indexOf(blank);
  const afterStream = afterTime < 0 ? -1 : line.indexOf(blank, afterTime + 1);
  if (afterStream < 0) return undefined;
  // A line without content may end after its tags.
  const found = line.indexOf(blank, afterStream + 1);
  const afterTags = found < 0 ? line.length : found;
  const time = ascii(line, 0, afterTime);
  const stream = ascii(line, afterTime + 1, afterStream);
  const [tag] = ascii(line, afterStream + 1, afterTags).split(":");
  if ((stream !== "stdout" && stream !== "stderr") || (tag !== "F" && tag !== "P") || Number.isNaN(Date.parse(time))) {
    return undefined;
  }
  return { time, stream, partial: tag === "P", content: line.subarray(Math.min(line.length, afterTags + 1)) };
}

/** Writes a line in the CRI's format, with its newline. `time` is in milliseconds since the epoch. */
export function formatLogLine(time: number, stream: LogLine["stream"], content: string, partial = false): string {
  return `${rfc3339Nano(time)} ${stream} ${partial ? "P" : "F"} ${content}\n`;
}

/** Milliseconds since the epoch, with a fraction, as RFC 3339 with nine decimal places. */
export function rfc3339Nano(time: number): string {
  const whole = Math.floor(time);
  const rest = Math.round((time - whole) * 1e6);
  const carried = rest >= 1e6 ? whole + 1 : whole;
  return `${new Date(carried).toISOString().slice(0, -1)}${String(rest % 1e6).padStart(6, "0")}Z`;
}

/** What of a log is wanted; the names are those of Kubernetes' PodLogOptions. */
export interface LogSelection {
  /** Milliseconds since the epoch: lines before are left out. */
  readonly since?: number;
  /** Puts each line's time in front of it. */
  readonly timestamps?: boolean;
  /** Nothing is given out after so many bytes. */
  readonly limitBytes?: number;
  readonly stream?: "All" | "Stdout" | "Stderr";
}

/** Turns pieces of a log file into what its reader sees: one selection from the beginning to the end of a request. */
export class LogSelector {
  readonly #selection: LogSelection;
  #rest: Uint8Array = new Uint8Array();
  #left: number;
  #continues = false;

  constructor(selection: LogSelection) {
    this.#selection = selection;
    this.#left = selection.limitBytes ?? Number.POSITIVE_INFINITY;
  }

  /** True when the byte limit is used up: reading on is useless. */
  get full(): boolean {
    return this.#left <= 0;
  }

  /** Takes the file's next bytes and gives the selected output of the lines that are complete. */
  take(bytes: Uint8Array): Uint8Array {
    const all = this.#rest.length === 0 ? bytes : concat([this.#rest, bytes]);
    const out: Uint8Array[] = [];
    let from = 0;
    for (let end = all.indexOf(newline, from); end >= 0 && !this.full; end = all.indexOf(newline, from)) {
      this.#line(all.subarray(from, end), out);
      from = end + 1;
    }
    // A copy, because the caller may reuse its buffer.
    this.#rest = all.slice(from);
    return concat(out);
  }

  /** The output of what is left over: a last line that its writer did not finish, or that another file will continue. */
  finish(): Uint8Array {
    const out: Uint8Array[] = [];
    if (this.#rest.length > 0 && !this.full) this.#line(this.#rest, out);
    this.#rest = new Uint8Array();
    return concat(out);
  }

  #line(bytes: Uint8Array, out: Uint8Array[]): void {
    const line = parseLogLine(bytes);
    if (!line) return;
    const { since, timestamps, stream = "All" } = this.#selection;
    if (stream !== "All" && stream.toLowerCase() !== line.stream) return;
    if (since !== undefined && Date.parse(line.time) < since) return;
    if (timestamps && !this.#continues) this.#put(new TextEncoder().encode(`${line.time} `), out);
    this.#put(line.content, out);
    if (!line.partial) this.#put(Uint8Array.of(newline), out);
    this.#continues = line.partial;
  }

  #put(bytes: Uint8Array, out: Uint8Array[]): void {
    const kept = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#left -= kept.length;
    if (kept.length > 0) out.push(kept);
  }
}

/** Joins pieces into one. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  return Buffer.concat(pieces);
}

function ascii(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("latin1");
}

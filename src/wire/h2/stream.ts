import type { IncomingHttpHeaders } from "node:http";
import { Fault } from "../../lib/fault.ts";
import { type ByteSource, isByteSource, sendParts } from "../byte-source.ts";
import type { HttpPeer, HttpRequest, HttpResponse } from "../http-message.ts";
import type { FrameOutput } from "./frame-output.ts";
import { type HeaderBlock, headerBlock } from "./hpack-encoder.ts";
import type { H2Limits } from "./limits.ts";
import { type ErrorCode, errorCode, frameFlag, frameType, H2Error, usualFrameSize } from "./protocol.ts";
import { RequestBody } from "./request-body.ts";
import type { RequestHead } from "./request-head.ts";

/** What a stream needs of its connection. */
export interface StreamHost {
  readonly peer: HttpPeer;
  readonly limits: H2Limits;
  /** The stream has something to send; its `advance` is called as windows and socket allow. */
  wake(stream: H2Stream): void;
  /** So many bytes of the request's body are out of the way. */
  consumed(stream: H2Stream, bytes: number): void;
  /** Ends the stream early. */
  reset(stream: H2Stream, reason: ErrorCode): void;
  /** Both sides have said everything. */
  finished(stream: H2Stream): void;
  /** Goes before every block: what the table's size requires. */
  blockPrefix(): HeaderBlock;
  /** The packed `date`. */
  date(): HeaderBlock;
}

const noBytes = new Uint8Array(0);

/** One request on an HTTP/2 connection and the answer to it. */
export class H2Stream implements HttpRequest {
  readonly id: number;
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** Bytes of the headers. */
  readonly headSize: number;
  /** Whether nobody works on the request any more. */
  served = false;
  /** Bytes that the client takes. */
  window: number;
  /** Bytes that the client may still send, and those that it may again once it is told. */
  receiveWindow: number;
  untold = 0;
  readonly #host: StreamHost;
  readonly #length: number;
  #received = 0;
  /** Bytes that came after the answer. */
  #surplus = 0;
  #body: RequestBody | undefined;
  #said: boolean;
  #closed = false;
  #answered = false;
  #pouring = false;
  #head: HeaderBlock | undefined;
  #bytes: Uint8Array | undefined;
  #from = 0;
  #last = false;
  #drained: (() => void) | undefined;
  /** Whether the memory of `#bytes` is lent: whoever waits for it to be drained waits for the socket, too. */
  #lent = false;
  #controller: AbortController | undefined;
  /** Seconds, as sweeps count them. */
  #age = 0;
  #stalled = 0;

  constructor(
    host: StreamHost,
    id: number,
    { method, target, headers, length, size }: RequestHead,
    {
      ended,
      window,
      receiveWindow,
    }: { readonly ended: boolean; readonly window: number; readonly receiveWindow: number },
  ) {
    this.#host = host;
    this.id = id;
    this.method = method;
    this.target = target;
    this.headers = headers;
    this.headSize = size;
    this.#length = length;
    this.#said = ended;
    this.window = window;
    this.receiveWindow = receiveWindow;
  }

  get peer(): HttpPeer {
    return this.#host.peer;
  }

  // Most requests never look at their signal, and making one costs more than answering a small read.
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#closed && !this.#answered) this.#abort();
    }
    return this.#controller.signal;
  }

  body(limit: number): Promise<Uint8Array> {
    return this.#said && !this.#body ? Promise.resolve(noBytes) : this.#incoming().whole(limit);
  }

  chunks(): AsyncIterable<Uint8Array> {
    return this.#incoming().chunks();
  }

  #incoming(): RequestBody {
    if (!this.#body) {
      this.#body = new RequestBody((bytes) => this.#host.consumed(this, bytes));
      if (this.#closed) this.#body.abandon();
      else if (this.#said) this.#body.end("ended");
    }
    return this.#body;
  }

  /** Whether the client has said everything. */
  get said(): boolean {
    return this.#said;
  }

  /** Whether the answer has been given, or is one that lasts as long as somebody listens, perhaps. */
  get pouring(): boolean {
    return this.#pouring || this.#answered;
  }

  /** Whether all of the answer is on its way. */
  get answered(): boolean {
    return this.#answered;
  }

  /** Takes a part of the body. Throws H2Error when it is longer than announced. */
  receive(chunk: Uint8Array): void {
    this.#received += chunk.length;
    if (this.#length >= 0 && this.#received > this.#length) throw this.#mismatch();
    if (chunk.length > 0) this.#incoming().push(chunk);
    if (!this.#answered) return;
    this.#surplus += chunk.length;
    if (this.#surplus > this.#host.limits.surplus.bytes) this.#host.reset(this, errorCode.noError);
  }

  /** The client has said everything. Throws H2Error when that is not what it announced. */
  end(): void {
    if (this.#length >= 0 && this.#received !== this.#length) throw this.#mismatch();
    this.#said = true;
    this.#body?.end("ended");
    if (this.#answered) this.#host.finished(this);
  }

  #mismatch(): H2Error {
    return new H2Error(errorCode.protocolError, "a body is not as long as content-length says", this.id);
  }

  /** Sends the answer; resolves when all of it is on its way or the client is gone. */
  async respond(answer: HttpResponse): Promise<void> {
    const { status, headers = {}, body } = answer;
    const whole = typeof body === "string" ? Buffer.from(body) : (body ?? noBytes);
    const source = isByteSource(whole) ? whole : undefined;
    const iterable = whole instanceof Uint8Array || isByteSource(whole) ? undefined : whole;
    if (this.#closed) return await abandon(iterable);
    let block = headerBlock(status, headers);
    if (headers.date === undefined) block += this.#host.date();
    const bytes = whole instanceof Uint8Array ? whole : undefined;
    if (bytes && headers["content-length"] === undefined && status !== 204 && status !== 304) {
      block += headerLength(bytes.length);
    }
    this.#head = block;
    if (source && this.method !== "HEAD") return await this.#pour(() => this.#drain(source));
    if (iterable && this.method !== "HEAD") return await this.#pour(() => this.#follow(iterable));
    this.#last = true;
    if (bytes && this.method !== "HEAD" && bytes.length > 0) this.#bytes = bytes;
    this.#host.wake(this);
    await abandon(iterable);
  }

  /** True while something waits that the stream's own window lets through. */
  get sendable(): boolean {
    return this.#head !== undefined || (this.#bytes !== undefined && (this.window > 0 || this.#bytes.length === 0));
  }

  /** True when the next frame is one that the connection's window does not count. */
  get free(): boolean {
    return this.#head !== undefined || this.#bytes?.length === 0;
  }

  /** True amid a chunk of the answer. */
  get interrupted(): boolean {
    return this.#from > 0;
  }

  /** Sends one frame of data, and headers before it; at most `most` bytes. The number of bytes. */
  advance(output: FrameOutput, most: number): number {
    this.#stalled = 0;
    if (this.#head !== undefined) {
      const last = this.#last && this.#bytes === undefined;
      sendBlock(output, this.id, this.#host.blockPrefix() + this.#head, last);
      this.#head = undefined;
      if (last) this.#complete();
    }
    const bytes = this.#bytes;
    if (bytes === undefined) return 0;
    const left = bytes.length - this.#from;
    const size = Math.min(left, usualFrameSize, this.window, most);
    if (size <= 0 && left > 0) return 0;
    const to = this.#from + size;
    const last = this.#last && size === left;
    const taken = this.#lent && size === left ? this.#drained : undefined;
    output.slice(frameType.data, last ? frameFlag.endStream : 0, this.id, bytes, this.#from, to, taken);
    this.window -= size;
    this.#from = to;
    if (size === left) this.#emptied(last);
    return size;
  }

  #emptied(last: boolean): void {
    this.#bytes = undefined;
    this.#from = 0;
    if (last) this.#complete();
    else if (!this.#lent) this.#drained?.();
  }

  #complete(): void {
    this.#answered = true;
    if (this.#said) {
      this.#host.finished(this);
      return;
    }
    // Nobody reads the rest of the request. To be told so is allowed, but some clients drop the answer then (curl 7).
    this.#age = 0;
    this.#incoming().abandon();
  }

  /** So many seconds went by: the stream ends when its client takes too long. */
  sweep(seconds: number): void {
    const { request, stall, surplus } = this.#host.limits;
    if (!this.#said) this.#age += seconds;
    const waits = this.#head !== undefined || this.#bytes !== undefined || (this.#lent && this.#drained !== undefined);
    if (waits) this.#stalled += seconds;
    if (this.#answered && this.#age > surplus.seconds) this.#host.reset(this, errorCode.noError);
    else if (this.#age > request || this.#stalled > stall) this.#host.reset(this, errorCode.cancel);
  }

  /** The connection has forgotten the stream: whoever works for it is told. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#head = undefined;
    this.#bytes = undefined;
    this.#body?.abandon();
    this.#drained?.();
    if (!this.#answered && this.#controller) this.#abort();
  }

  #abort(): void {
    this.#controller?.abort(new Fault("aborted", "the client went away"));
  }

  /** Sends what comes piece by piece, and then the end. */
  async #pour(all: () => Promise<void>): Promise<void> {
    this.#pouring = true;
    this.#host.wake(this);
    try {
      await all();
    } catch (error) {
      // The status is out already: only a broken stream tells the client that the rest is missing.
      this.#host.reset(this, errorCode.internalError);
      throw error;
    }
    if (this.#closed) return;
    this.#last = true;
    this.#bytes = noBytes;
    this.#host.wake(this);
  }

  async #follow(body: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of body) {
      if (this.#closed) return;
      if (chunk.length === 0) continue;
      this.#bytes = chunk;
      this.#host.wake(this);
      if (this.#bytes !== undefined) await this.#emptiness();
      if (this.#closed) return;
    }
  }

  async #drain(body: ByteSource): Promise<void> {
    this.#lent = true;
    await sendParts(body, async (part) => {
      if (this.#closed) return false;
      const drained = this.#emptiness();
      this.#bytes = part;
      this.#host.wake(this);
      await drained;
      return !this.#closed;
    });
    this.#lent = false;
  }

  #emptiness(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = () => {
        this.#drained = undefined;
        resolve();
      };
    });
  }
}

async function abandon(body: AsyncIterable<Uint8Array> | undefined): Promise<void> {
  await body?.[Symbol.asyncIterator]().return?.();
}

const lengthName = headerBlock(200, { "content-length": "" }).slice(1, -1);
const headerLength = (bytes: number): HeaderBlock => {
  const digits = String(bytes);
  return lengthName + String.fromCharCode(digits.length) + digits;
};

function sendBlock(output: FrameOutput, stream: number, block: HeaderBlock, last: boolean): void {
  const end = last ? frameFlag.endStream : 0;
  if (block.length <= usualFrameSize) {
    output.frame(frameType.headers, frameFlag.endHeaders | end, stream, block);
    return;
  }
  for (let from = 0; from < block.length; from += usualFrameSize) {
    const to = Math.min(from + usualFrameSize, block.length);
    const flags = (to === block.length ? frameFlag.endHeaders : 0) | (from === 0 ? end : 0);
    output.slice(from === 0 ? frameType.headers : frameType.continuation, flags, stream, block, from, to);
  }
}

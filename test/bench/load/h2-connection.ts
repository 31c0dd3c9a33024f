import { connect, type TLSSocket } from "node:tls";
import { Fault } from "../../../src/lib/fault.ts";
import {
  clientPreface,
  endStream,
  type Frame,
  FrameReader,
  frameType,
  headerBlock,
  isAck,
  pong,
  requestFrames,
  settingsAck,
  statusIn,
  windowUpdate,
} from "./h2-frames.ts";

/** Where load goes, and as whom. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface Answer {
  readonly status: number;
  readonly bytes: number;
  /** Times of the monotonic clock. */
  readonly firstByteAt: number;
  readonly endAt: number;
  /** The beginning of the body of an answer that is no success, or the whole when it was asked for. */
  readonly text: string;
}

interface OpenStream {
  status: number;
  bytes: number;
  firstByteAt: number;
  kept: Buffer[];
  readonly keep: boolean;
  readonly onData: ((chunk: Buffer) => void) | undefined;
  readonly opened: (() => void) | undefined;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** The connection's window is topped up after so many bytes. */
const topUp = 2 ** 27;

/**
 * One HTTP/2 connection over TLS that costs its process far less than `node:http2` would, so that the server under
 * load is what a measure shows.
 */
export class LoadConnection implements Disposable {
  readonly #socket: TLSSocket;
  readonly #reader = new FrameReader();
  readonly #streams = new Map<number, OpenStream>();
  #next = 1;
  #received = 0;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#reader.read(chunk, (found) => this.#take(found)));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Fault("unavailable", "the server closed the connection")));
    socket.write(clientPreface());
  }

  static open({ host, port, ca, cert, key }: Target): Promise<LoadConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, ca, cert, key, servername: "localhost", ALPNProtocols: ["h2"] }, () => {
        socket.off("error", reject);
        socket.setNoDelay(true);
        resolve(new LoadConnection(socket));
      });
      socket.once("error", reject);
    });
  }

  /** Sends a request whose headers are encoded already; see `headersOf`. */
  request(block: Uint8Array, body?: Uint8Array, options: RequestOptions = {}): Promise<Answer> {
    const stream = this.#next;
    this.#next += 2;
    return new Promise<Answer>((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new Fault("unavailable", "the server closed the connection"));
      const { keep = false, onData, opened } = options;
      const empty = { status: 0, bytes: 0, firstByteAt: 0, kept: [] };
      this.#streams.set(stream, { ...empty, keep, onData, opened, resolve, reject });
      this.#socket.write(requestFrames(stream, block, body));
    });
  }

  /** Closes the connection; requests still open stay without an answer. */
  [Symbol.dispose](): void {
    this.#streams.clear();
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    const open = [...this.#streams.values()];
    this.#streams.clear();
    for (const { reject } of open) reject(error);
  }

  #take({ type, flags, stream, payload }: Frame): void {
    switch (type) {
      case frameType.settings:
        if (!isAck(flags)) this.#socket.write(settingsAck);
        return;
      case frameType.ping:
        if (!isAck(flags)) this.#socket.write(pong(payload));
        return;
      case frameType.goAway:
        this.#fail(new Fault("unavailable", `the server sent GOAWAY ${payload.readUInt32BE(4)}`));
        return;
      case frameType.rstStream:
        this.#streams.get(stream)?.resolve({ status: 0, bytes: 0, firstByteAt: 0, endAt: 0, text: "stream reset" });
        this.#streams.delete(stream);
        return;
      case frameType.headers:
      case frameType.data:
        this.#answer({ type, flags, stream, payload });
    }
  }

  #answer({ type, flags, stream, payload }: Frame): void {
    const open = this.#streams.get(stream);
    if (!open) return;
    if (type === frameType.headers) {
      if (open.status === 0) open.status = statusIn(payload);
      open.opened?.();
    } else {
      this.#received += payload.length;
      if (this.#received >= topUp) {
        this.#socket.write(windowUpdate(this.#received));
        this.#received = 0;
      }
      if (open.bytes === 0) open.firstByteAt = performance.now();
      open.bytes += payload.length;
      if (open.keep || (open.status >= 300 && open.kept.length === 0)) open.kept.push(Buffer.from(payload));
      open.onData?.(payload);
    }
    if ((flags & endStream) === 0) return;
    this.#streams.delete(stream);
    const { status, bytes, firstByteAt, kept } = open;
    open.resolve({ status, bytes, firstByteAt, endAt: performance.now(), text: Buffer.concat(kept).toString() });
  }
}

export interface RequestOptions {
  /** Keeps the whole body for the answer's `text`. */
  readonly keep?: boolean;
  readonly onData?: (chunk: Buffer) => void;
  /** Called when the answer's headers are there. */
  readonly opened?: () => void;
}

/** The header block of a request; the same for every request of one method, path and length. */
export function headersOf(
  target: Target,
  { method, path, bodyBytes }: { readonly method: string; readonly path: string; readonly bodyBytes?: number },
): Buffer {
  return headerBlock({
    ":method": method,
    ":scheme": "https",
    ":authority": `${target.host}:${target.port}`,
    ":path": path,
    accept: "application/json",
    "user-agent": "navarch-bench",
    ...(bodyBytes === undefined ? {} : { "content-type": "application/json", "content-length": String(bodyBytes) }),
  });
}

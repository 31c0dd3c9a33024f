import type { Duplex } from "node:stream";
import type { Clock } from "../../lib/clock.ts";
import type { HttpHandler, HttpPeer } from "../http-message.ts";
import { H2Connection } from "./connection.ts";
import { type HeaderBlock, headerBlock } from "./hpack-encoder.ts";
import { type H2Limits, usualLimits } from "./limits.ts";

export interface H2ServerOptions {
  readonly handle: HttpHandler;
  readonly clock: Clock;
  /** Default `usualLimits`. */
  readonly limits?: H2Limits;
  /** Told about faults that have no request to answer them to. */
  readonly onFault: (error: unknown) => void;
}

/** Seconds between looks for clients that keep others waiting: one timer for all connections and streams. */
const sweepEvery = 5;
/** Milliseconds that requests in progress are given when the server closes. */
const farewell = 1000;

/** Speaks HTTP/2 on connections that somebody else accepts. */
export class H2Server implements AsyncDisposable {
  readonly #options: H2ServerOptions;
  readonly #connections = new Set<H2Connection>();
  #timer: Disposable | undefined;
  #empty: (() => void) | undefined;
  #closed = false;
  #second = -1;
  #date: HeaderBlock = "";

  constructor(options: H2ServerOptions) {
    this.#options = options;
  }

  /** Serves a connection, of which not a byte may have been read, until it closes. */
  accept(socket: Duplex, peer: HttpPeer): void {
    if (this.#closed) {
      socket.destroy();
      return;
    }
    const { handle, onFault, limits = usualLimits } = this.#options;
    const connection = new H2Connection({
      socket,
      peer,
      handle,
      limits,
      onFault,
      date: () => this.#dateHeader(),
      onClose: (gone) => this.#gone(gone),
    });
    this.#connections.add(connection);
    this.#timer ??= this.#arm();
  }

  /** Says goodbye on every connection, lets what is being answered be answered for a moment, and cuts what is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const empty = new Promise<void>((resolve) => {
      this.#empty = resolve;
    });
    if (this.#connections.size === 0) return;
    for (const connection of this.#connections) connection.shutdown();
    using _timer = this.#options.clock.after(farewell, () => {
      for (const connection of this.#connections) connection.destroy();
    });
    await empty;
  }

  #gone(connection: H2Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#empty?.();
  }

  #arm(): Disposable {
    return this.#options.clock.after(sweepEvery * 1000, () => {
      this.#timer = this.#arm();
      for (const connection of this.#connections) connection.sweep(sweepEvery);
    });
  }

  #dateHeader(): HeaderBlock {
    const second = Math.floor(this.#options.clock.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#date = headerBlock(200, { date: new Date(second * 1000).toUTCString() }).slice(1);
    }
    return this.#date;
  }
}

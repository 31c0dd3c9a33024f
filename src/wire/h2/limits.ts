/** How much one client may ask of a connection. */
export interface H2Limits {
  /** Streams open at once, those included whose client has left while they are still being worked on. */
  readonly streams: number;
  /** Bytes of one request's headers, counted as RFC 9113 (6.5.2) does; of their packed form as well. */
  readonly headerList: number;
  /** Bytes of the headers of all requests together that are open or being worked on. */
  readonly headersHeld: number;
  /** Frames that one header block may come in. */
  readonly headerFrames: number;
  /** Bytes of a body that nobody has read yet, for one stream and for all. */
  readonly streamWindow: number;
  readonly connectionWindow: number;
  /** Streams that came to nothing, by the client's will or fault: so many at once, and so many more a second. */
  readonly resets: Allowance;
  /** Frames that cost an answer or bring nothing. */
  readonly idleFrames: Allowance;
  /** Bodies handed out in crumbs because the client opens its window by crumbs. */
  readonly crumbs: number;
  /** Seconds. Until the client has said its settings, and for one header block. */
  readonly greeting: number;
  /** Seconds for a request to come whole, as `node:http` has it. */
  readonly request: number;
  /**
   * Seconds that an answer waits for a client that takes none of it. Somebody may have stopped a log to read it: only
   * what is forgotten is meant.
   */
  readonly stall: number;
  /** Seconds without a request after which the connection is ended, as `IdleTimeout` of upstream's server. */
  readonly idle: number;
  /** How much of a request is let in, and for how many seconds, after its answer. */
  readonly surplus: { readonly bytes: number; readonly seconds: number };
}

export interface Allowance {
  readonly burst: number;
  readonly perSecond: number;
}

/** Bytes of a request's headers, by either HTTP, beyond which the answer is 431: upstream's `MaxHeaderBytes`. */
export const mostHeaderBytes = 1024 * 1024;
/** Seconds that a connection without a request is kept, by either HTTP. */
export const idleSeconds = 90;

export const usualLimits: H2Limits = {
  streams: 1000,
  // Upstream's megabyte, and the overhead of ten headers, which Go's server grants on top.
  headerList: mostHeaderBytes + 10 * 32,
  headersHeld: 8 * 1024 * 1024,
  headerFrames: 128,
  streamWindow: 1024 * 1024,
  connectionWindow: 4 * 1024 * 1024,
  resets: { burst: 1000, perSecond: 33 },
  idleFrames: { burst: 1000, perSecond: 100 },
  crumbs: 1000,
  greeting: 10,
  request: 300,
  stall: 12 * 60 * 60,
  idle: idleSeconds,
  surplus: { bytes: 16 * 1024 * 1024, seconds: 10 },
};

/** What is left of an allowance. It fills when somebody says that time went by, so that spending asks no clock. */
export class Budget {
  readonly #allowance: Allowance;
  #left: number;

  constructor(allowance: Allowance) {
    this.#allowance = allowance;
    this.#left = allowance.burst;
  }

  /** False when nothing is left. */
  spend(): boolean {
    this.#left -= 1;
    return this.#left >= 0;
  }

  refill(seconds: number): void {
    this.#left = Math.min(this.#allowance.burst, Math.max(0, this.#left) + seconds * this.#allowance.perSecond);
  }
}

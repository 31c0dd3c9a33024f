/** What clients and back ends may take; times in ms. */
export interface EngineLimits {
  /** Bytes of a request's head. */
  readonly headerBytes: number;
  /** From a connection, or the end of the last request, until a whole head has come. */
  readonly headerTime: number;
  readonly handshakeTime: number;
  /** A client's connection on which nothing moves. More than `answerTime`, or slow back ends were cut off by it. */
  readonly clientIdle: number;
  readonly connectTime: number;
  /** A back end's connection on which nothing moves during a request. */
  readonly answerTime: number;
  /** A back end's connection without a request. */
  readonly poolIdle: number;
  /** Clients' connections per port. */
  readonly connections: number;
  /** Requests of one HTTP/2 connection at a time. */
  readonly streams: number;
  /** How long requests under way may go on when the engine ends. */
  readonly endTime: number;
}

export const usualLimits: EngineLimits = {
  headerBytes: 16_384,
  headerTime: 10_000,
  handshakeTime: 10_000,
  clientIdle: 75_000,
  connectTime: 2_000,
  answerTime: 60_000,
  poolIdle: 30_000,
  connections: 16_384,
  streams: 128,
  endTime: 2_000,
};

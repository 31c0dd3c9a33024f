import { Fault } from "../../lib/fault.ts";

/** HTTP/2's frame types (RFC 9113, 6). */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags of frames; which one a bit is depends on the frame's type. */
export const frameFlag = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

/** Parameters of a SETTINGS frame. */
export const setting = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

/** Why a stream or a connection ends (RFC 9113, 7). */
export const errorCode = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  enhanceYourCalm: 11,
} as const;
export type ErrorCode = (typeof errorCode)[keyof typeof errorCode];

/** Bytes of a frame before its payload. */
export const frameHead = 9;
/** The longest payload that either side may send unless the other allows more; we never do. */
export const usualFrameSize = 16_384;
/** What both windows hold until somebody says otherwise. */
export const usualWindow = 65_535;
export const largestWindow = 2 ** 31 - 1;

/** The other side broke a rule of the protocol: its connection ends with this code, or only `stream` when that is not 0. */
export class H2Error extends Fault {
  readonly reason: ErrorCode;
  readonly stream: number;

  constructor(reason: ErrorCode, message: string, stream = 0) {
    super("invalid", message);
    this.reason = reason;
    this.stream = stream;
  }
}

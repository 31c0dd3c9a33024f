import type { FrameOutput } from "./frame-output.ts";
import type { H2Limits } from "./limits.ts";
import {
  type ErrorCode,
  errorCode,
  frameType,
  H2Error,
  largestWindow,
  setting,
  usualFrameSize,
  usualWindow,
} from "./protocol.ts";

/** A number as four bytes. */
export function word(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** What a server says first: its settings, and the connection's window. */
export function openingFrames(output: FrameOutput, limits: H2Limits): void {
  const settings = [
    [setting.maxConcurrentStreams, limits.streams],
    [setting.initialWindowSize, limits.streamWindow],
    [setting.maxHeaderListSize, limits.headerList],
  ] as const;
  const payload = Buffer.allocUnsafe(6 * settings.length);
  for (const [index, [name, value]] of settings.entries()) {
    payload.writeUInt16BE(name, 6 * index);
    payload.writeUInt32BE(value, 6 * index + 2);
  }
  output.frame(frameType.settings, 0, 0, payload);
  if (limits.connectionWindow > usualWindow) {
    output.frame(frameType.windowUpdate, 0, 0, word(limits.connectionWindow - usualWindow));
  }
}

/** Says which stream was the last one taken, and why there will be no more. */
export function goAway(output: FrameOutput, last: number, reason: ErrorCode, why = ""): void {
  output.frame(frameType.goAway, 0, 0, Buffer.concat([word(last), word(reason), Buffer.from(why)]));
}

/** The settings in a frame's payload. Throws H2Error for values that are not allowed. */
export function* settingsIn(
  bytes: Buffer,
  start: number,
  end: number,
): Iterable<readonly [name: number, value: number]> {
  if ((end - start) % 6 !== 0) throw new H2Error(errorCode.frameSizeError, "SETTINGS of another size");
  for (let at = start; at < end; at += 6) {
    const name = bytes.readUInt16BE(at);
    const value = bytes.readUInt32BE(at + 2);
    if (name === setting.enablePush && value > 1) throw new H2Error(errorCode.protocolError, "ENABLE_PUSH above 1");
    if (name === setting.initialWindowSize && value > largestWindow) {
      throw new H2Error(errorCode.flowControlError, "INITIAL_WINDOW_SIZE too large");
    }
    if (name === setting.maxFrameSize && (value < usualFrameSize || value > 2 ** 24 - 1)) {
      throw new H2Error(errorCode.protocolError, "MAX_FRAME_SIZE out of range");
    }
    yield [name, value];
  }
}

import type { FrameReader } from "./frame-reader.ts";
import type { H2Limits } from "./limits.ts";
import { errorCode, frameFlag, H2Error } from "./protocol.ts";

/** One whole header block of a client: `bytes` from `start` to `end`. */
export interface Block {
  readonly stream: number;
  readonly endStream: boolean;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Puts together header blocks that come in several frames. */
export class HeaderBlocks {
  readonly #limits: H2Limits;
  /** The block of which not all frames have come. */
  #open: { readonly stream: number; readonly endStream: boolean; readonly parts: Buffer[]; size: number } | undefined;

  constructor(limits: H2Limits) {
    this.#limits = limits;
  }

  /** The stream whose block is incomplete, before the end of which nothing else may come; 0 without one. */
  get incomplete(): number {
    return this.#open?.stream ?? 0;
  }

  /** Takes the HEADERS frame at hand; its block if that is all of it. Throws H2Error when it is none. */
  begin(frame: FrameReader): Block | undefined {
    const { bytes, flags, stream } = frame;
    const { start: from, end } = unpadded(frame);
    if (stream % 2 === 0) throw new H2Error(errorCode.protocolError, "a client's streams have odd numbers");
    const start = flags & frameFlag.priority ? from + 5 : from;
    if (start > end) throw new H2Error(errorCode.frameSizeError, "HEADERS too short for its flags");
    const endStream = (flags & frameFlag.endStream) !== 0;
    if (flags & frameFlag.endHeaders) return { stream, endStream, bytes, start, end };
    this.#open = { stream, endStream, parts: [bytes.subarray(start, end)], size: end - start };
    return undefined;
  }

  /** Takes the CONTINUATION frame at hand; the block if it is complete now. Throws H2Error when it continues nothing, or too much. */
  continue({ bytes, start, end, flags }: FrameReader): Block | undefined {
    const open = this.#open;
    if (!open) throw new H2Error(errorCode.protocolError, "CONTINUATION of nothing");
    open.parts.push(bytes.subarray(start, end));
    open.size += end - start;
    if (open.size > this.#limits.headerList || open.parts.length > this.#limits.headerFrames) {
      throw new H2Error(errorCode.enhanceYourCalm, "a header block is too long");
    }
    if ((flags & frameFlag.endHeaders) === 0) return undefined;
    this.#open = undefined;
    const { stream, endStream, parts, size } = open;
    return { stream, endStream, bytes: Buffer.concat(parts, size), start: 0, end: size };
  }
}

/** Where the payload at hand begins and ends without its padding. Throws H2Error when there is more of that than payload. */
export function unpadded({ bytes, flags, start, end }: FrameReader): { readonly start: number; readonly end: number } {
  if ((flags & frameFlag.padded) === 0) return { start, end };
  if (start === end) throw new H2Error(errorCode.frameSizeError, "a padded frame without a length");
  const from = start + 1;
  const to = end - bytes[start]!;
  if (to < from) throw new H2Error(errorCode.protocolError, "more padding than payload");
  return { start: from, end: to };
}

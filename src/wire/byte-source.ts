/**
 * Bytes that are made while they are sent, into memory that whoever sends them uses again and again. Large answers made of
 * fresh memory would set off a collection of the whole heap every few dozen megabytes.
 */
export interface ByteSource {
  /** Puts what comes next at the start of `target`; the number of bytes, less than `target` holds only at the end. */
  readInto(target: Buffer): number;
}

export function isByteSource(body: object): body is ByteSource {
  return "readInto" in body;
}

/** The first part is small, so that it is on its way while others are made. */
const firstPart = 1 << 14;
const largestPart = 1 << 18;

/** How large the part after one of so many bytes is; the first after none. */
export function nextPartSize(last: number): number {
  return last === 0 ? firstPart : Math.min(4 * last, largestPart);
}

/** All bytes in parts of their own. */
export function* partsOf(source: ByteSource): Generator<Buffer, void> {
  for (let size = nextPartSize(0); ; size = nextPartSize(size)) {
    const part = Buffer.allocUnsafeSlow(size);
    const filled = source.readInto(part);
    if (filled > 0) yield part.subarray(0, filled);
    if (filled < size) return;
  }
}

/** More than this is not kept for answers to come. */
const mostKept = 4;
const kept: Buffer[] = [];

/**
 * Sends all bytes in parts that share memory: `send` resolves with true once its part may be written over, with false when
 * nobody wants the rest.
 */
export async function sendParts(source: ByteSource, send: (part: Buffer) => Promise<boolean>): Promise<void> {
  const memory = kept.pop() ?? Buffer.allocUnsafeSlow(largestPart);
  for (let size = nextPartSize(0); ; size = nextPartSize(size)) {
    const filled = source.readInto(memory.subarray(0, size));
    // After a failure somebody may still read the memory: it is not used again.
    if (filled > 0 && !(await send(memory.subarray(0, filled)))) return;
    if (filled < size) break;
  }
  if (kept.length < mostKept) kept.push(memory);
}

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

/** Room in which it is found out whether there is much to send; nobody keeps it. */
const small = Buffer.allocUnsafeSlow(firstPart);

/** All bytes at once when they are few, otherwise a source of them; each call of `open` gives a source of all. */
export function smallOrSource(open: () => ByteSource): Uint8Array | ByteSource {
  const size = open().readInto(small);
  return size < small.length ? Buffer.from(small.subarray(0, size)) : open();
}

/** Pieces one behind the other. */
export function piecesSource(pieces: Iterator<Uint8Array>): ByteSource {
  let left: Uint8Array | undefined;
  return {
    readInto(target) {
      let at = 0;
      while (at < target.length) {
        left ??= pieces.next().value as Uint8Array | undefined;
        if (!left) break;
        const now = left.subarray(0, target.length - at);
        target.set(now, at);
        at += now.length;
        left = now.length < left.length ? left.subarray(now.length) : undefined;
      }
      return at;
    },
  };
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

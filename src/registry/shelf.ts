/** Slabs grow with what they hold, so that a kind with three objects costs little and one with thousands few slabs. */
const smallestSlab = 16 * 1024;
const largestSlab = 1024 * 1024;
/** What is longer than this share of a slab gets memory of its own. */
const longestShare = 8;
/** Below this many bytes nothing is worth tidying up. */
const tolerated = 1024 * 1024;

interface Slab {
  readonly memory: Uint8Array;
  used: number;
  /** Bytes that were kept here and not given back. */
  live: number;
}

/**
 * Keeps many small arrays of bytes in few large ones: each on its own costs several hundred bytes more. What was given back
 * is freed with the last of its slab, so when much was, the owner moves the rest of the sparse slabs.
 */
export class Shelf {
  readonly #slabs = new Map<ArrayBufferLike, Slab>();
  #current: Slab | undefined;
  #allocated = 0;
  #live = 0;

  /** A lasting copy of these bytes. If the shelf has them already, they move and their old place is given back. */
  keep(bytes: Uint8Array): Uint8Array {
    this.release(bytes);
    const size = bytes.byteLength;
    let slab = this.#current;
    if (!slab || slab.used + size > slab.memory.byteLength) {
      // A kind whose objects are long has to get slabs as well: what is not used of one takes no memory.
      const wanted = Math.max(slabSize(this.#live), slabSize(size * longestShare * 8));
      // Not in Node's pool, where they would keep short-lived neighbours alive.
      if (size > wanted / longestShare) return ownCopy(bytes);
      slab = this.#newSlab(wanted);
    }
    const place = slab.memory.subarray(slab.used, slab.used + size);
    place.set(bytes);
    slab.used += size;
    slab.live += size;
    this.#live += size;
    return place;
  }

  /** Gives a place back. Its bytes stay as they are for those who still read them. */
  release(bytes: Uint8Array): void {
    const slab = this.#slabs.get(bytes.buffer);
    if (!slab) return;
    slab.live -= bytes.byteLength;
    this.#live -= bytes.byteLength;
    if (slab.live === 0 && slab !== this.#current) this.#drop(slab);
  }

  /** More memory is waste than use: time to move what lies in sparse slabs. */
  get isWasteful(): boolean {
    return this.#allocated > tolerated && this.#allocated > 2 * this.#live + slabSize(this.#live);
  }

  /** Whether these bytes are in a slab that is mostly waste. */
  isSparse(bytes: Uint8Array): boolean {
    const slab = this.#slabs.get(bytes.buffer);
    return slab !== undefined && slab !== this.#current && slab.live * 3 < slab.memory.byteLength * 2;
  }

  #newSlab(size: number): Slab {
    const full = this.#current;
    // A resizable buffer has pages of its own. Others come from the C library's heap, where they stand in the way of
    // what is freed between them.
    const memory = new Uint8Array(new ArrayBuffer(size, { maxByteLength: size }));
    const slab: Slab = { memory, used: 0, live: 0 };
    this.#slabs.set(slab.memory.buffer, slab);
    this.#allocated += size;
    this.#current = slab;
    if (full?.live === 0) this.#drop(full);
    return slab;
  }

  #drop({ memory }: Slab): void {
    this.#slabs.delete(memory.buffer);
    this.#allocated -= memory.byteLength;
  }
}

function slabSize(live: number): number {
  let size = smallestSlab;
  while (size < largestSlab && size * 8 < live) size *= 2;
  return size;
}

function ownCopy(bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength === bytes.buffer.byteLength) return bytes;
  const copy = Buffer.allocUnsafeSlow(bytes.byteLength);
  copy.set(bytes);
  return copy;
}

import { compareKeys } from "./keys.ts";
import type { KeyRange } from "./store.ts";

/** A full chunk splits in two: small enough that an insertion moves little, large enough that there are few. */
const mostPerChunk = 512;

interface Chunk<V> {
  readonly keys: string[];
  readonly values: V[];
}

/** A map that keeps its keys in order, so that a range is read without sorting. */
export class SortedMap<V> {
  readonly #chunks: Chunk<V>[] = [{ keys: [], values: [] }];

  get(key: string): V | undefined {
    const chunk = this.#chunks[this.#chunkFor(key)]!;
    const at = lowerBound(chunk.keys, key);
    return chunk.keys[at] === key ? chunk.values[at] : undefined;
  }

  set(key: string, value: V): void {
    const index = this.#chunkFor(key);
    const chunk = this.#chunks[index]!;
    const at = lowerBound(chunk.keys, key);
    if (chunk.keys[at] === key) {
      chunk.values[at] = value;
      return;
    }
    chunk.keys.splice(at, 0, key);
    chunk.values.splice(at, 0, value);
    if (chunk.keys.length <= mostPerChunk) return;
    // Keys often arrive in rising order; leaving the left part fuller wastes less then.
    const cut = at === chunk.keys.length - 1 ? mostPerChunk : mostPerChunk >>> 1;
    this.#chunks.splice(index + 1, 0, { keys: chunk.keys.splice(cut), values: chunk.values.splice(cut) });
  }

  delete(key: string): void {
    const index = this.#chunkFor(key);
    const chunk = this.#chunks[index]!;
    const at = lowerBound(chunk.keys, key);
    if (chunk.keys[at] !== key) return;
    chunk.keys.splice(at, 1);
    chunk.values.splice(at, 1);
    if (chunk.keys.length === 0 && this.#chunks.length > 1) this.#chunks.splice(index, 1);
  }

  /** The entries of a range in order; the map must not change meanwhile. */
  *range({ start, end }: KeyRange): Generator<readonly [string, V]> {
    let at = -1;
    for (let index = this.#chunkFor(start); index < this.#chunks.length; index++) {
      const { keys, values } = this.#chunks[index]!;
      if (at < 0) at = lowerBound(keys, start);
      // One look at the last key decides for the whole chunk.
      const stop = keys.length > 0 && compareKeys(keys.at(-1)!, end) < 0 ? keys.length : lowerBound(keys, end);
      for (; at < stop; at++) yield [keys[at]!, values[at]!];
      if (stop < keys.length) return;
      at = 0;
    }
  }

  count({ start, end }: KeyRange): number {
    if (compareKeys(start, end) >= 0) return 0;
    const first = this.#chunkFor(start);
    const last = this.#chunkFor(end);
    let count = -lowerBound(this.#chunks[first]!.keys, start);
    for (let index = first; index < last; index++) count += this.#chunks[index]!.keys.length;
    return count + lowerBound(this.#chunks[last]!.keys, end);
  }

  /** The last chunk whose first key is not beyond the key. */
  #chunkFor(key: string): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (compareKeys(this.#chunks[middle]!.keys[0]!, key) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKeys(keys[middle]!, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

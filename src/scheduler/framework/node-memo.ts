import type { NodeInfo } from "./node-info.ts";

/** One value for each node, forgotten when the node, its pods or those that wait for it change. */
export class NodeMemo<T> {
  #revisions = new Float64Array(0);
  #stamps = new Float64Array(0);
  readonly #values: T[] = [];

  /** `stamp` stands for the pods that wait for the node (`Nominations.stampFor`). */
  get({ slot, revision }: NodeInfo, stamp = 0): T | undefined {
    return this.#revisions[slot] === revision && this.#stamps[slot] === stamp ? this.#values[slot] : undefined;
  }

  set({ slot, revision }: NodeInfo, value: T, stamp = 0): void {
    if (slot >= this.#revisions.length) {
      const size = Math.max(64, slot + 1, this.#revisions.length * 2);
      this.#revisions = grown(this.#revisions, size);
      this.#stamps = grown(this.#stamps, size);
    }
    this.#revisions[slot] = revision;
    this.#stamps[slot] = stamp;
    this.#values[slot] = value;
  }
}

function grown(numbers: Float64Array, size: number): Float64Array<ArrayBuffer> {
  const copy = new Float64Array(size);
  copy.set(numbers);
  return copy;
}

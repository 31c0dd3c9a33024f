import type { Held } from "../../registry/held.ts";
import type { Served } from "../../registry/resource.ts";
import { type ByteSource, smallOrSource } from "../../wire/byte-source.ts";

const comma = 44;
const listEnd = Buffer.from("]}\n");

/** A list's JSON: one array when it is small, otherwise made as it is sent. `head` is its value without items. */
export function listBytes(head: object, items: readonly Held[], served: Served): Uint8Array | ByteSource {
  const start = Buffer.from(`${JSON.stringify(head).slice(0, -1)},"items":[`);
  return smallOrSource(() => new ListSource(start, items, served));
}

/** Puts held items one behind the other: their bytes are copied once. */
class ListSource implements ByteSource {
  readonly #items: readonly Held[];
  readonly #served: Served;
  #next = 0;
  /** What had no room any more. */
  #left: Uint8Array;

  constructor(start: Uint8Array, items: readonly Held[], served: Served) {
    this.#left = start;
    this.#items = items;
    this.#served = served;
  }

  readInto(target: Buffer): number {
    let at = this.#putLeft(target, 0);
    while (at < target.length && this.#next <= this.#items.length) {
      const index = this.#next;
      this.#next += 1;
      const held = this.#items[index];
      if (held === undefined) {
        this.#left = listEnd;
        return this.#putLeft(target, at);
      }
      if (index > 0) {
        target[at] = comma;
        at += 1;
      }
      const end = held.putItem(this.#served, target, at);
      if (end !== undefined) at = end;
      else {
        this.#left = held.item(this.#served);
        at = this.#putLeft(target, at);
      }
    }
    return at;
  }

  #putLeft(target: Buffer, at: number): number {
    const now = this.#left.subarray(0, target.length - at);
    target.set(now, at);
    this.#left = this.#left.subarray(now.length);
    return at + now.length;
  }
}

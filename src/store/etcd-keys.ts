import type { KeyRange } from "./store.ts";

/** A range of etcd's keys. */
export interface RawRange {
  readonly start: Uint8Array;
  readonly end: Uint8Array;
}

/** How the store's keys lie in etcd: under a prefix, so that several stores and other programs can share a cluster. */
export class EtcdKeys {
  readonly everything: RawRange;
  /** A key that no user can name; writing it makes a revision that passes through the store's own watch. */
  readonly fence: Uint8Array;
  readonly #prefix: Buffer;

  constructor(prefix: string) {
    this.#prefix = Buffer.from(prefix);
    this.fence = Buffer.concat([this.#prefix, Buffer.from("\0fence")]);
    // In etcd a single zero byte is the first of all keys, and as an end it stands for no end.
    const start = this.#prefix.length > 0 ? this.#prefix : Buffer.from([0]);
    this.everything = { start, end: this.#after() };
  }

  encode(key: string): Buffer {
    return Buffer.concat([this.#prefix, Buffer.from(key)]);
  }

  range({ start, end }: KeyRange): RawRange {
    // An empty start would take in the fence.
    return { start: this.encode(start === "" ? " " : start), end: this.encode(end) };
  }

  /** The store's name for a key of etcd's; empty for the fence. */
  decode(key: Uint8Array): string {
    const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength);
    return bytes.equals(this.fence) ? "" : bytes.toString("utf8", this.#prefix.length);
  }

  #after(): Buffer {
    for (let last = this.#prefix.length - 1; last >= 0; last--) {
      if (this.#prefix[last]! === 0xff) continue;
      const end = Buffer.from(this.#prefix.subarray(0, last + 1));
      end[last] = end[last]! + 1;
      return end;
    }
    return Buffer.from([0]);
  }
}

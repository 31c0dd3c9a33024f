/** Entries per leaf: big enough that a walk is cheap, small enough that copying one on a write is. */
const leafSize = 256;

interface Leaf<V> {
  keys: string[];
  values: V[];
  /** The edition that may change this leaf in place; older ones are part of a picture and are copied first. */
  edition: number;
}

/**
 * A map in key order whose present state can be kept as a picture for free: a picture shares its leaves with the map,
 * and the map copies a shared leaf before it changes it.
 */
export class OrderedMap<V> {
  #leaves: Leaf<V>[] = [];
  #leavesEdition = 0;
  #edition = 0;
  #size = 0;
  readonly #byKey = new Map<string, V>();

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    return this.#byKey.get(key);
  }

  set(key: string, value: V): void {
    const known = this.#byKey.has(key);
    this.#byKey.set(key, value);
    const at = this.#leafFor(key);
    const leaf = this.#own(at);
    const place = lowerBound(leaf.keys, key);
    if (known) {
      leaf.values[place] = value;
      return;
    }
    leaf.keys.splice(place, 0, key);
    leaf.values.splice(place, 0, value);
    this.#size += 1;
    if (leaf.keys.length > leafSize) this.#split(at, place === leaf.keys.length - 1);
  }

  delete(key: string): boolean {
    if (!this.#byKey.delete(key)) return false;
    const at = this.#leafFor(key);
    const leaf = this.#own(at);
    const place = lowerBound(leaf.keys, key);
    leaf.keys.splice(place, 1);
    leaf.values.splice(place, 1);
    this.#size -= 1;
    if (leaf.keys.length === 0) this.#ownLeaves().splice(at, 1);
    return true;
  }

  /** The values whose keys lie in [start, end), in order, as they are now; later changes do not show. */
  picture(start: string, end: string): Picture<V> {
    this.#edition += 1;
    return new Picture(this.#leaves, start, end);
  }

  /** The values whose keys lie in [start, end), in order; the map must not change meanwhile. */
  range(start: string, end: string): Iterable<V> {
    return new Picture(this.#leaves, start, end);
  }

  #leafFor(key: string): number {
    const leaves = this.#leaves;
    if (leaves.length === 0) {
      this.#ownLeaves().push({ keys: [], values: [], edition: this.#edition });
      return 0;
    }
    return leafIndex(leaves, key);
  }

  #ownLeaves(): Leaf<V>[] {
    if (this.#leavesEdition !== this.#edition) {
      this.#leaves = this.#leaves.slice();
      this.#leavesEdition = this.#edition;
    }
    return this.#leaves;
  }

  #own(at: number): Leaf<V> {
    const leaf = this.#leaves[at]!;
    if (leaf.edition === this.#edition) return leaf;
    const copy = { keys: leaf.keys.slice(), values: leaf.values.slice(), edition: this.#edition };
    this.#ownLeaves()[at] = copy;
    return copy;
  }

  // Keys that come in order fill their leaves; a split in the middle would leave every leaf half empty.
  #split(at: number, appended: boolean): void {
    const leaf = this.#leaves[at]!;
    const from = appended ? leaf.keys.length - 1 : leaf.keys.length >> 1;
    const right = { keys: leaf.keys.splice(from), values: leaf.values.splice(from), edition: this.#edition };
    this.#ownLeaves().splice(at + 1, 0, right);
  }
}

/** What an `OrderedMap` held in a range of keys at one moment. */
export class Picture<V> implements Iterable<V> {
  readonly #leaves: readonly Leaf<V>[];
  readonly #start: string;
  readonly #end: string;

  constructor(leaves: readonly Leaf<V>[], start: string, end: string) {
    this.#leaves = leaves;
    this.#start = start;
    this.#end = end;
  }

  *[Symbol.iterator](): Iterator<V> {
    const leaves = this.#leaves;
    if (leaves.length === 0) return;
    let at = leafIndex(leaves, this.#start);
    let place = lowerBound(leaves[at]!.keys, this.#start);
    for (; at < leaves.length; at += 1, place = 0) {
      const { keys, values } = leaves[at]!;
      for (; place < keys.length; place += 1) {
        if (keys[place]! >= this.#end) return;
        yield values[place]!;
      }
    }
  }

  /** How many there are. */
  count(): number {
    const leaves = this.#leaves;
    if (leaves.length === 0) return 0;
    const first = leafIndex(leaves, this.#start);
    const last = leafIndex(leaves, this.#end);
    const before = lowerBound(leaves[first]!.keys, this.#start);
    let total = lowerBound(leaves[last]!.keys, this.#end) - before;
    for (let at = first; at < last; at += 1) total += leaves[at]!.keys.length;
    return total;
  }
}

// The last leaf whose first key is not after `key`.
function leafIndex<V>(leaves: readonly Leaf<V>[], key: string): number {
  let low = 0;
  let high = leaves.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (leaves[middle]!.keys[0]! <= key) low = middle;
    else high = middle - 1;
  }
  return low;
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

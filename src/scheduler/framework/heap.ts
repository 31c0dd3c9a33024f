/** A binary heap in the order of `before`; equal entries come in the order they were put in. Entries are found by key. */
export class Heap<T> {
  readonly #before: (one: T, two: T) => number;
  readonly #keyOf: (entry: T) => string;
  readonly #entries: { entry: T; readonly order: number }[] = [];
  readonly #places = new Map<string, number>();
  #order = 0;

  /** `compare` is below zero when its first argument comes first. */
  constructor(keyOf: (entry: T) => string, compare: (one: T, two: T) => number) {
    this.#keyOf = keyOf;
    this.#before = compare;
  }

  get size(): number {
    return this.#entries.length;
  }

  get(key: string): T | undefined {
    const place = this.#places.get(key);
    return place === undefined ? undefined : this.#entries[place]!.entry;
  }

  peek(): T | undefined {
    return this.#entries[0]?.entry;
  }

  values(): readonly T[] {
    return this.#entries.map(({ entry }) => entry);
  }

  /** Puts an entry in; one with the same key is replaced and goes behind its equals. */
  push(entry: T): void {
    this.remove(this.#keyOf(entry));
    const place = this.#entries.length;
    this.#entries.push({ entry, order: this.#order++ });
    this.#places.set(this.#keyOf(entry), place);
    this.#rise(place);
  }

  /** Replaces an entry where it stands; the new one must not come earlier or later than it. */
  renew(entry: T): void {
    const place = this.#places.get(this.#keyOf(entry));
    if (place !== undefined) this.#entries[place]!.entry = entry;
  }

  pop(): T | undefined {
    const top = this.peek();
    if (top !== undefined) this.remove(this.#keyOf(top));
    return top;
  }

  remove(key: string): T | undefined {
    const place = this.#places.get(key);
    if (place === undefined) return undefined;
    const { entry } = this.#entries[place]!;
    const last = this.#entries.pop()!;
    this.#places.delete(key);
    if (place < this.#entries.length) {
      this.#entries[place] = last;
      this.#places.set(this.#keyOf(last.entry), place);
      this.#rise(place);
      this.#sink(this.#places.get(this.#keyOf(last.entry))!);
    }
    return entry;
  }

  #earlier(one: number, two: number): boolean {
    const left = this.#entries[one]!;
    const right = this.#entries[two]!;
    const difference = this.#before(left.entry, right.entry);
    return difference < 0 || (difference === 0 && left.order < right.order);
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#earlier(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(from: number): void {
    for (let at = from; ; ) {
      const left = 2 * at + 1;
      let least = at;
      if (left < this.#entries.length && this.#earlier(left, least)) least = left;
      if (left + 1 < this.#entries.length && this.#earlier(left + 1, least)) least = left + 1;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #swap(one: number, two: number): void {
    const held = this.#entries[one]!;
    this.#entries[one] = this.#entries[two]!;
    this.#entries[two] = held;
    this.#places.set(this.#keyOf(this.#entries[one]!.entry), one);
    this.#places.set(this.#keyOf(this.#entries[two]!.entry), two);
  }
}

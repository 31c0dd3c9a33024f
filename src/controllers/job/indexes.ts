/** A set of completion indexes, written as `0,2-4,7`. */
export class Indexes {
  readonly #members: ReadonlySet<number>;

  constructor(members: Iterable<number> = []) {
    this.#members = new Set(members);
  }

  /** Reads the text form; what is not a number, and what lies beyond `completions`, is left out. */
  static parse(text: string | undefined, completions: number): Indexes {
    const members: number[] = [];
    for (const part of (text ?? "").split(",")) {
      const match = /^(\d+)(?:-(\d+))?$/.exec(part);
      if (!match) continue;
      const last = Math.min(Number(match[2] ?? match[1]), completions - 1);
      for (let index = Number(match[1]); index <= last; index += 1) members.push(index);
    }
    return new Indexes(members);
  }

  get size(): number {
    return this.#members.size;
  }

  has(index: number): boolean {
    return this.#members.has(index);
  }

  with(more: Iterable<number>): Indexes {
    return new Indexes([...this.#members, ...more]);
  }

  *[Symbol.iterator](): Iterator<number> {
    yield* this.#members;
  }

  toString(): string {
    const sorted = [...this.#members].sort((a, b) => a - b);
    const parts: string[] = [];
    for (let at = 0; at < sorted.length; ) {
      let end = at;
      while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end += 1;
      // Two neighbours are written one by one, as upstream does.
      if (end === at) parts.push(`${sorted[at]}`);
      else parts.push(end === at + 1 ? `${sorted[at]},${sorted[end]}` : `${sorted[at]}-${sorted[end]}`);
      at = end + 1;
    }
    return parts.join(",");
  }
}

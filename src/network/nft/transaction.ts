/** One entry of a map (or a set, without `value`), in the words that nft reads and prints. */
export interface Element {
  readonly map: string;
  readonly key: string;
  readonly value?: string;
}

/** Element changes of one table, collected and written as one nft script, which the kernel takes as a whole or not at all. */
export class Transaction {
  readonly #removed = new Map<string, Set<string>>();
  readonly #added = new Map<string, Map<string, string | undefined>>();
  readonly #chains = new Map<string, readonly string[]>();
  readonly #droppedChains = new Set<string>();
  #size = 0;

  /** Element changes so far. */
  get size(): number {
    return this.#size + this.#chains.size + this.#droppedChains.size;
  }

  /** Changes so far without chains that only nobody goes to any more. */
  get repairs(): number {
    return this.size - this.#droppedChains.size;
  }

  remove(element: Element): void {
    getOrMake(this.#removed, element.map, () => new Set<string>()).add(element.key);
    this.#size++;
  }

  add(element: Element): void {
    const entries = getOrMake(this.#added, element.map, () => new Map<string, string | undefined>());
    entries.set(element.key, element.value);
    this.#size++;
  }

  /** Defines a chain; its former rules, if any, are replaced. */
  define(name: string, rules: readonly string[]): void {
    this.#chains.set(name, rules);
  }

  /** Deletes a chain, after the elements that went to it. */
  drop(name: string): void {
    this.#droppedChains.add(name);
  }

  /** The difference between two lists of elements of one owner. */
  replace(before: readonly Element[], after: readonly Element[]): void {
    const kept = new Set(after.map(fullText));
    const had = new Set(before.map(fullText));
    for (const element of before) if (!kept.has(fullText(element))) this.remove(element);
    for (const element of after) if (!had.has(fullText(element))) this.add(element);
  }

  /** The script for `table`, e.g. `ip navarch-dev`. */
  script(table: string): string {
    const lines: string[] = [];
    for (const name of this.#chains.keys()) lines.push(`add chain ${table} ${name}`, `flush chain ${table} ${name}`);
    for (const [name, rules] of this.#chains) for (const rule of rules) lines.push(`add rule ${table} ${name} ${rule}`);
    for (const [map, keys] of this.#removed) lines.push(`delete element ${table} ${map} { ${[...keys].join(", ")} }`);
    for (const [map, entries] of this.#added) {
      const texts = [...entries].map(([key, value]) => (value === undefined ? key : `${key} : ${value}`));
      lines.push(`add element ${table} ${map} { ${texts.join(", ")} }`);
    }
    for (const name of this.#droppedChains) lines.push(`flush chain ${table} ${name}`);
    for (const name of this.#droppedChains) lines.push(`delete chain ${table} ${name}`);
    return `${lines.join("\n")}\n`;
  }
}

/** The value of a key, made on first use. */
export function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

function fullText(element: Element): string {
  return `${element.map} ${element.key} ${element.value ?? ""}`;
}

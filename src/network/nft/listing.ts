import { Fault } from "../../lib/fault.ts";
import { type Element, getOrMake, Transaction } from "./transaction.ts";

/** A table as the kernel has it: per map its elements by key, per chain how many rules it has. */
export interface TableListing {
  readonly maps: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly chains: ReadonlyMap<string, number>;
}

/** Reads `nft -j -n list table`. Throws Fault `corrupt` when it is not such a listing. */
export function parseListing(json: string): TableListing {
  const maps = new Map<string, Map<string, string>>();
  const chains = new Map<string, number>();
  for (const item of listOf(field(JSON.parse(json), "nftables"))) {
    const map = field(item, "map") ?? field(item, "set");
    if (map !== undefined) maps.set(text(field(map, "name")), elementsOf(field(map, "elem")));
    const chain = field(item, "chain");
    if (chain !== undefined) {
      const name = text(field(chain, "name"));
      chains.set(name, chains.get(name) ?? 0);
    }
    const rule = field(item, "rule");
    if (rule !== undefined) {
      const name = text(field(rule, "chain"));
      chains.set(name, (chains.get(name) ?? 0) + 1);
    }
  }
  return { maps, chains };
}

function elementsOf(elem: unknown): Map<string, string> {
  const elements = new Map<string, string>();
  for (const entry of elem === undefined ? [] : listOf(elem)) {
    if (Array.isArray(entry)) elements.set(keyText(entry[0]), keyText(entry[1]));
    else elements.set(keyText(entry), "");
  }
  return elements;
}

function keyText(value: unknown): string {
  if (typeof value === "string" || typeof value === "number") return String(value);
  const concat = field(value, "concat");
  if (concat !== undefined) return listOf(concat).map(keyText).join(" . ");
  const prefix = field(value, "prefix");
  if (prefix !== undefined) return `${text(field(prefix, "addr"))}/${keyText(field(prefix, "len"))}`;
  const elem = field(value, "elem");
  if (elem !== undefined) return keyText(field(elem, "val"));
  const goto = field(value, "goto");
  if (goto !== undefined) return `goto ${text(field(goto, "target"))}`;
  const jump = field(value, "jump");
  if (jump !== undefined) return `jump ${text(field(jump, "target"))}`;
  if (field(value, "drop") !== undefined) return "drop";
  const range = field(value, "range");
  if (range !== undefined) return listOf(range).map(keyText).join("-");
  throw new Fault("corrupt", `nft printed an element of a form that is not known: ${JSON.stringify(value)}`);
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new Fault("corrupt", "nft printed something that is not a list");
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw new Fault("corrupt", "nft printed something that is not a name");
}

/** What a table should hold. */
export interface WantedTable {
  /** The mark that says by which rules the fixed part was made. */
  readonly version: string;
  /** The fixed chains and how many rules each has. */
  readonly fixed: ReadonlyMap<string, number>;
  readonly chains: ReadonlyMap<string, readonly string[]>;
  readonly elements: readonly Element[];
  /** Maps that are not compared: the fixed sets and what the kernel writes itself. */
  readonly ignoredMaps: ReadonlySet<string>;
  readonly maps: readonly string[];
}

/** The transaction that mends a table, or "rebuild" when its fixed part is not ours any more. */
export function mend(listing: TableListing, wanted: WantedTable): Transaction | "rebuild" {
  if (!listing.chains.has(wanted.version)) return "rebuild";
  for (const [name, rules] of wanted.fixed) if (listing.chains.get(name) !== rules) return "rebuild";
  if (wanted.maps.some((name) => !listing.maps.has(name))) return "rebuild";

  const transaction = new Transaction();
  for (const [name, rules] of wanted.chains)
    if (listing.chains.get(name) !== rules.length) transaction.define(name, rules);
  const keys = new Map<string, Set<string>>();
  for (const element of wanted.elements) {
    getOrMake(keys, element.map, () => new Set<string>()).add(element.key);
    const there = listing.maps.get(element.map)?.get(element.key);
    if (there === (element.value ?? "")) continue;
    if (there !== undefined) transaction.remove(element);
    transaction.add(element);
  }
  for (const [map, elements] of listing.maps) {
    if (wanted.ignoredMaps.has(map)) continue;
    for (const key of elements.keys()) if (!keys.get(map)?.has(key)) transaction.remove({ map, key });
  }
  for (const name of listing.chains.keys()) {
    if (name !== wanted.version && !wanted.fixed.has(name) && !wanted.chains.has(name)) transaction.drop(name);
  }
  return transaction;
}

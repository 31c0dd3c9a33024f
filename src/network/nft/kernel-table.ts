import { createHash } from "node:crypto";
import { mustRun, type RunCommand } from "../machine/command.ts";
import { mend, parseListing } from "./listing.ts";
import { type Element, Transaction } from "./transaction.ts";

/** One chain that is always there. */
export interface FixedChain {
  readonly name: string;
  readonly hook?: string;
  readonly rules: readonly string[];
}

/** How a map or set is declared. */
export interface Declaration {
  readonly kind: "map" | "set";
  readonly body: string;
}

/** The part of a table that does not depend on what it holds. */
export interface TableShape {
  /** Family and name, e.g. `ip navarch-dev`. */
  readonly name: string;
  readonly declarations: ReadonlyMap<string, Declaration>;
  /** In the order in which they can be declared. */
  readonly chains: readonly FixedChain[];
  /** Maps that are not compared: fixed ones and those that the kernel writes itself. */
  readonly ignored: ReadonlySet<string>;
}

/** The name of an empty chain that says by which options and rules a table was made. Pure. */
export function versionMark({ declarations, chains }: TableShape): string {
  const text = JSON.stringify([[...declarations], chains]);
  return `version-${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;
}

/** The fixed part of a table as one script that replaces what was there. Pure. */
export function skeletonScript(shape: TableShape): string[] {
  const { name: table, declarations, chains } = shape;
  return [
    `add table ${table}`,
    `delete table ${table}`,
    `add table ${table}`,
    ...[...declarations].map(([name, { kind, body }]) => `add ${kind} ${table} ${name} { ${body} }`),
    ...chains.map((chain) => `add chain ${table} ${chain.name}${chain.hook ? ` { ${chain.hook} }` : ""}`),
    `add chain ${table} ${versionMark(shape)}`,
    ...chains.flatMap((chain) => chain.rules.map((rule) => `add rule ${table} ${chain.name} ${rule}`)),
  ];
}

/** What a table holds besides its fixed part. */
export interface TableContent {
  readonly chains: ReadonlyMap<string, readonly string[]>;
  readonly elements: readonly Element[];
}

/** One table in the kernel. Nothing is touched before the first call; a table that an earlier process left is taken over. */
export class KernelTable {
  readonly #run: RunCommand;
  readonly #shape: TableShape;
  #inStep = false;

  constructor(run: RunCommand, shape: TableShape) {
    this.#run = run;
    this.#shape = shape;
  }

  /** False while the kernel may differ from what was committed: `mend` must be called before the next `commit`. */
  get inStep(): boolean {
    return this.#inStep;
  }

  /** Carries out a transaction; the kernel takes it as a whole or, with a Fault, not at all. */
  async commit(transaction: Transaction): Promise<void> {
    if (transaction.size > 0) await this.#load(transaction.script(this.#shape.name));
  }

  /** Brings the table to this content in one step, touching only what differs; says how many entries that were. */
  async mend({ chains, elements }: TableContent): Promise<number> {
    const shape = this.#shape;
    const listed = await this.#run(["nft", "-j", "-n", "list", "table", ...shape.name.split(" ")]);
    const wanted = {
      version: versionMark(shape),
      fixed: new Map(shape.chains.map((chain) => [chain.name, chain.rules.length])),
      chains,
      elements,
      ignoredMaps: shape.ignored,
      maps: [...shape.declarations.keys()],
    };
    const mended = listed.code === 0 ? mend(parseListing(listed.stdout), wanted) : "rebuild";
    let repaired = 0;
    if (mended === "rebuild") {
      const all = new Transaction();
      for (const [name, rules] of chains) all.define(name, rules);
      for (const element of elements) all.add(element);
      await this.#load(`${skeletonScript(shape).join("\n")}\n${all.script(shape.name)}`);
      repaired = elements.length;
    } else if (mended.size > 0) {
      await this.#load(mended.script(shape.name));
      repaired = mended.repairs;
    }
    this.#inStep = true;
    return repaired;
  }

  /** Takes the table away, whether or not it was ever made. */
  async remove(): Promise<void> {
    await mustRun(this.#run, ["nft", "-f", "-"], `add table ${this.#shape.name}\ndelete table ${this.#shape.name}\n`);
  }

  async #load(script: string): Promise<void> {
    try {
      await mustRun(this.#run, ["nft", "-f", "-"], script);
    } catch (error) {
      this.#inStep = false;
      throw error;
    }
  }
}

/** A range as nft prints it: one of a single address is that address. */
export function rangeText(cidr: string): string {
  return cidr.replace(/(?<=\.\d+)\/32$|\/128$/, "");
}

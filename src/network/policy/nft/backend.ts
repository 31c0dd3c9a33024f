import { Fault } from "../../../lib/fault.ts";
import { commandRunner, type RunCommand } from "../../machine/command.ts";
import { KernelTable } from "../../nft/kernel-table.ts";
import { Transaction } from "../../nft/transaction.ts";
import type { PolicyBackend } from "../backend.ts";
import { entryKey, type PolicyChange, type PolicyEntry } from "../entries.ts";
import { type PolicyTableOptions, policyElements, policyTable, spansChain } from "./rules.ts";

/**
 * Network policies in the kernel by nftables: one table of sets and maps, so that a change costs the elements that
 * differ. Nothing is touched before the first `apply`, which takes over a table left by an earlier process.
 */
export function openNftPolicies(options: PolicyTableOptions & { readonly run?: RunCommand }): PolicyBackend {
  return new NftPolicies(options, options.run ?? commandRunner());
}

class NftPolicies implements PolicyBackend {
  readonly #options: PolicyTableOptions;
  readonly #table: KernelTable;
  readonly #entries = new Map<string, PolicyEntry>();
  readonly #chains = new Set<string>();
  #closed = false;

  constructor(options: PolicyTableOptions, run: RunCommand) {
    this.#options = options;
    this.#table = new KernelTable(run, policyTable(options));
  }

  async apply({ add, remove }: PolicyChange): Promise<void> {
    if (this.#closed) throw new Fault("closed", "the table of policies is closed");
    for (const entry of remove) this.#entries.delete(entryKey(entry));
    for (const entry of add) this.#entries.set(entryKey(entry), entry);
    const transaction = new Transaction();
    const elements = (entry: PolicyEntry) => policyElements(entry, this.#options);
    for (const [name, rules] of chainsOf(add)) {
      if (!this.#chains.has(name)) transaction.define(name, rules);
      this.#chains.add(name);
    }
    transaction.replace(remove.flatMap(elements), add.flatMap(elements));
    if (this.#table.inStep) await this.#table.commit(transaction);
    else await this.resync();
  }

  async resync(): Promise<{ readonly repaired: number }> {
    if (this.#closed) throw new Fault("closed", "the table of policies is closed");
    const elements = [...this.#entries.values()].flatMap((entry) => policyElements(entry, this.#options));
    const chains = chainsOf(this.#entries.values());
    const repaired = await this.#table.mend({ chains, elements });
    this.#chains.clear();
    for (const name of chains.keys()) this.#chains.add(name);
    return { repaired };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#table.remove();
  }
}

function chainsOf(entries: Iterable<PolicyEntry>): ReadonlyMap<string, readonly string[]> {
  const chains = new Map<string, readonly string[]>();
  for (const entry of entries) {
    const chain = spansChain(entry);
    if (chain) chains.set(chain.name, chain.rules);
  }
  return chains;
}

import { Fault } from "../../../lib/fault.ts";
import { commandRunner, mustRun, type RunCommand } from "../../machine/command.ts";
import { KernelTable, type TableContent } from "../../nft/kernel-table.ts";
import { parseListing } from "../../nft/listing.ts";
import { type Element, Transaction } from "../../nft/transaction.ts";
import type { ProxyBackend } from "../backend.ts";
import { doorKey, type Front, type HostPort, hostPortKey, type ProxyChange } from "../front.ts";
import { affinityLeftovers, renumbered } from "./affinity.ts";
import type { RulesetOptions } from "./chains.ts";
import { noSlots, ownTargets, type Rendered, renderFront, renderHostPort, renderSelf, type Slots } from "./elements.ts";
import { forgetStaleFlows, touchedDoors } from "./flows.ts";
import { proxyTable, slotMemories } from "./skeleton.ts";

export interface NftProxyOptions extends Omit<RulesetOptions, "masqueradeMark"> {
  readonly masqueradeMark?: number;
  /** The pod ranges of this node alone; only its pods can reach themselves through a service. */
  readonly localPodRanges?: readonly string[];
  /** How programs are run, e.g. within a network namespace. */
  readonly run?: RunCommand;
}

interface Installed {
  readonly front: Front;
  readonly rendered: Rendered;
  readonly selves: readonly string[];
}

/**
 * The service proxy in the kernel by nftables. One table; maps hold the services, so that a change costs the elements
 * that differ. Nothing is touched before the first `apply`, which takes over a table left by an earlier process.
 */
export function openNftProxy(options: NftProxyOptions): ProxyBackend {
  return new NftProxy(options);
}

class NftProxy implements ProxyBackend {
  readonly #options: RulesetOptions;
  readonly #localPodRanges: readonly string[] | undefined;
  readonly #run: RunCommand;
  readonly #table: KernelTable;
  readonly #tableName: string;
  readonly #installed = new Map<string, Installed>();
  readonly #hostPorts = new Map<string, HostPort>();
  readonly #chains = new Map<string, readonly string[]>();
  readonly #selves = new Map<string, number>();
  #closed = false;

  constructor({ masqueradeMark = 0x4000, localPodRanges, run = commandRunner(), ...options }: NftProxyOptions) {
    this.#options = { ...options, masqueradeMark };
    this.#localPodRanges = localPodRanges;
    this.#run = run;
    const shape = proxyTable(this.#options);
    this.#table = new KernelTable(run, shape);
    this.#tableName = shape.name;
  }

  async apply(change: ProxyChange): Promise<void> {
    if (this.#closed) throw new Fault("closed", "the proxy's table is closed");
    const transaction = new Transaction();
    /** Pods whose count changed, and whether they had an entry before. */
    const touched = new Map<string, boolean>();
    const fronts = [
      ...change.remove.map((key) => this.#replace(key, undefined, transaction, touched)),
      ...change.put.map((front) => this.#replace(doorKey(front.door), front, transaction, touched)),
    ];
    const hostPorts = [
      ...change.removeHostPorts.map((key) => this.#replaceHostPort(key, undefined, transaction, touched)),
      ...change.putHostPorts.map((port) => this.#replaceHostPort(hostPortKey(port), port, transaction, touched)),
    ];
    for (const [ip, had] of touched) {
      const has = this.#selves.has(ip);
      if (has && !had) transaction.add(renderSelf(ip));
      if (had && !has) transaction.remove(renderSelf(ip));
    }
    if (this.#table.inStep) await this.#table.commit(transaction);
    else await this.resync();
    const sticky = fronts.filter(({ before }) => before?.affinitySeconds);
    if (sticky.length > 0) await (this.#options.family === "IPv4" ? this.#forgetAffinity() : this.#renumber(sticky));
    await forgetStaleFlows(this.#run, touchedDoors(fronts, hostPorts), this.#options.family);
  }

  async resync(): Promise<{ readonly repaired: number }> {
    if (this.#closed) throw new Fault("closed", "the proxy's table is closed");
    const content = this.#content();
    const repaired = await this.#table.mend(content);
    this.#chains.clear();
    for (const [name, rules] of content.chains) this.#chains.set(name, rules);
    return { repaired };
  }

  wanted() {
    const fronts = new Map([...this.#installed].map(([key, { front }]) => [key, front]));
    return { fronts, hostPorts: new Map(this.#hostPorts) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#table.remove();
  }

  #replace(key: string, front: Front | undefined, transaction: Transaction, touched: Map<string, boolean>) {
    const old = this.#installed.get(key);
    if (front) {
      const rendered = renderFront(front, old?.rendered.slots ?? noSlots, this.#options);
      const selves = ownTargets(
        [...front.targets, ...(front.localOnly ?? [])],
        this.#localPodRanges,
        this.#options.family,
      );
      for (const [name, rules] of rendered.chains) {
        if (this.#chains.has(name)) continue;
        this.#chains.set(name, rules);
        transaction.define(name, rules);
      }
      transaction.replace(old?.rendered.elements ?? [], rendered.elements);
      this.#countSelves(selves, old?.selves ?? [], touched);
      this.#installed.set(key, { front, rendered, selves });
    } else if (old) {
      transaction.replace(old.rendered.elements, []);
      this.#countSelves([], old.selves, touched);
      this.#installed.delete(key);
    }
    const slots = {
      before: old?.rendered.slots ?? noSlots,
      after: this.#installed.get(key)?.rendered.slots ?? noSlots,
    };
    return { before: old?.front, after: front, slots };
  }

  #replaceHostPort(key: string, port: HostPort | undefined, transaction: Transaction, touched: Map<string, boolean>) {
    const before = this.#hostPorts.get(key);
    transaction.replace(before ? [renderHostPort(before)] : [], port ? [renderHostPort(port)] : []);
    this.#countSelves(port ? [port.target.ip] : [], before ? [before.target.ip] : [], touched);
    if (port) this.#hostPorts.set(key, port);
    else this.#hostPorts.delete(key);
    return { before, after: port };
  }

  /** Counts the doors through which a pod can reach itself; its entry stays while there is one. */
  #countSelves(added: readonly string[], removed: readonly string[], touched: Map<string, boolean>): void {
    const count = (ip: string, by: number) => {
      const before = this.#selves.get(ip) ?? 0;
      if (!touched.has(ip)) touched.set(ip, before > 0);
      if (before + by > 0) this.#selves.set(ip, before + by);
      else this.#selves.delete(ip);
    };
    for (const ip of added) count(ip, 1);
    for (const ip of removed) count(ip, -1);
  }

  #content(): TableContent {
    const chains = new Map<string, readonly string[]>();
    const elements: Element[] = [];
    for (const { rendered } of this.#installed.values()) {
      for (const [name, rules] of rendered.chains) chains.set(name, rules);
      elements.push(...rendered.elements);
    }
    for (const port of this.#hostPorts.values()) elements.push(renderHostPort(port));
    for (const ip of this.#selves.keys()) elements.push(renderSelf(ip));
    return { chains, elements };
  }

  /** Remembered slots follow the targets that stand there. */
  async #renumber(
    fronts: readonly { readonly before: Front | undefined; readonly slots: Record<"before" | "after", Slots> }[],
  ): Promise<void> {
    for (const set of slotMemories) {
      const of = (slots: Slots) => (set === "remembered" ? slots.targets : slots.localTargets);
      const changes = fronts.flatMap(({ before: front, slots: { before, after } }) =>
        front ? { front, before: of(before), after: of(after) } : [],
      );
      await this.#change(set, "set", (listed) => renumbered(listed.keys(), changes));
    }
  }

  /** Forgets which client got which target where the target is gone; the kernel writes these entries itself. */
  #forgetAffinity(): Promise<void> {
    return this.#change("affinity", "map", (listed) => ({
      forget: affinityLeftovers(listed, (key) => this.#installed.get(key)?.front),
      note: [],
    }));
  }

  /** Changes what the kernel has written into a map or set itself. */
  async #change(
    name: string,
    kind: "map" | "set",
    decide: (listed: ReadonlyMap<string, string>) => ReturnType<typeof renumbered>,
  ): Promise<void> {
    // An entry may expire between looking and deleting, which fails the whole deletion: look again.
    for (let attempt = 0; ; attempt++) {
      const json = await mustRun(this.#run, ["nft", "-j", "-n", "list", kind, ...this.#tableName.split(" "), name]);
      const { forget, note } = decide(parseListing(json).maps.get(name) ?? new Map());
      if (forget.length === 0) return;
      const lines = [`delete element ${this.#tableName} ${name} { ${forget.join(", ")} }`];
      if (note.length > 0) lines.push(`add element ${this.#tableName} ${name} { ${note.join(", ")} }`);
      const result = await this.#run(["nft", "-f", "-"], `${lines.join("\n")}\n`);
      if (result.code === 0) return;
      if (attempt === 4) throw new Fault("internal", `nft: ${result.stderr.trim()}`);
    }
  }
}

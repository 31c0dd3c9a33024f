import { Fault } from "../../lib/fault.ts";
import type { Random } from "../../lib/random.ts";
import type { ProxyBackend } from "./backend.ts";
import { type Approach, type DecisionContext, decide, seenAsNode } from "./decide.ts";
import { doorKey, type Front, type HostPort, hostPortKey, type ProxyChange, type Target, targetKey } from "./front.ts";

export interface ModelProxyOptions extends Pick<DecisionContext, "podRanges" | "serviceRanges" | "nodeAddresses"> {
  readonly random: Random;
  /** Milliseconds; affinity wears off by it. */
  readonly now: () => number;
}

/** How a connection ended in the model. */
export type Outcome =
  | { readonly kind: "answered"; readonly by: Target; readonly seenAsNode: boolean }
  | { readonly kind: "refused" | "dropped" | "passed" };

const endings = { refuse: "refused", drop: "dropped", pass: "passed" } as const;

/** A service proxy without a kernel, for simulated nodes: it decides as the kernel would and can be asked. */
export class ModelProxy implements ProxyBackend {
  readonly #options: ModelProxyOptions;
  readonly #fronts = new Map<string, Front>();
  readonly #hostPorts = new Map<string, HostPort>();
  readonly #affinity = new Map<string, { readonly target: Target; readonly until: number }>();
  #closed = false;

  constructor(options: ModelProxyOptions) {
    this.#options = options;
  }

  async apply(change: ProxyChange): Promise<void> {
    if (this.#closed) throw new Fault("closed", "the model proxy is closed");
    for (const key of change.remove) this.#fronts.delete(key);
    for (const front of change.put) this.#fronts.set(doorKey(front.door), front);
    for (const key of change.removeHostPorts) this.#hostPorts.delete(key);
    for (const port of change.putHostPorts) this.#hostPorts.set(hostPortKey(port), port);
  }

  async resync(): Promise<{ readonly repaired: number }> {
    if (this.#closed) throw new Fault("closed", "the model proxy is closed");
    return { repaired: 0 };
  }

  wanted() {
    return { fronts: this.#fronts, hostPorts: this.#hostPorts };
  }

  /** What becomes of a new connection. */
  connect(approach: Approach): Outcome {
    const verdict = decide(approach, { ...this.#options, fronts: this.#fronts, hostPorts: this.#hostPorts });
    if (verdict.kind !== "forward") return { kind: endings[verdict.kind] };
    const { candidates } = verdict;
    const seconds = this.#affinityOf(approach);
    const client = `${approach.source} ${approach.destination}/${approach.protocol}/${approach.port}`;
    const remembered = seconds ? this.#affinity.get(client) : undefined;
    const again =
      remembered && remembered.until > this.#options.now()
        ? candidates.find((candidate) => targetKey(candidate) === targetKey(remembered.target))
        : undefined;
    const by = again ?? candidates[Math.floor(this.#options.random.next() * candidates.length)]!;
    if (seconds) this.#affinity.set(client, { target: by, until: this.#options.now() + seconds * 1000 });
    return { kind: "answered", by, seenAsNode: seenAsNode(verdict, approach.source, by) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#fronts.clear();
    this.#hostPorts.clear();
    this.#affinity.clear();
  }

  #affinityOf({ destination, protocol, port }: Approach): number | undefined {
    const front =
      this.#fronts.get(doorKey({ kind: "address", address: destination, protocol, port })) ??
      this.#fronts.get(doorKey({ kind: "nodePort", protocol, port }));
    return front?.affinitySeconds;
  }
}

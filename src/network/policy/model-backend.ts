import { Fault } from "../../lib/fault.ts";
import type { PolicyBackend } from "./backend.ts";
import { entryKey, type PolicyChange, type PolicyEntry } from "./entries.ts";
import { type Judgement, judge, type Passing } from "./judge.ts";

/** Network policies without a kernel, for simulated nodes and for asking why: it decides as the kernel would. */
export class ModelPolicies implements PolicyBackend {
  readonly #localRanges: readonly string[];
  readonly #entries = new Map<string, PolicyEntry>();
  #closed = false;

  constructor(options: { readonly localPodRanges: readonly string[] }) {
    this.#localRanges = options.localPodRanges;
  }

  async apply(change: PolicyChange): Promise<void> {
    if (this.#closed) throw new Fault("closed", "the model of policies is closed");
    for (const entry of change.remove) this.#entries.delete(entryKey(entry));
    for (const entry of change.add) this.#entries.set(entryKey(entry), entry);
  }

  async resync(): Promise<{ readonly repaired: number }> {
    if (this.#closed) throw new Fault("closed", "the model of policies is closed");
    return { repaired: 0 };
  }

  /** What becomes of a new connection. */
  judge(passing: Passing): Judgement {
    return judge(passing, this.#entries.values(), this.#localRanges);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#entries.clear();
  }
}

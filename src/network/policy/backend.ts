import type { PolicyChange } from "./entries.ts";

/** What a kernel (or a model of one) does for network policies. One instance per node and IP family. */
export interface PolicyBackend {
  /**
   * Adds and removes entries in one atomic step: a new connection is judged by all of it or nothing. Connections that
   * were let through before stay. Calls must not overlap. Rejects (Fault) if nothing was changed; the state wanted is
   * then remembered and `resync` brings it about.
   */
  apply(change: PolicyChange): Promise<void>;
  /** Compares what is there with what should be and mends it; says how many entries it had to touch. */
  resync(): Promise<{ readonly repaired: number }>;
  /** Removes everything it made: what was isolated is open again. */
  [Symbol.asyncDispose](): Promise<void>;
}

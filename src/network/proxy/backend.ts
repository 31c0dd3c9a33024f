import type { Front, HostPort, ProxyChange } from "./front.ts";

/** What a kernel (or a model of one) does for the service proxy. One instance per node and IP family. */
export interface ProxyBackend {
  /**
   * Puts and removes fronts and host ports in one atomic step: a new connection sees all of it or nothing, and no
   * connection is refused because of it. Established connections are never cut. When it resolves, no new connection
   * goes to a target that the change took away. Calls must not overlap. Rejects (Fault) if nothing was changed; the
   * state wanted is then remembered and `resync` brings it about.
   */
  apply(change: ProxyChange): Promise<void>;
  /** Compares what is there with what should be and mends it; says how many entries it had to touch. */
  resync(): Promise<{ readonly repaired: number }>;
  /** The fronts and host ports wanted, by key. */
  wanted(): { readonly fronts: ReadonlyMap<string, Front>; readonly hostPorts: ReadonlyMap<string, HostPort> };
  /** Removes everything it made and ends its helpers. */
  [Symbol.asyncDispose](): Promise<void>;
}

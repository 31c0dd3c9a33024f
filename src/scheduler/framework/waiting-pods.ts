import type { Clock } from "../../lib/clock.ts";
import type { Rejection } from "./plugin.ts";

/** Pods that are placed but held before they are bound, until everybody who holds them lets go or one rejects. */
export class WaitingPods {
  readonly #clock: Clock;
  readonly #held = new Map<string, { readonly holders: Set<string>; readonly end: (rejection?: Rejection) => void }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get uids(): readonly string[] {
    return [...this.#held.keys()];
  }

  /** Resolves with nothing once all holders allow it, or with a rejection: by one of them, or when time is up. */
  wait(
    uid: string,
    holds: ReadonlyMap<string, number>,
  ): Promise<{ readonly plugin: string; readonly rejection: Rejection } | undefined> {
    return new Promise((resolve) => {
      const timers: Disposable[] = [];
      const finish = (plugin: string, rejection: Rejection | undefined) => {
        if (this.#held.get(uid)?.end !== end) return;
        this.#held.delete(uid);
        for (const timer of timers) timer[Symbol.dispose]();
        resolve(rejection && { plugin, rejection });
      };
      const [first = ""] = holds.keys();
      const end = (rejection?: Rejection) => finish(first, rejection);
      this.#held.set(uid, { holders: new Set(holds.keys()), end });
      for (const [plugin, ms] of holds) {
        const timedOut = () =>
          finish(plugin, {
            reasons: [`pod "${uid}" rejected due to timeout after waiting ${ms / 1000}s at plugin ${plugin}`],
            preemptionHelps: false,
          });
        timers.push(this.#clock.after(ms, timedOut));
      }
    });
  }

  /** One holder lets go; the last one frees the pod. */
  allow(uid: string, plugin: string): void {
    const held = this.#held.get(uid);
    held?.holders.delete(plugin);
    if (held?.holders.size === 0) held.end();
  }

  reject(uid: string, rejection: Rejection): void {
    this.#held.get(uid)?.end(rejection);
  }

  /** Nobody waits any longer. */
  rejectAll(rejection: Rejection): void {
    for (const { end } of [...this.#held.values()]) end(rejection);
  }
}

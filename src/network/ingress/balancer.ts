import type { Clock } from "../../lib/clock.ts";
import { type Target, targetKey } from "../proxy/front.ts";
import type { Backend } from "./routing-table.ts";

/** How long, in ms, an endpoint that could not be reached is tried last. */
const avoidFor = 2000;

/** In which order a back end's endpoints are tried: each is first in its turn, those that were unreachable just now come last. */
export class Balancer {
  readonly #clock: Clock;
  readonly #turns = new Map<string, number>();
  readonly #avoided = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  order({ key, endpoints }: Backend): readonly Target[] {
    if (endpoints.length < 2) return endpoints;
    const turn = this.#turns.get(key) ?? 0;
    this.#turns.set(key, (turn + 1) % 1_000_000_007);
    const start = turn % endpoints.length;
    const rotated = [...endpoints.slice(start), ...endpoints.slice(0, start)];
    if (this.#avoided.size === 0) return rotated;
    const now = this.#clock.monotonic();
    const avoided = (target: Target) => (this.#avoided.get(targetKey(target)) ?? 0) > now;
    return [...rotated.filter((target) => !avoided(target)), ...rotated.filter(avoided)];
  }

  /** To be told when no connection to an endpoint came about. */
  unreachable(target: Target): void {
    this.#avoided.set(targetKey(target), this.#clock.monotonic() + avoidFor);
  }

  reached(target: Target): void {
    if (this.#avoided.size > 0) this.#avoided.delete(targetKey(target));
  }

  /** Forgets what is not among these. */
  keep(backends: ReadonlySet<string>, endpoints: ReadonlySet<string>): void {
    for (const key of this.#turns.keys()) if (!backends.has(key)) this.#turns.delete(key);
    for (const key of this.#avoided.keys()) if (!endpoints.has(key)) this.#avoided.delete(key);
  }
}

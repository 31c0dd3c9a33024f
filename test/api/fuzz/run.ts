import { systemClock } from "../../../src/lib/clock.ts";
import { Dice } from "./random-values.ts";
import type { Target } from "./targets.ts";

/** Runs a target for so long; throws an error that names the seed and the round when it found something. */
export function fuzz(name: string, target: Target, options: { readonly seed: number; readonly ms: number }): number {
  const deadline = systemClock.monotonic() + options.ms;
  const prototype = Object.getOwnPropertyNames(Object.prototype).length;
  let round = 0;
  while (systemClock.monotonic() < deadline) {
    replay(name, target, options.seed, round);
    if (Object.getOwnPropertyNames(Object.prototype).length !== prototype) {
      throw new Error(`${name}: seed ${options.seed}, round ${round} changed the prototype of all objects`);
    }
    round += 1;
  }
  return round;
}

/** Runs one round again. */
export function replay(name: string, target: Target, seed: number, round: number): void {
  try {
    target(new Dice(seed, round));
  } catch (error) {
    throw new Error(`${name}: seed ${seed}, round ${round}: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}

import { setTimeout as sleep } from "node:timers/promises";
import { errorMessage } from "../../../src/lib/fault.ts";

export interface Patience {
  /** Milliseconds until it is given up. */
  readonly within?: number;
  /** Milliseconds between two looks. */
  readonly every?: number;
}

/** Thrown by a look that can never succeed any more: waiting ends at once. */
export class Hopeless extends Error {}

/** Looks again and again until `look` neither throws nor returns false; fails with the last thing that it saw. */
export async function eventually<T>(
  sentence: string,
  look: () => T | Promise<T>,
  { within = 60_000, every = 150 }: Patience = {},
): Promise<Exclude<T, false>> {
  const deadline = performance.now() + within;
  let seen = "nothing yet";
  for (;;) {
    try {
      const value = await look();
      if (value !== false) return value as Exclude<T, false>;
      seen = "it is not so";
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      seen = errorMessage(error);
    }
    if (performance.now() > deadline) throw new Error(`not within ${within / 1000} s: ${sentence}\nlast seen: ${seen}`);
    await sleep(every);
  }
}

/** Looks for a while and fails as soon as `look` throws or returns false: what must stay so. */
export async function throughout(
  sentence: string,
  look: () => unknown,
  { within = 3_000, every = 150 }: Patience = {},
): Promise<void> {
  const deadline = performance.now() + within;
  while (performance.now() < deadline) {
    if ((await look()) === false) throw new Error(`it did not stay so: ${sentence}`);
    await sleep(every);
  }
}

import { systemClock } from "../../../src/lib/clock.ts";
import { Fault } from "../../../src/lib/fault.ts";

/** Asks again and again until there is an answer; throws Fault `timeout` when there is none for long. */
export async function until<T>(what: string, ask: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = systemClock.monotonic() + 15_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (systemClock.monotonic() > deadline) throw new Fault("timeout", `waited in vain: ${what}`);
    await systemClock.sleep(20);
  }
}

import { backoffDelay } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import { errorMessage } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { ContainerRuntime } from "./runtime/runtime.ts";

const retry = { base: 100, factor: 2, max: 10_000 };

/**
 * Calls back with the pod of every event of the runtime, until aborted. A stream that breaks or ends is begun anew, which tells of
 * everything that is there.
 */
export async function followRuntime(
  { runtime, clock, log }: { readonly runtime: ContainerRuntime; readonly clock: Clock; readonly log: Log },
  changed: (podUid: string) => void,
  signal: AbortSignal,
): Promise<void> {
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      for await (const event of runtime.events(signal)) {
        failures = 0;
        changed(event.podUid);
      }
    } catch (error) {
      if (!signal.aborted) log.error(`the runtime's events ended: ${errorMessage(error)}`, { error });
    }
    await clock.sleep(backoffDelay(retry, failures + 1), signal).catch(() => {});
  }
}

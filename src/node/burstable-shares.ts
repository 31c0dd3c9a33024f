import { errorMessage } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { cpuSharesOf } from "./runtime/cgroup-math.ts";
import type { Cgroups } from "./runtime/cgroups.ts";

/**
 * Keeps the CPU shares of all burstable pods together at what they asked for, against guaranteed pods and the system (as upstream).
 * Calling the result looks again; calls while a write is under way become one.
 */
export function burstableShares(
  cgroups: Pick<Cgroups, "updateQos">,
  requestedMilliCpu: () => number,
  log: Log,
): () => void {
  let told: number | undefined;
  let writing = false;
  const write = async () => {
    writing = true;
    for (let shares = cpuSharesOf(requestedMilliCpu()); shares !== told; shares = cpuSharesOf(requestedMilliCpu())) {
      try {
        await cgroups.updateQos("Burstable", { cpuShares: shares });
      } catch (error) {
        log.warn(`CPU shares of burstable pods: ${errorMessage(error)}`);
      }
      told = shares;
    }
    writing = false;
  };
  return () => {
    if (!writing) void write();
  };
}

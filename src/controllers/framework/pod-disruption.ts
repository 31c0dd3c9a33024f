import { Pod } from "../../api/core/pod.ts";
import { isPodTerminal } from "../../api/core/pod-state.ts";
import type { Client } from "../../client/client.ts";
import { keyOf } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { timeOf } from "../../machinery/times.ts";

export interface Disruption {
  readonly reason: string;
  readonly message: string;
  /** Nobody is left to end the pod: it goes at once, and counts as failed if it had not ended. */
  readonly force?: boolean;
}

/** Deletes a pod after writing down why (condition DisruptionTarget). One that is gone already is no error. */
export async function evictPod(client: Client, pod: Pod, now: number, disruption: Disruption): Promise<void> {
  const { uid } = pod.metadata;
  const { reason, message, force } = disruption;
  const condition = { type: "DisruptionTarget", status: "True", reason, message, lastTransitionTime: timeOf(now) };
  const phase = force && !isPodTerminal(pod) ? { phase: "Failed" } : {};
  const body = { metadata: { uid }, status: { ...phase, conditions: [condition] } };
  try {
    if (!isPodTerminal(pod))
      await client.patch(Pod, keyOf(pod), { type: "strategic", body }, { subresource: "status" });
    await client.delete(Pod, keyOf(pod), { preconditions: { uid }, ...(force ? { gracePeriodSeconds: 0 } : {}) });
  } catch (error) {
    if (!isStatus(error, "NotFound", "Conflict")) throw error;
  }
}

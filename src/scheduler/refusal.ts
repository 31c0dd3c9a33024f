import { Pod } from "../api/core/pod.ts";
import type { PodCondition } from "../api/generated/core-v1.ts";
import type { Client } from "../client/client.ts";
import type { EventRecorder } from "../client/event-recorder.ts";
import type { Clock } from "../lib/clock.ts";
import { errorMessage } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { keyOf, keyText } from "../machinery/object.ts";
import { isStatus } from "../machinery/status-error.ts";
import { timeOf } from "../machinery/times.ts";

export interface RefusalTools {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EventRecorder;
}

/** What a pod that fits nowhere is told. `nominated`: the node it waits for, "" to give one up, undefined to leave it. */
export interface Refused {
  readonly reason: "Unschedulable" | "SchedulerError";
  readonly message: string;
  readonly nominated?: string;
}

/** Writes into a pod's status why it is not scheduled, where that is news. */
export async function noteRefusal(
  pod: Pod,
  { reason, message, nominated }: Refused,
  { client, clock, log }: RefusalTools,
): Promise<void> {
  const known = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
  const told = known?.status === "False" && known.reason === reason && known.message === message;
  const moved = nominated !== undefined && nominated !== (pod.status?.nominatedNodeName ?? "");
  if (told && !moved) return;
  const condition: PodCondition = {
    type: "PodScheduled",
    status: "False",
    reason,
    message,
    lastTransitionTime: (known?.status === "False" && known.lastTransitionTime) || timeOf(clock.now()),
  };
  const status = {
    conditions: [condition],
    ...(moved ? { nominatedNodeName: nominated === "" ? null : nominated } : {}),
  };
  try {
    const body = { metadata: { uid: pod.metadata.uid }, status };
    await client.patch(Pod, keyOf(pod), { type: "strategic", body }, { subresource: "status" });
  } catch (error) {
    if (isStatus(error, "NotFound", "Conflict")) return;
    log.warn(`cannot note that pod ${keyText(keyOf(pod))} fits nowhere: ${errorMessage(error)}`);
  }
}

/** Takes back a promise that a node will be freed for a pod. */
export async function giveUpNomination(pod: Pod, { client, log }: RefusalTools): Promise<void> {
  if (!pod.status?.nominatedNodeName) return;
  try {
    const body = { metadata: { uid: pod.metadata.uid }, status: { nominatedNodeName: null } };
    await client.patch(Pod, keyOf(pod), { type: "strategic", body }, { subresource: "status" });
  } catch (error) {
    if (isStatus(error, "NotFound", "Conflict")) return;
    log.warn(`cannot take back the nomination of pod ${keyText(keyOf(pod))}: ${errorMessage(error)}`);
  }
}

/** Tells a pod to go, with its grace period, in favour of another; false when it could not be told. */
export async function evict(
  victim: Pod,
  preemptor: Pod,
  node: string,
  scheduler: string,
  { client, clock, events, log }: RefusalTools,
): Promise<boolean> {
  // One that goes already needs no second push.
  if (victim.metadata.deletionTimestamp) return true;
  const condition: PodCondition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "PreemptionByScheduler",
    message: `${scheduler}: preempting to accommodate a higher priority pod`,
    lastTransitionTime: timeOf(clock.now()),
  };
  const { uid } = victim.metadata;
  try {
    const body = { metadata: { uid }, status: { conditions: [condition] } };
    await client.patch(Pod, keyOf(victim), { type: "strategic", body }, { subresource: "status" });
    await client.delete(Pod, keyOf(victim), { preconditions: { uid } });
    const text = `Preempted by pod ${preemptor.metadata.uid} on node ${node}`;
    events.record(victim, "Normal", "Preempted", text);
    return true;
  } catch (error) {
    if (!isStatus(error, "NotFound", "Conflict")) {
      log.warn(`cannot preempt pod ${keyText(keyOf(victim))}: ${errorMessage(error)}`);
    }
    return false;
  }
}

import type { Node, Pod } from "../../api/generated/core-v1.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import { isCritical } from "../eviction/usage.ts";
import { type NodeRoom, type Refusal, refusalFor, type Shortage } from "../pods/node-room.ts";
import type { Finished } from "../pods/status.ts";
import { refusedProfile } from "./app-armor.ts";
import { mismatches, unfit } from "./predicates.ts";
import { refusedSysctl } from "./sysctls.ts";
import { victimsFor } from "./victims.ts";

export interface AdmissionOptions {
  readonly room: NodeRoom;
  /** The node as it was last heard of; undefined while nobody knows it. */
  readonly node: () => Node | undefined;
  /** The node as the API has it now. */
  readonly readNode: () => Promise<Node>;
  /** Sysctls that pods may have though they are not safe. */
  readonly unsafeSysctls: readonly string[];
  /** Pods can be confined by AppArmor. */
  readonly appArmor: boolean;
  /** Why a pod must not begin while the machine is short of something, or goes down. */
  readonly refusals: readonly ((pod: Pod) => Refusal | undefined)[];
  /** Ends a pod; resolves when nothing of it runs any more, or after `ms` in any case. */
  readonly end: (pod: Pod, sentence: Finished, ms: number) => Promise<void>;
  readonly events: EventRecorder;
  /** Is told of each pod that ended for another, with what was short. */
  readonly onPreempted: (resource: string) => void;
}

const preempted: Finished = {
  phase: "Failed",
  reason: "Preempting",
  message: "Preempted in order to admit critical pod",
  condition: {
    type: "DisruptionTarget",
    status: "True",
    reason: "TerminationByKubelet",
    message: "Pod was preempted by Kubelet to accommodate a critical pod.",
  },
};

/**
 * Decides which of the pods that are bound to this node may begin (Kubernetes documentation: node-pressure eviction, guaranteed
 * scheduling for critical add-on pods), in the order, and with the reasons and words, of upstream.
 */
export class PodAdmission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Takes a pod that has not begun into the node's room, or says why it must not begin. A critical pod that lacks room has
   * others ended for it; waiting for them ends early with the signal. Where nothing must be waited for, the room is taken
   * before this returns.
   */
  async admit(pod: Pod, signal: AbortSignal): Promise<Refusal | undefined> {
    const { room, node, refusals, unsafeSysctls, appArmor } = this.#options;
    for (const refuse of refusals) {
      const refusal = refuse(pod);
      if (refusal) return refusal;
    }
    const refused = refusedSysctl(pod, unsafeSysctls) ?? refusedProfile(pod, appArmor) ?? unfit(pod, node());
    if (refused) return refused;
    const wrong = this.#mismatches(pod, node());
    const stale = wrong.length > 0 && wrong.every(({ reason }) => reason === "NodeAffinity");
    // The scheduler may have seen labels that the node has only just been given.
    const still = stale ? this.#mismatches(pod, await this.#options.readNode().catch(node)) : wrong;
    const shortages = room.shortages(pod);
    const [short] = shortages;
    if (short && isCritical(pod) && still.length === 0) return await this.#makeRoom(pod, shortages, signal);
    // Room is made for a critical pod once nothing else is in its way: that is told first.
    const refusal = short && !isCritical(pod) ? refusalFor(short) : still[0];
    if (!refusal) room.take(pod);
    return refusal;
  }

  #mismatches(pod: Pod, node: Node | undefined): readonly Refusal[] {
    if (!node) return [{ reason: "InvalidNodeInfo", message: "Kubelet cannot get node info." }];
    return mismatches(pod, node, this.#options.room.pods);
  }

  async #makeRoom(pod: Pod, shortages: readonly Shortage[], signal: AbortSignal): Promise<Refusal | undefined> {
    const { room, end, events, onPreempted } = this.#options;
    const victims = victimsFor(pod, room.pods, shortages);
    if (!victims) {
      const list = shortages.map(
        ({ resource, requested, used, capacity }) => `(res: ${resource}, q: ${requested - (capacity - used)}), `,
      );
      const why = `no set of running pods found to reclaim resources: [${list.join("")}]`;
      const message = `preemption: error finding a set of pods to preempt: ${why}`;
      return {
        reason: "UnexpectedAdmissionError",
        message: `Unexpected error while attempting to recover from admission failure: ${message}`,
      };
    }
    // Taken at once, or somebody else would have what is about to be free.
    room.take(pod);
    for (const victim of victims) {
      events.record(victim, "Warning", "Preempting", preempted.message ?? "");
      onPreempted(shortages[0]?.resource ?? "");
    }
    const { promise: givenUp, resolve } = Promise.withResolvers<void>();
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
    await Promise.race([givenUp, Promise.all(victims.map((victim) => end(victim, preempted, patienceFor(victim))))]);
    return undefined;
  }
}

/** How long others wait for a pod's end, in ms: longer than its own grace, in case that it does not end by itself. */
function patienceFor({ spec }: Pod): number {
  return Math.max(10, (spec.terminationGracePeriodSeconds ?? 30) * 1.5) * 1000;
}

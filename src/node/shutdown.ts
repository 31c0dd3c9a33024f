import type { Pod } from "../api/core/pod.ts";
import { isPodTerminal } from "../api/core/pod-state.ts";
import { criticalPriority } from "./eviction/usage.ts";
import type { Finished } from "./pods/status.ts";

/** How long a node that goes down waits for its pods, and how much of that is for critical ones; ms. */
export interface ShutdownTimes {
  readonly all: number;
  readonly critical: number;
}

export interface ShutdownPhase {
  readonly pods: readonly Pod[];
  /** Ms after which the next phase begins in any case. */
  readonly within: number;
}

/** Who ends first when the node goes down: pods by priority, those that the system needs last (KEP-2000). Pure. */
export function shutdownPhases(pods: readonly Pod[], { all, critical }: ShutdownTimes): readonly ShutdownPhase[] {
  const active = pods.filter((pod) => !isPodTerminal(pod));
  const [needed = [], others = []] = [true, false].map((wanted) =>
    active.filter(({ spec }) => (spec.priority ?? 0) >= criticalPriority === wanted),
  );
  return [
    { pods: others, within: all - critical },
    { pods: needed, within: critical },
  ].filter((phase) => phase.pods.length > 0);
}

/** How a pod ends with its node; it gets no more time than its phase has, and no more than it asked for. */
export function endedByShutdown({ spec }: Pod, within: number): Finished {
  const message = "Pod was terminated in response to imminent node shutdown.";
  return {
    phase: "Failed",
    reason: "Terminated",
    message,
    graceSeconds: Math.min(spec.terminationGracePeriodSeconds ?? 30, within / 1000),
    condition: { type: "DisruptionTarget", status: "True", reason: "TerminationByKubelet", message },
  };
}

import { isSidecar } from "../../api/core/pod-state.ts";
import type { ContainerStatus, Pod, PodCondition, PodConditionType } from "../../api/generated/core-v1.ts";
import { timeOf } from "../../machinery/times.ts";

export interface ConditionsInput {
  readonly pod: Pod;
  readonly phase: string;
  readonly containers: readonly ContainerStatus[];
  readonly inits: readonly ContainerStatus[];
  /** The pod's sandbox is ready and has an address. */
  readonly hasNetwork: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** More that the node has to tell. */
  readonly extra: readonly ConditionNews[];
}

/** A condition without its times. */
export type ConditionNews = Pick<PodCondition, "type" | "status" | "reason" | "message" | "observedGeneration">;

interface Verdict {
  readonly holds: boolean;
  readonly reason?: string;
  readonly message?: string;
}

const own: readonly string[] = [
  "PodReadyToStartContainers",
  "Initialized",
  "Ready",
  "ContainersReady",
  "PodScheduled",
  "PodResizePending",
  "PodResizeInProgress",
];

/** The conditions that the node answers for, and those of others as they are (Kubernetes documentation: pod conditions). */
export function conditionsOf(input: ConditionsInput): readonly PodCondition[] {
  const { pod, now, hasNetwork } = input;
  const known = pod.status?.conditions ?? [];
  const { generation } = pod.metadata;
  const make = (type: PodConditionType, { holds, reason, message }: Verdict): PodCondition => {
    const previous = known.find((condition) => condition.type === type);
    const status = holds ? "True" : "False";
    const since = previous?.status === status ? previous.lastTransitionTime : undefined;
    return {
      type,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      status,
      lastTransitionTime: since ?? timeOf(now),
      ...(reason ? { reason } : {}),
      ...(message ? { message } : {}),
    };
  };
  const containersReady = areContainersReady(input);
  return [
    make("PodReadyToStartContainers", { holds: hasNetwork }),
    make("Initialized", isInitialized(input)),
    make("Ready", containersReady.holds ? areGatesOpen(pod) : containersReady),
    make("ContainersReady", containersReady),
    make("PodScheduled", { holds: true }),
    ...known.filter(({ type }) => !own.includes(type) && !input.extra.some((extra) => extra.type === type)),
    ...input.extra.map((extra) => withTime(extra, known, now)),
  ];
}

function withTime(condition: ConditionNews, known: readonly PodCondition[], now: number): PodCondition {
  const before = known.find(({ type }) => type === condition.type);
  const since = before?.status === condition.status ? before.lastTransitionTime : undefined;
  return { ...condition, lastTransitionTime: since ?? timeOf(now) };
}

function isInitialized({ pod, phase, inits, containers }: ConditionsInput): Verdict {
  if (phase === "Succeeded") return { holds: true, reason: "PodCompleted" };
  const begun = containers.some(
    ({ started, state, lastState }) => started || state?.terminated || lastState?.terminated,
  );
  if (begun) return { holds: true };
  const sidecars = sidecarsOf(pod);
  const incomplete = inits.filter(({ name, ready, started }) => (sidecars.has(name) ? !started : !ready));
  if (incomplete.length === 0) return { holds: true };
  const message = `containers with incomplete status: ${namesOf(incomplete)}`;
  return { holds: false, reason: "ContainersNotInitialized", message };
}

function areContainersReady({ pod, phase, inits, containers }: ConditionsInput): Verdict {
  if (phase === "Succeeded") return { holds: false, reason: "PodCompleted" };
  if (phase === "Failed") return { holds: false, reason: "PodFailed" };
  const sidecars = sidecarsOf(pod);
  const unready = [...inits.filter(({ name }) => sidecars.has(name)), ...containers].filter(({ ready }) => !ready);
  if (unready.length === 0) return { holds: true };
  const message = `containers with unready status: ${namesOf(unready)}`;
  return { holds: false, reason: "ContainersNotReady", message };
}

function areGatesOpen(pod: Pod): Verdict {
  const faults = (pod.spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = pod.status?.conditions?.find(({ type }) => type === conditionType);
    if (condition?.status === "True") return [];
    const fault = condition
      ? `the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`
      : `corresponding condition of pod readiness gate "${conditionType}" does not exist.`;
    return [fault];
  });
  return faults.length === 0
    ? { holds: true }
    : { holds: false, reason: "ReadinessGatesNotReady", message: faults.join(", ") };
}

function sidecarsOf(pod: Pod): ReadonlySet<string> {
  return new Set((pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
}

const namesOf = (statuses: readonly ContainerStatus[]) => `[${statuses.map(({ name }) => name).join(" ")}]`;

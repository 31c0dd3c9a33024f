import { isSidecar } from "../../api/core/pod-state.ts";
import type { ContainerStatus, Pod, PodStatus } from "../../api/generated/core-v1.ts";
import { timeOf } from "../../machinery/times.ts";
import { type ConditionNews, conditionsOf } from "./conditions.ts";
import { type ContainerStatusInput, containerStatus } from "./container-status.ts";
import { readySandbox } from "./observed.ts";

/** How a pod has ended. */
export interface Finished {
  readonly phase: "Succeeded" | "Failed";
  /** Set where not its containers but the node ended it: `DeadlineExceeded`, `Evicted`, `Terminated`. */
  readonly reason?: string;
  readonly message?: string;
  /** What its containers get to end, in seconds; what the pod declares if absent. */
  readonly graceSeconds?: number;
  /** Told of the pod besides the usual conditions. */
  readonly condition?: ConditionNews;
}

export interface StatusInput extends Omit<ContainerStatusInput, "finished"> {
  /** Set once the pod has ended. */
  readonly finished: Finished | undefined;
  /** Why the pod does not have the CPU and memory that it is declared to have. */
  readonly resize?: readonly ConditionNews[];
  /** The node's addresses, the primary one first. */
  readonly hostIPs: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The status that the node reports for a pod; times of conditions that did not change are kept. */
export function podStatus(input: StatusInput): PodStatus {
  const { pod, observed, hostIPs, now, finished } = input;
  const before = pod.status;
  const { generation } = pod.metadata;
  const of = containerStatusInput(input);
  const containerStatuses = statusesOf(pod.spec.containers, before?.containerStatuses, of).sort(byName);
  const initContainerStatuses = statusesOf(pod.spec.initContainers, before?.initContainerStatuses, of);
  const ephemeral = statusesOf(pod.spec.ephemeralContainers, before?.ephemeralContainerStatuses, of);
  const sandbox = readySandbox(observed);
  const known = (before?.podIPs ?? []).map(({ ip }) => ip);
  const ips = pod.spec.hostNetwork ? hostIPs : (sandbox?.ips ?? known);
  const phase = finished?.phase ?? phaseOf(pod, containerStatuses, initContainerStatuses);
  const reason = finished?.reason ?? before?.reason;
  const message = finished?.message ?? before?.message;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    conditions: conditionsOf({
      pod,
      phase,
      containers: containerStatuses,
      inits: initContainerStatuses,
      hasNetwork: sandbox !== undefined && ips.length > 0,
      now,
      extra: finished ? (finished.condition ? [finished.condition] : []) : (input.resize ?? []),
    }),
    ...(message ? { message } : {}),
    ...(reason ? { reason } : {}),
    hostIP: hostIPs[0]!,
    hostIPs: hostIPs.map((ip) => ({ ip })),
    ...(ips.length > 0 ? { podIP: ips[0]!, podIPs: ips.map((ip) => ({ ip })) } : {}),
    startTime: before?.startTime ?? timeOf(now),
    ...(initContainerStatuses.length > 0 && !neverBegan(input) ? { initContainerStatuses } : {}),
    ...(neverBegan(input) ? {} : { containerStatuses }),
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
    ...(before?.resourceClaimStatuses ? { resourceClaimStatuses: before.resourceClaimStatuses } : {}),
    ...(before?.qosClass ? { qosClass: before.qosClass } : {}),
  };
}

/** A pod that was refused has no containers to tell of. */
function neverBegan({ pod, observed, finished }: StatusInput): boolean {
  return finished !== undefined && observed.containers.length === 0 && pod.status?.containerStatuses === undefined;
}

function containerStatusInput({ finished, ...rest }: StatusInput): ContainerStatusInput {
  return { ...rest, finished: finished !== undefined };
}

function statusesOf(
  containers: readonly Parameters<typeof containerStatus>[0][] | undefined,
  before: readonly ContainerStatus[] | undefined,
  input: ContainerStatusInput,
): ContainerStatus[] {
  return (containers ?? []).map((container) =>
    containerStatus(
      container,
      input,
      before?.find(({ name }) => name === container.name),
    ),
  );
}

const byName = (a: ContainerStatus, b: ContainerStatus) => (a.name < b.name ? -1 : 1);

/** Pending until every container has run once; a container between two lives counts as one that ran. */
function phaseOf(
  pod: Pod,
  containers: readonly ContainerStatus[],
  inits: readonly ContainerStatus[],
): "Pending" | "Running" {
  const sidecars = new Set((pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  const never = ({ state, lastState }: ContainerStatus) => Boolean(state?.waiting && !lastState?.terminated);
  const live = containers.some(({ state }) => state?.running);
  const initializing = inits.some(({ name, ready, started }) => (sidecars.has(name) ? !started : !ready));
  return containers.some(never) || (initializing && !live) ? "Pending" : "Running";
}

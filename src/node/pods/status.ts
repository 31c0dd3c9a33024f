import type {
  Container,
  ContainerState,
  ContainerStatus,
  Pod,
  PodCondition,
  PodStatus,
} from "../../api/generated/core-v1.ts";
import { newest, type ObservedContainer, type ObservedPod, readySandbox } from "./observed.ts";
import { isSidecar, type ProbeVerdict } from "./plan.ts";

/** Why a container is not running yet. */
export interface Waiting {
  readonly reason: string;
  readonly message?: string;
}

export interface StatusInput {
  readonly pod: Pod;
  readonly observed: ObservedPod;
  readonly probes: (container: ObservedContainer) => ProbeVerdict;
  /** Why a container's next start is held up. */
  readonly waiting: ReadonlyMap<string, Waiting>;
  readonly initialized: boolean;
  /** Set once the pod has ended. */
  readonly finished: "Succeeded" | "Failed" | undefined;
  readonly hostIP: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** How a container that ended says why, by its id. */
  readonly terminationMessage: (container: ObservedContainer) => string | undefined;
}

export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

const runtimePrefix = "containerd://";

function terminated(container: ObservedContainer, message: string | undefined): ContainerState {
  return {
    terminated: {
      exitCode: container.exitCode,
      ...(container.reason ? { reason: container.reason } : {}),
      ...(message || container.message ? { message: message ?? container.message } : {}),
      ...(container.startedAt
        ? { startedAt: timeText(container.startedAt) }
        : { startedAt: timeText(container.createdAt) }),
      ...(container.finishedAt ? { finishedAt: timeText(container.finishedAt) } : {}),
      containerID: `${runtimePrefix}${container.id}`,
    },
  };
}

function containerStatus(
  container: Container,
  input: StatusInput,
  before: ContainerStatus | undefined,
): ContainerStatus {
  const { observed, waiting, probes } = input;
  const status = newest(observed, container.name);
  const older = observed.containers.filter(({ name }) => name === container.name)[1];
  const held = waiting.get(container.name);
  const base = {
    name: container.name,
    image: status?.image || container.image || "",
    imageID: status?.imageRef ?? before?.imageID ?? "",
  };
  if (!status) {
    const reason = held?.reason ?? (input.initialized ? "ContainerCreating" : "PodInitializing");
    return {
      ...base,
      image: container.image ?? "",
      ready: false,
      started: false,
      restartCount: before?.restartCount ?? 0,
      state: { waiting: { reason, ...(held?.message ? { message: held.message } : {}) } },
      lastState: before?.lastState ?? {},
    };
  }
  const containerID = `${runtimePrefix}${status.id}`;
  const ended = (ofContainer: ObservedContainer) => terminated(ofContainer, input.terminationMessage(ofContainer));
  const last =
    older?.state === "exited"
      ? ended(older)
      : ((before?.containerID !== containerID ? before?.lastState : undefined) ??
        (before?.containerID === containerID ? before.lastState : undefined) ??
        {});
  if (status.state === "running") {
    const verdict = probes(status);
    return {
      ...base,
      containerID,
      ready: verdict.ready,
      started: verdict.started,
      restartCount: status.restartCount,
      state: { running: { startedAt: timeText(status.startedAt ?? status.createdAt) } },
      lastState: last,
    };
  }
  if (status.state === "exited") {
    // A container that will be started again waits; how it ended is its last state.
    if (held && !input.finished) {
      return {
        ...base,
        containerID,
        ready: false,
        started: false,
        restartCount: status.restartCount,
        state: { waiting: { reason: held.reason, ...(held.message ? { message: held.message } : {}) } },
        lastState: ended(status),
      };
    }
    return {
      ...base,
      containerID,
      ready: false,
      started: false,
      restartCount: status.restartCount,
      state: ended(status),
      lastState: last,
    };
  }
  return {
    ...base,
    containerID,
    ready: false,
    started: false,
    restartCount: status.restartCount,
    state: {
      waiting: { reason: held?.reason ?? "ContainerCreating", ...(held?.message ? { message: held.message } : {}) },
    },
    lastState: last,
  };
}

/** The status that the node reports for a pod; times of conditions that did not change are kept. */
export function podStatus(input: StatusInput): PodStatus {
  const { pod, observed, hostIP, now, finished } = input;
  const before = pod.status;
  const statusOf = (list: readonly ContainerStatus[] | undefined, name: string) =>
    list?.find((status) => status.name === name);
  const containerStatuses = pod.spec.containers.map((container) =>
    containerStatus(container, input, statusOf(before?.containerStatuses, container.name)),
  );
  const initContainerStatuses = (pod.spec.initContainers ?? []).map((container) => {
    const status = containerStatus(container, input, statusOf(before?.initContainerStatuses, container.name));
    // An init container that is done is ready; a sidecar is by its probes.
    const done = status.state?.terminated?.exitCode === 0;
    return isSidecar(container) ? status : { ...status, ready: done };
  });
  const sandbox = readySandbox(observed);
  const ips = pod.spec.hostNetwork ? [hostIP] : (sandbox?.ips ?? (before?.podIPs ?? []).map(({ ip }) => ip));
  const phase = finished ?? phaseOf(pod, observed, before?.phase);
  const conditions = conditionsOf(input, containerStatuses, initContainerStatuses, phase, Boolean(sandbox));
  return {
    ...(before?.observedGeneration !== undefined || pod.metadata.generation !== undefined
      ? { observedGeneration: pod.metadata.generation }
      : {}),
    phase,
    conditions,
    ...(before?.message ? { message: before.message } : {}),
    ...(before?.reason ? { reason: before.reason } : {}),
    hostIP,
    hostIPs: [{ ip: hostIP }],
    ...(ips.length > 0 ? { podIP: ips[0]!, podIPs: ips.map((ip) => ({ ip })) } : {}),
    startTime: before?.startTime ?? timeText(now),
    ...(initContainerStatuses.length > 0 ? { initContainerStatuses } : {}),
    containerStatuses,
    ...(before?.qosClass ? { qosClass: before.qosClass } : {}),
  };
}

function phaseOf(pod: Pod, observed: ObservedPod, before: string | undefined): "Pending" | "Running" {
  const anyStarted = pod.spec.containers.some(({ name }) => {
    const status = newest(observed, name);
    return status !== undefined && status.startedAt !== undefined;
  });
  return anyStarted || before === "Running" ? "Running" : "Pending";
}

function conditionsOf(
  input: StatusInput,
  containers: readonly ContainerStatus[],
  inits: readonly ContainerStatus[],
  phase: string,
  hasSandbox: boolean,
): readonly PodCondition[] {
  const { pod, now, finished } = input;
  const own = new Set(["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]);
  const known = pod.status?.conditions ?? [];
  const make = (
    type: string,
    holds: boolean,
    why?: { readonly reason: string; readonly message?: string },
  ): PodCondition => {
    const previous = known.find((condition) => condition.type === type);
    const status = holds ? "True" : "False";
    return {
      type: type as PodCondition["type"],
      ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
      status,
      lastTransitionTime: previous?.status === status ? (previous.lastTransitionTime ?? timeText(now)) : timeText(now),
      ...(why ? { reason: why.reason, ...(why.message ? { message: why.message } : {}) } : {}),
    };
  };
  const sidecars = (pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name);
  const counted = [...inits.filter(({ name }) => sidecars.includes(name)), ...containers];
  const unready = counted.filter(({ ready }) => !ready).map(({ name }) => name);
  const incomplete = inits
    .filter(({ name, state }) => !sidecars.includes(name) && state?.terminated?.exitCode !== 0)
    .map(({ name }) => name);
  const initialized = input.initialized || phase === "Running" || finished === "Succeeded";
  const why = (): { reason: string; message?: string } | undefined => {
    if (finished === "Succeeded") return { reason: "PodCompleted" };
    if (finished === "Failed") return { reason: "PodFailed" };
    return unready.length > 0
      ? { reason: "ContainersNotReady", message: `containers with unready status: [${unready.join(" ")}]` }
      : undefined;
  };
  const containersReady = !finished && unready.length === 0;
  const gates = (pod.spec.readinessGates ?? []).filter(
    ({ conditionType }) => known.find(({ type }) => type === conditionType)?.status !== "True",
  );
  const gateText = gates.map(
    ({ conditionType }) =>
      `corresponding condition of pod readiness gate "${conditionType}" does not exist or is not "True".`,
  );
  const readyWhy =
    why() ?? (gates.length > 0 ? { reason: "ReadinessGatesNotReady", message: gateText.join(", ") } : undefined);
  const initWhy = initialized
    ? finished === "Succeeded"
      ? { reason: "PodCompleted" }
      : undefined
    : { reason: "ContainersNotInitialized", message: `containers with incomplete status: [${incomplete.join(" ")}]` };
  const scheduled = known.find(({ type }) => type === "PodScheduled");
  return [
    make("PodReadyToStartContainers", hasSandbox),
    make("Initialized", initialized, initWhy),
    make("Ready", containersReady && gates.length === 0, readyWhy),
    make("ContainersReady", containersReady, why()),
    scheduled?.status === "True" ? scheduled : make("PodScheduled", true),
    ...known.filter(({ type }) => !own.has(type)),
  ];
}

import type {
  ContainerState,
  ContainerStateTerminated,
  ContainerStatus,
  Pod,
  PodCondition,
  PodStatus,
} from "../../api/generated/core-v1.ts";
import { timeOf } from "../../machinery/times.ts";

const prefix = "simulated.navarch/";

/** What happens next to a pod of a simulated node, and when (milliseconds since the Unix epoch). */
export type NextStep =
  | { readonly at: number; readonly kind: "status"; readonly status: () => PodStatus }
  /** It has stopped: the object can go. */
  | { readonly at: number; readonly kind: "remove" };

/** How a pod goes through its life, by its annotations; times in milliseconds. */
interface Life {
  readonly startDelay: number;
  readonly readyDelay: number;
  /** Infinite for one that runs until it is told to go. */
  readonly runFor: number;
  readonly exitCode: number;
  readonly startError: string | undefined;
  readonly stopDelay: number;
}

function lifeOf({ metadata: { annotations = {} } }: Pod): Life {
  const ms = (what: string, otherwise: number) => {
    const text = annotations[prefix + what];
    if (text === "never") return Number.POSITIVE_INFINITY;
    const value = Number(text ?? otherwise);
    return value >= 0 ? value : otherwise;
  };
  return {
    startDelay: ms("start-delay-ms", 0),
    readyDelay: ms("ready-delay-ms", 0),
    runFor: ms("run-for-ms", Number.POSITIVE_INFINITY),
    exitCode: Math.min(255, Math.trunc(ms("exit-code", 0))),
    startError: annotations[`${prefix}start-error`],
    stopDelay: ms("stop-delay-ms", 0),
  };
}

const firstBackoff = 10_000;
const longestBackoff = 300_000;

/**
 * What a pod's status becomes next; undefined when nothing happens until the pod changes. It depends on nothing but the
 * pod and the time, so a node that was forgotten goes on where it was. `addresses` gives the pod its own.
 */
export function nextStep(pod: Pod, now: number, addresses: () => readonly string[]): NextStep | undefined {
  const life = lifeOf(pod);
  const { status = {} } = pod;
  const ended = status.phase === "Succeeded" || status.phase === "Failed";
  if (pod.metadata.deletionTimestamp) return stopping(pod, ended, life, now);
  if (ended) return undefined;
  if (!status.startTime) {
    const first: PodStatus = { ...status, startTime: timeOf(now) };
    const waits = life.startDelay > 0 || life.startError !== undefined;
    return {
      at: now,
      kind: "status",
      status: () => (waits ? pending(pod, first, life, now) : running(pod, first, now, addresses)),
    };
  }
  const [container] = status.containerStatuses ?? [];
  const state = container?.state ?? {};
  if (state.running) return whileRunning(pod, state.running.startedAt, container?.restartCount ?? 0, life, now);
  if (life.startError !== undefined) return undefined;
  const before = container?.lastState?.terminated;
  if (!before) {
    return {
      at: Date.parse(status.startTime) + life.startDelay,
      kind: "status",
      status: () => running(pod, status, now, addresses),
    };
  }
  const restarts = container?.restartCount ?? 0;
  const pause = Math.min(longestBackoff, firstBackoff * 2 ** (restarts - 1));
  const at = Date.parse(before.finishedAt ?? status.startTime) + pause;
  return { at, kind: "status", status: () => running(pod, status, now, addresses, { restarts: restarts + 1, before }) };
}

function stopping(pod: Pod, ended: boolean, { stopDelay }: Life, now: number): NextStep | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds: grace = 0 } = pod.metadata;
  const started = pod.status?.containerStatuses?.some(({ state }) => state?.running);
  if (ended || !started) {
    // A pod without grace that is still there waits for others to let go of it.
    return grace === 0 ? undefined : { at: now, kind: "remove" };
  }
  const told = Date.parse(deletionTimestamp ?? "") - grace * 1000;
  const at = told + Math.min(stopDelay, grace * 1000);
  const exitCode = stopDelay > grace * 1000 ? 137 : 0;
  return { at, kind: "status", status: () => finished(pod, exitCode, now) };
}

function whileRunning(
  pod: Pod,
  startedAt: string | undefined,
  restarts: number,
  { readyDelay, runFor, exitCode }: Life,
  now: number,
): NextStep | undefined {
  const start = Date.parse(startedAt ?? "") || now;
  const end = start + runFor;
  const [container] = pod.status?.containerStatuses ?? [];
  const steps: NextStep[] = [];
  const readyAt = start + readyDelay;
  const gates = (pod.spec.readinessGates ?? []).every(({ conditionType }) => holds(pod.status, conditionType));
  if (!container?.ready && Number.isFinite(readyAt))
    steps.push({ at: readyAt, kind: "status", status: () => withReady(pod, true, gates, now) });
  else if (container?.ready && holds(pod.status, "Ready") !== gates)
    steps.push({ at: now, kind: "status", status: () => withReady(pod, true, gates, now) });
  if (Number.isFinite(end))
    steps.push({ at: end, kind: "status", status: () => afterEnd(pod, exitCode, restarts, now) });
  return steps.sort((one, two) => one.at - two.at)[0];
}

const holds = (status: PodStatus | undefined, type: string) =>
  status?.conditions?.find((each) => each.type === type)?.status === "True";

function pending(pod: Pod, status: PodStatus, { startError }: Life, now: number): PodStatus {
  const waiting =
    startError === undefined
      ? { reason: "ContainerCreating" }
      : { reason: "CreateContainerError", message: startError };
  return composed(pod, { ...status, phase: "Pending" }, now, { ready: false, state: { waiting }, restarts: 0 });
}

interface Restart {
  readonly restarts: number;
  readonly before: ContainerStateTerminated;
}

function running(
  pod: Pod,
  status: PodStatus,
  now: number,
  addresses: () => readonly string[],
  restart?: Restart,
): PodStatus {
  const { readyDelay } = lifeOf(pod);
  const podIPs = status.podIPs ?? (pod.spec.hostNetwork ? [] : addresses().map((ip) => ({ ip })));
  const own = podIPs[0] ? { podIP: podIPs[0].ip, podIPs } : {};
  const gates = (pod.spec.readinessGates ?? []).every(({ conditionType }) => holds(status, conditionType));
  return composed(pod, { ...status, phase: "Running", ...own }, now, {
    ready: readyDelay === 0,
    gates,
    state: { running: { startedAt: timeOf(now) } },
    restarts: restart?.restarts ?? 0,
    before: restart?.before,
  });
}

function withReady(pod: Pod, ready: boolean, gates: boolean, now: number): PodStatus {
  const [container] = pod.status?.containerStatuses ?? [];
  return composed(pod, { ...pod.status }, now, {
    ready,
    gates,
    state: container?.state ?? {},
    restarts: container?.restartCount ?? 0,
    before: container?.lastState?.terminated,
  });
}

/** A container that ended by itself: again, after a pause that grows, or for good. */
function afterEnd(pod: Pod, exitCode: number, restarts: number, now: number): PodStatus {
  const { restartPolicy = "Always" } = pod.spec;
  if (restartPolicy === "Never" || (restartPolicy === "OnFailure" && exitCode === 0))
    return finished(pod, exitCode, now);
  const before = terminated(pod, exitCode, now);
  if (restarts === 0) return running(pod, pod.status ?? {}, now, () => [], { restarts: 1, before });
  const waiting = { reason: "CrashLoopBackOff", message: "back-off restarting failed container" };
  return composed(pod, { ...pod.status }, now, { ready: false, state: { waiting }, restarts, before });
}

function finished(pod: Pod, exitCode: number, now: number): PodStatus {
  const [container] = pod.status?.containerStatuses ?? [];
  return composed(pod, { ...pod.status, phase: exitCode === 0 ? "Succeeded" : "Failed" }, now, {
    ready: false,
    reason: exitCode === 0 ? "PodCompleted" : "PodFailed",
    state: { terminated: terminated(pod, exitCode, now) },
    restarts: container?.restartCount ?? 0,
    before: container?.lastState?.terminated,
  });
}

function terminated(pod: Pod, exitCode: number, now: number): ContainerStateTerminated {
  const startedAt = pod.status?.containerStatuses?.[0]?.state?.running?.startedAt;
  const reason = exitCode === 0 ? "Completed" : "Error";
  return { exitCode, reason, finishedAt: timeOf(now), ...(startedAt ? { startedAt } : {}) };
}

interface Look {
  readonly ready: boolean;
  /** Default: none is closed. */
  readonly gates?: boolean;
  readonly reason?: string;
  readonly state: ContainerState;
  readonly restarts: number;
  readonly before?: ContainerStateTerminated | undefined;
}

const own = ["PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready"];

/** The whole status: all containers go through life together, init containers are behind them once one runs. */
function composed(pod: Pod, status: PodStatus, now: number, look: Look): PodStatus {
  const { ready, gates = true, reason = "ContainersNotReady", state, restarts, before } = look;
  const begun = status.phase !== "Pending";
  const condition = (type: string, isTrue: boolean, why?: string): PodCondition => {
    const known = pod.status?.conditions?.find((each) => each.type === type);
    const value = isTrue ? "True" : "False";
    if (known?.status === value && known.reason === (isTrue ? undefined : why)) return known;
    const since = known?.status === value ? known.lastTransitionTime : timeOf(now);
    return {
      type,
      status: value,
      lastTransitionTime: since,
      ...(isTrue || !why ? {} : { reason: why }),
    } as PodCondition;
  };
  const statusOf = (name: string, image = ""): ContainerStatus => ({
    name,
    image,
    imageID: "",
    ready,
    started: state.running !== undefined,
    restartCount: restarts,
    state,
    ...(before ? { lastState: { terminated: before } } : {}),
  });
  const done: ContainerState = { terminated: { exitCode: 0, reason: "Completed", finishedAt: status.startTime } };
  const initStatuses = (pod.spec.initContainers ?? []).map(({ name, image, restartPolicy }): ContainerStatus => {
    if (restartPolicy === "Always" || !begun) return { ...statusOf(name, image), restartCount: 0 };
    return { name, image: image ?? "", imageID: "", ready: true, restartCount: 0, state: done };
  });
  return {
    ...status,
    conditions: [
      ...(status.conditions ?? []).filter(({ type }) => !own.includes(type)),
      condition("PodReadyToStartContainers", begun && state.terminated === undefined),
      condition("Initialized", begun, "ContainersNotInitialized"),
      condition("ContainersReady", ready, reason),
      condition("Ready", ready && gates, ready ? "ReadinessGatesNotReady" : reason),
    ],
    ...(initStatuses.length > 0 ? { initContainerStatuses: initStatuses } : {}),
    containerStatuses: pod.spec.containers.map(({ name, image }) => statusOf(name, image)),
  };
}

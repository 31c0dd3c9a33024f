import { ageColumn, nameColumn, orNone, text, wide } from "../columns.ts";
import { humanDuration } from "../durations.ts";
import type * as core from "../generated/core-v1.ts";
import type { Column } from "../kind.ts";
import { isPodTerminal, isSidecar } from "./pod-state.ts";

/** What `kubectl get pods` says of a pod in one line. */
export interface PodSummary {
  /** The phase, or the reason that matters more: `CrashLoopBackOff`, `Init:0/1`, `Terminating`, `Completed`, ... */
  readonly status: string;
  readonly ready: number;
  readonly total: number;
  readonly restarts: number;
  /** The last end of a container that counts into `restarts`, in milliseconds since the epoch. */
  readonly lastRestart: number | undefined;
}

interface Tally {
  restarts: number;
  last: number | undefined;
}

/** Sums up a pod as `kubectl get pods` shows it. */
export function podSummary(pod: core.Pod): PodSummary {
  const status = pod.status ?? {};
  const sidecars = new Set((pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  const total = (pod.spec.containers ?? []).length + sidecars.size;
  const start = initSummary(pod, sidecars);
  let ready = start.ready;
  let reason = start.reason ?? phaseReason(status);
  let tally = start.all;

  if (start.reason === undefined || isTrue(status, "Initialized")) {
    tally = start.sidecars;
    let running = false;
    for (const container of [...(status.containerStatuses ?? [])].reverse()) {
      count(tally, container);
      const why = containerReason(container);
      if (why !== undefined) reason = why;
      else if (container.ready && container.state?.running) {
        running = true;
        ready += 1;
      }
    }
    if (reason === "Completed" && running) reason = isTrue(status, "Ready") ? "Running" : "NotReady";
  }

  if (pod.metadata.deletionTimestamp) {
    if (status.reason === "NodeLost") reason = "Unknown";
    else if (!isPodTerminal(pod)) reason = "Terminating";
  }
  return { status: reason, ready, total, restarts: tally.restarts, lastRestart: tally.last };
}

function phaseReason(status: core.PodStatus): string {
  const gated = status.conditions?.some(({ type, reason }) => type === "PodScheduled" && reason === "SchedulingGated");
  if (gated) return "SchedulingGated";
  return status.reason || status.phase || "";
}

interface InitSummary {
  /** Why the pod is still initializing; undefined when it is not. */
  readonly reason: string | undefined;
  readonly ready: number;
  readonly all: Tally;
  readonly sidecars: Tally;
}

function initSummary(pod: core.Pod, sidecarNames: ReadonlySet<string>): InitSummary {
  const all: Tally = { restarts: 0, last: undefined };
  const sidecars: Tally = { restarts: 0, last: undefined };
  let ready = 0;
  for (const [index, container] of (pod.status?.initContainerStatuses ?? []).entries()) {
    count(all, container);
    const sidecar = sidecarNames.has(container.name);
    if (sidecar) count(sidecars, container);
    const { terminated, waiting } = container.state ?? {};
    if (terminated && (terminated.exitCode ?? 0) === 0) continue;
    if (sidecar && container.started) {
      if (container.ready) ready += 1;
      continue;
    }
    let reason = `${index}/${pod.spec.initContainers?.length ?? 0}`;
    if (terminated) reason = terminated.reason || exitText(terminated);
    else if (waiting?.reason && waiting.reason !== "PodInitializing") reason = waiting.reason;
    return { reason: `Init:${reason}`, ready, all, sidecars };
  }
  return { reason: undefined, ready, all, sidecars };
}

function containerReason({ state }: core.ContainerStatus): string | undefined {
  if (state?.waiting?.reason) return state.waiting.reason;
  if (state?.terminated) return state.terminated.reason || exitText(state.terminated);
  return undefined;
}

function exitText({ signal, exitCode }: core.ContainerStateTerminated): string {
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode ?? 0}`;
}

function count(tally: Tally, { restartCount, lastState }: core.ContainerStatus): void {
  tally.restarts += restartCount ?? 0;
  const finished = lastState?.terminated?.finishedAt;
  if (finished) tally.last = Math.max(tally.last ?? 0, Date.parse(finished));
}

function isTrue(status: core.PodStatus, type: core.PodConditionType): boolean {
  return status.conditions?.some((condition) => condition.type === type && condition.status === "True") ?? false;
}

function restartsText({ restarts, lastRestart }: PodSummary, now: number): string {
  if (restarts === 0 || lastRestart === undefined) return String(restarts);
  return `${restarts} (${humanDuration(now - lastRestart)} ago)`;
}

function gatesText({ spec, status }: core.Pod): string {
  const gates = spec.readinessGates ?? [];
  if (gates.length === 0) return "<none>";
  const open = gates.filter(({ conditionType }) => isTrue(status ?? {}, conditionType));
  return `${open.length}/${gates.length}`;
}

/** The columns of `kubectl get pods`. */
export const podColumns: readonly Column<core.Pod>[] = [
  nameColumn,
  text("Ready", (pod) => {
    const { ready, total } = podSummary(pod);
    return `${ready}/${total}`;
  }),
  text("Status", (pod) => podSummary(pod).status),
  text("Restarts", (pod, { now }) => restartsText(podSummary(pod), now)),
  ageColumn,
  wide(text("IP", ({ status }) => orNone(status?.podIPs?.[0]?.ip ?? status?.podIP))),
  wide(text("Node", ({ spec }) => orNone(spec.nodeName))),
  wide(text("Nominated Node", ({ status }) => orNone(status?.nominatedNodeName))),
  wide(text("Readiness Gates", gatesText)),
];

import { isSidecar } from "../../api/core/pod-state.ts";
import type { Container, Pod } from "../../api/generated/core-v1.ts";
import { newest, type ObservedContainer, type ObservedPod, readySandbox } from "./observed.ts";

/** What probes say of a container that runs. */
export interface ProbeVerdict {
  /** The startup probe has succeeded, or there is none. */
  readonly started: boolean;
  readonly ready: boolean;
  /** Set when a liveness or startup probe has failed for good, with the time that the container gets to end. */
  readonly failed?: { readonly probe: "Liveness" | "Startup"; readonly graceSeconds?: number };
}

export interface PlanInput {
  readonly pod: Pod;
  readonly observed: ObservedPod;
  readonly probes: (container: ObservedContainer) => ProbeVerdict;
  readonly hashOf: (container: Container) => string;
}

export interface ContainerStop {
  readonly container: ObservedContainer;
  /** For the event: `Container web failed liveness probe, will be restarted`. */
  readonly message: string;
  readonly graceSeconds?: number;
}

/** What to do for a pod now, in this order: stops, then the sandbox, then starts. */
export interface PodPlan {
  /** End all of the pod: its sandbox is lost, or nothing in it may run again. */
  readonly killAll: boolean;
  readonly createSandbox: boolean;
  /** How many sandboxes the pod had before. */
  readonly attempt: number;
  readonly stops: readonly ContainerStop[];
  /** Containers to start now; a start may still have to wait for its back-off. */
  readonly starts: readonly Container[];
}

/** Whether a container that has ended is started again (Kubernetes documentation: container restart policy). */
export function restarts(pod: Pod, container: Container, exitCode: number): boolean {
  for (const { action, exitCodes } of container.restartPolicyRules ?? []) {
    const listed = exitCodes?.values?.includes(exitCode) ?? false;
    if (action === "Restart" && listed === (exitCodes?.operator !== "NotIn")) return true;
  }
  const policy = container.restartPolicy ?? pod.spec.restartPolicy ?? "Always";
  return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
}

/**
 * Compares a pod with what the runtime has of it. Pure: the same input gives the same plan, and carrying a plan out twice
 * does no harm. The pod is neither being deleted nor finished.
 */
export function planPod(input: PlanInput): PodPlan {
  const { pod, observed } = input;
  const attempt = Math.max(-1, ...observed.sandboxes.map((sandbox) => sandbox.metadata.attempt)) + 1;
  const nothing = { killAll: false, createSandbox: false, attempt, stops: [], starts: [] } as const;
  const sandbox = readySandbox(observed);
  if (!sandbox) {
    // Where every container has had its one life, a new sandbox would hold nothing.
    const useless = attempt > 0 && pod.spec.containers.every((container) => isOver(pod, container, observed));
    return { ...nothing, killAll: attempt > 0, createSandbox: !useless };
  }
  const containers = observed.containers.filter(({ sandboxId }) => sandboxId === sandbox.id);
  const here: PlanInput = { ...input, observed: { ...observed, containers } };
  const init = planInit(here);
  const ephemeral = (pod.spec.ephemeralContainers ?? []).filter(({ name }) => !newest(observed, name));
  if (!init.done) return { ...nothing, stops: init.stops, starts: [...init.starts, ...ephemeral] };
  const own = pod.spec.containers
    .filter((container) => newest(here.observed, container.name) || !isOver(pod, container, observed))
    .map((container) => planContainer(container, here));
  return {
    ...nothing,
    stops: [...init.stops, ...own.flatMap(({ stop }) => stop ?? [])],
    starts: [...init.starts, ...own.flatMap(({ start }) => start ?? []), ...ephemeral],
  };
}

function isOver(pod: Pod, container: Container, observed: ObservedPod): boolean {
  const status = newest(observed, container.name);
  return status?.state === "exited" && !restarts(pod, container, status.exitCode);
}

interface InitPlan {
  readonly done: boolean;
  readonly stops: readonly ContainerStop[];
  readonly starts: readonly Container[];
}

/** Init containers run one after the other; sidecars among them are left running once they have started. */
function planInit(input: PlanInput): InitPlan {
  const { pod, observed } = input;
  // Containers of the pod's own that were made prove that all init containers were done in this sandbox.
  const passed = pod.spec.containers.some(({ name }) => newest(observed, name) !== undefined);
  const stops: ContainerStop[] = [];
  const starts: Container[] = [];
  for (const container of pod.spec.initContainers ?? []) {
    const status = newest(observed, container.name);
    if (isSidecar(container)) {
      const plan = planContainer(container, input);
      if (plan.stop) stops.push(plan.stop);
      if (plan.start) starts.push(plan.start);
      const up = status?.state === "running" && input.probes(status).started;
      if (!up && !passed) return { done: false, stops, starts };
      continue;
    }
    if (passed || (status?.state === "exited" && status.exitCode === 0)) continue;
    const { start } = planContainer(container, input);
    if (start) starts.push(start);
    return { done: false, stops, starts };
  }
  return { done: true, stops, starts };
}

function planContainer(
  container: Container,
  input: PlanInput,
): { readonly start?: Container; readonly stop?: ContainerStop } {
  const status = newest(input.observed, container.name);
  switch (status?.state) {
    case "exited":
      return restarts(input.pod, container, status.exitCode) ? { start: container } : {};
    case "running":
      return planRunning(container, status, input);
    default:
      // Not there, or made without being started.
      return { start: container };
  }
}

function planRunning(
  container: Container,
  status: ObservedContainer,
  input: PlanInput,
): { readonly stop?: ContainerStop } {
  if (status.hash !== "" && status.hash !== input.hashOf(container)) {
    return {
      stop: { container: status, message: `Container ${container.name} definition changed, will be restarted` },
    };
  }
  const { failed } = input.probes(status);
  if (!failed) return {};
  const again = restarts(input.pod, container, 137) ? ", will be restarted" : "";
  const message = `Container ${container.name} failed ${failed.probe.toLowerCase()} probe${again}`;
  const grace = failed.graceSeconds === undefined ? {} : { graceSeconds: failed.graceSeconds };
  return { stop: { container: status, message, ...grace } };
}

/** Whether a pod that is not being deleted has ended, and how. */
export function finishedPhase(pod: Pod, observed: ObservedPod): "Succeeded" | "Failed" | undefined {
  const begun = pod.spec.containers.some(({ name }) => newest(observed, name));
  const failedInit = (pod.spec.initContainers ?? []).some((container) => {
    const status = newest(observed, container.name);
    return status?.state === "exited" && status.exitCode !== 0 && !restarts(pod, container, status.exitCode);
  });
  if (failedInit && !begun) return "Failed";
  if (!pod.spec.containers.every((container) => isOver(pod, container, observed))) return undefined;
  return pod.spec.containers.every(({ name }) => newest(observed, name)?.exitCode === 0) ? "Succeeded" : "Failed";
}

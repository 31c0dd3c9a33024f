import type { Container, Pod } from "../../api/generated/core-v1.ts";
import { newest, type ObservedContainer, type ObservedPod, readySandbox } from "./observed.ts";

/** What probes say of a container that runs. */
export interface ProbeVerdict {
  /** The startup probe has succeeded, or there is none. */
  readonly started: boolean;
  readonly ready: boolean;
  /** Set when a liveness or startup probe has failed for good: what to say, and how long the container gets to end. */
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
  /** End all of the pod: it is finished, or its sandbox is lost. */
  readonly killAll: boolean;
  readonly createSandbox: boolean;
  /** How many sandboxes the pod had before. */
  readonly attempt: number;
  readonly stops: readonly ContainerStop[];
  /** Containers to start now; a start may still have to wait for its back-off. */
  readonly starts: readonly Container[];
  /** All init containers have done their part. */
  readonly initialized: boolean;
}

const nothing = { killAll: false, createSandbox: false, stops: [], starts: [], initialized: false } as const;

/** Sidecars are init containers that go on running. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === "Always";
}

/** Whether a container that has ended is started again (Kubernetes documentation: restart policy of pods). */
export function restarts(pod: Pod, container: Container, exitCode: number): boolean {
  if (isSidecar(container)) return true;
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
  const sandbox = readySandbox(observed);
  if (!sandbox) return planWithoutSandbox(input, attempt);
  const here: ObservedPod = {
    ...observed,
    containers: observed.containers.filter(({ sandboxId }) => sandboxId === sandbox.id),
  };
  const init = planInit({ ...input, observed: here });
  if (!init.done) {
    return { ...nothing, attempt, stops: init.stops, starts: init.start };
  }
  const app = pod.spec.containers.map((container) => planContainer(container, { ...input, observed: here }));
  const stops = [...init.stops, ...app.flatMap(({ stop }) => stop ?? [])];
  const starts = [...init.start, ...app.flatMap(({ start }) => start ?? [])];
  return { ...nothing, attempt, stops, starts, initialized: true };
}

function planWithoutSandbox({ pod, observed }: PlanInput, attempt: number): PodPlan {
  const ended = pod.spec.containers.map((container) => newest(observed, container.name));
  const toStart = pod.spec.containers.filter((container, index) => {
    const status = ended[index];
    return status?.state !== "exited" || restarts(pod, container, status.exitCode);
  });
  // Every container has had its one life: a new sandbox would hold nothing.
  if (attempt > 0 && toStart.length === 0) return { ...nothing, attempt, killAll: true };
  return { ...nothing, attempt, killAll: attempt > 0, createSandbox: true };
}

interface InitPlan {
  readonly done: boolean;
  readonly stops: readonly ContainerStop[];
  readonly start: readonly Container[];
}

/** Init containers run one after the other; sidecars among them are left running once they have started. */
function planInit(input: PlanInput): InitPlan {
  const { pod, observed } = input;
  const containers = pod.spec.initContainers ?? [];
  // App containers that were started prove that all init containers were done in this sandbox.
  const passed = pod.spec.containers.some(({ name }) => newest(observed, name) !== undefined);
  const stops: ContainerStop[] = [];
  const start: Container[] = [];
  for (const container of containers) {
    const status = newest(observed, container.name);
    if (isSidecar(container)) {
      const plan = planContainer(container, input);
      if (plan.stop) stops.push(plan.stop);
      if (plan.start) start.push(plan.start);
      const up = status?.state === "running" && input.probes(status).started;
      if (!up && !passed) return { done: false, stops, start };
      continue;
    }
    if (passed || (status?.state === "exited" && status.exitCode === 0)) continue;
    if (!status) start.push(container);
    else if (status.state === "exited" && restarts(pod, container, status.exitCode)) start.push(container);
    else if (status.state === "created" || status.state === "unknown") start.push(container);
    return { done: false, stops, start };
  }
  return { done: true, stops, start };
}

function planContainer(
  container: Container,
  input: PlanInput,
): { readonly start?: Container; readonly stop?: ContainerStop } {
  const status = newest(input.observed, container.name);
  if (!status) return { start: container };
  switch (status.state) {
    case "exited":
      return restarts(input.pod, container, status.exitCode) ? { start: container } : {};
    case "running": {
      if (status.hash !== "" && status.hash !== input.hashOf(container)) {
        return {
          stop: { container: status, message: `Container ${container.name} definition changed, will be restarted` },
        };
      }
      const { failed } = input.probes(status);
      if (!failed) return {};
      const mayRestart = restarts(input.pod, container, 137);
      const message = `Container ${container.name} failed ${failed.probe.toLowerCase()} probe${mayRestart ? ", will be restarted" : ""}`;
      return {
        stop: {
          container: status,
          message,
          ...(failed.graceSeconds === undefined ? {} : { graceSeconds: failed.graceSeconds }),
        },
      };
    }
    default:
      // Made, but its start was never carried through.
      return { start: container };
  }
}

/** Whether a pod that is not being deleted has ended, and how. */
export function finishedPhase(pod: Pod, observed: ObservedPod): "Succeeded" | "Failed" | undefined {
  const inits = pod.spec.initContainers ?? [];
  const started = pod.spec.containers.some(({ name }) => newest(observed, name));
  for (const container of inits) {
    const status = newest(observed, container.name);
    if (isSidecar(container) || started) continue;
    if (status?.state === "exited" && status.exitCode !== 0 && !restarts(pod, container, status.exitCode))
      return "Failed";
  }
  const statuses = pod.spec.containers.map((container) => ({ container, status: newest(observed, container.name) }));
  const ended = statuses.every(
    ({ container, status }) => status?.state === "exited" && !restarts(pod, container, status.exitCode),
  );
  if (!ended || statuses.length === 0) return undefined;
  return statuses.every(({ status }) => status?.exitCode === 0) ? "Succeeded" : "Failed";
}

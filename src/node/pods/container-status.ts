import { allContainers, isSidecar } from "../../api/core/pod-state.ts";
import type {
  Container,
  ContainerState,
  ContainerStatus,
  Pod,
  ResourceRequirements,
} from "../../api/generated/core-v1.ts";
import { timeOf } from "../../machinery/times.ts";
import { kindOf } from "./containers.ts";
import { newest, type ObservedContainer, type ObservedPod } from "./observed.ts";
import { type ProbeVerdict, restarts } from "./plan.ts";

/** Why a container is not running yet. */
export interface Waiting {
  readonly reason: string;
  readonly message?: string;
}

export interface ContainerStatusInput {
  readonly pod: Pod;
  readonly observed: ObservedPod;
  readonly probes: (container: ObservedContainer) => ProbeVerdict;
  /** Why a container's next start is held up, by name. */
  readonly waiting: ReadonlyMap<string, Waiting>;
  /** The pod has ended: nothing waits any more. */
  readonly finished: boolean;
  /** `containerd`, as container ids begin. */
  readonly runtimeName: string;
  /** The CPU and memory that a container has, where that is not what is declared. */
  readonly applied?: (container: ObservedContainer) => ResourceRequirements | undefined;
  /** How a container that ended says why. */
  readonly terminationMessage: (container: ObservedContainer) => string | undefined;
}

type State = Pick<ContainerStatus, "ready" | "started" | "restartCount" | "state" | "lastState"> & {
  readonly containerID?: string;
};

/** The status of one declared container; `before` is what was reported last. */
export function containerStatus(
  container: Container,
  input: ContainerStatusInput,
  before: ContainerStatus | undefined,
): ContainerStatus {
  const { pod, observed } = input;
  const status = newest(observed, container.name);
  if (!status && before?.state?.terminated && isOver(container, input, before.state.terminated.exitCode)) return before;
  // A runtime that knows an image only by its digest says less than the declaration.
  const image = (status?.image.startsWith("sha256:") ? undefined : status?.image) || container.image || "";
  const base = { name: container.name, image, imageID: status?.imageRef ?? before?.imageID ?? "" };
  const state = status ? presentState(container, status, input, before) : absentState(container, input, before);
  return {
    ...base,
    ...state,
    ...(kindOf(pod, container.name) === "ephemeralContainers"
      ? {}
      : given(container, status && input.applied?.(status))),
    ...userOf(status),
  };
}

/** A container that the runtime does not have: it never was, or was lost. */
function absentState(container: Container, input: ContainerStatusInput, before: ContainerStatus | undefined): State {
  const { pod, waiting } = input;
  const held = waiting.get(container.name);
  const reason = pod.spec.initContainers?.length ? "PodInitializing" : "ContainerCreating";
  const state = { waiting: held ? waitingOf(held) : { reason } };
  const common = { ready: false, started: false, state };
  // What had an id has had a life, which the next one follows.
  if (!before?.containerID)
    return { ...common, restartCount: before?.restartCount ?? 0, lastState: before?.lastState ?? {} };
  const lost = {
    exitCode: 137,
    reason: "ContainerStatusUnknown",
    message: "The container could not be located when the pod was deleted.  The container used to be Running",
    startedAt: before.state?.running?.startedAt,
    containerID: before.containerID,
  };
  const { terminated, running } = before.state ?? {};
  const lastState = terminated ? { terminated } : running ? { terminated: lost } : (before.lastState ?? {});
  return { ...common, restartCount: before.restartCount + 1, lastState };
}

function presentState(
  container: Container,
  status: ObservedContainer,
  input: ContainerStatusInput,
  before: ContainerStatus | undefined,
): State {
  const { pod, observed, waiting, finished } = input;
  const containerID = idOf(status, input);
  const older = observed.containers.filter(({ name }) => name === container.name)[1];
  const lastState = older?.state === "exited" ? ended(older, input) : lastOf(before, containerID);
  const common = { containerID, restartCount: status.restartCount, lastState };
  switch (status.state) {
    case "running": {
      const { ready, started } = input.probes(status);
      const isInit = kindOf(pod, container.name) === "initContainers" && !isSidecar(container);
      const startedAt = timeOf(status.startedAt ?? status.createdAt);
      return { ...common, ready: ready && !isInit, started, state: { running: { startedAt } } };
    }
    case "exited": {
      const held = waiting.get(container.name);
      // A container that will be started again waits; how it ended is its last state.
      if (held && !finished && !pod.metadata.deletionTimestamp) {
        const state = { waiting: waitingOf(held) };
        return { ...common, ready: false, started: false, state, lastState: ended(status, input) };
      }
      const done = kindOf(pod, container.name) === "initContainers" && status.exitCode === 0;
      return { ...common, ready: done, started: false, state: ended(status, input) };
    }
    default: {
      const held = waiting.get(container.name) ?? { reason: "ContainerCreating" };
      return { ...common, ready: false, started: false, state: { waiting: waitingOf(held) } };
    }
  }
}

/** What was reported of an earlier life, which the runtime does not have any more. */
function lastOf(before: ContainerStatus | undefined, containerID: string): ContainerState {
  if (!before || before.containerID === containerID) return before?.lastState ?? {};
  const { terminated } = before.state ?? {};
  return terminated ? { terminated } : (before.lastState ?? {});
}

function waitingOf({ reason, message }: Waiting): NonNullable<ContainerState["waiting"]> {
  return { reason, ...(message ? { message } : {}) };
}

function isOver(container: Container, { pod, finished }: ContainerStatusInput, exitCode: number): boolean {
  return finished || !restarts(pod, container, exitCode);
}

function idOf({ id }: ObservedContainer, { runtimeName }: ContainerStatusInput): string {
  return `${runtimeName}://${id}`;
}

function ended(container: ObservedContainer, input: ContainerStatusInput): ContainerState {
  const { exitCode, reason, finishedAt, startedAt, createdAt } = container;
  const message = shortened(input.terminationMessage(container) || container.message, input.pod);
  return {
    terminated: {
      exitCode,
      ...(reason ? { reason } : {}),
      ...(message ? { message } : {}),
      startedAt: timeOf(startedAt ?? createdAt),
      ...(finishedAt ? { finishedAt: timeOf(finishedAt) } : {}),
      containerID: idOf(container, input),
    },
  };
}

/** Bytes of last words that a pod's containers share (as upstream). */
const longestOfPod = 12 * 1024;

function shortened(message: string, { spec }: Pod): string {
  const most = Math.floor(longestOfPod / allContainers(spec).length);
  return Buffer.byteLength(message) > most ? Buffer.from(message).subarray(0, most).toString("utf8") : message;
}

/** What the container was given. */
function given(
  { resources, volumeMounts }: Container,
  applied: ResourceRequirements | undefined,
): Partial<ContainerStatus> {
  return {
    ...(resources?.requests ? { allocatedResources: resources.requests } : {}),
    ...(resources ? { resources: applied ?? resources } : {}),
    ...(volumeMounts?.length
      ? {
          volumeMounts: volumeMounts.map(({ name, mountPath, readOnly, recursiveReadOnly }) => ({
            name,
            mountPath,
            ...(readOnly
              ? { readOnly, recursiveReadOnly: recursiveReadOnly === "Enabled" ? "Enabled" : "Disabled" }
              : {}),
          })),
        }
      : {}),
  };
}

function userOf(status: ObservedContainer | undefined): Partial<ContainerStatus> {
  if (!status?.user) return {};
  const { uid, gid, supplementalGroups } = status.user;
  return { user: { linux: { uid, gid, supplementalGroups } } };
}

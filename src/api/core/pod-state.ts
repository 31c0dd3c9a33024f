import type * as core from "../generated/core-v1.ts";

/** The condition of a type, if the pod has it. */
export function podCondition(pod: core.Pod, type: core.PodConditionType): core.PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

/** True when the pod may receive traffic. */
export function isPodReady(pod: core.Pod): boolean {
  return podCondition(pod, "Ready")?.status === "True";
}

/** True when the pod has been ready for at least so many seconds at `now`, in milliseconds since the epoch. */
export function isPodAvailable(pod: core.Pod, minReadySeconds: number, now: number): boolean {
  const ready = podCondition(pod, "Ready");
  if (ready?.status !== "True") return false;
  if (minReadySeconds === 0) return true;
  return ready.lastTransitionTime !== undefined && Date.parse(ready.lastTransitionTime) + minReadySeconds * 1000 <= now;
}

/** Milliseconds until a ready pod counts as available; undefined if it is not on its way there. */
export function podAvailableIn(pod: core.Pod, minReadySeconds: number, now: number): number | undefined {
  const ready = podCondition(pod, "Ready");
  if (minReadySeconds === 0 || ready?.status !== "True" || !ready.lastTransitionTime) return undefined;
  const wait = Date.parse(ready.lastTransitionTime) + minReadySeconds * 1000 - now;
  return wait > 0 ? wait : undefined;
}

/** True when all containers have ended for good. */
export function isPodTerminal(pod: core.Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/** True when the pod counts towards a controller's replicas: it has not ended and is not being deleted. */
export function isPodActive(pod: core.Pod): boolean {
  return !isPodTerminal(pod) && !pod.metadata.deletionTimestamp;
}

/** True when the pod is being deleted. */
export function isPodTerminating(pod: core.Pod): boolean {
  return !isPodTerminal(pod) && !!pod.metadata.deletionTimestamp;
}

/** True when a node was chosen for the pod. */
export function isPodScheduled(pod: core.Pod): boolean {
  return !!pod.spec.nodeName;
}

/** True for an init container that keeps running beside the others (a sidecar). */
export function isSidecar(container: core.Container): boolean {
  return container.restartPolicy === "Always";
}

/** All containers of the pod in the order that they start: init, own, ephemeral. */
export function allContainers(spec: core.PodSpec): readonly (core.Container | core.EphemeralContainer)[] {
  return [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
}

/** How often the pod's containers were restarted in total. */
export function restartsOf(pod: core.Pod): number {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  return [...containerStatuses, ...initContainerStatuses].reduce(
    (sum, { restartCount }) => sum + (restartCount ?? 0),
    0,
  );
}

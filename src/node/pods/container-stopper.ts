import { isSidecar } from "../../api/core/pod-state.ts";
import type { Pod } from "../../api/generated/core-v1.ts";
import { declared, fieldPathOf } from "./containers.ts";
import type { Ending } from "./ending.ts";
import type { ObservedContainer } from "./observed.ts";
import type { PodServices } from "./pod-services.ts";

/** Every container gets at least this long to end by itself, and so does one whose hook took all of the grace (as upstream). */
const leastSeconds = 2;

type Services = Pick<PodServices, "runtime" | "hooks" | "events">;

/**
 * Ends the running ones of a pod's containers. All preStop hooks run at once; then all but the sidecars are asked to end, then
 * the sidecars, the last started first. When the time is over nobody waits for their turn any more.
 */
export async function stopContainers(
  pod: Pod,
  containers: readonly ObservedContainer[],
  ending: Ending,
  services: Services,
): Promise<void> {
  const running = containers.filter(({ state }) => state === "running");
  const sidecars = (pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name);
  const others = running.filter(({ name }) => !sidecars.includes(name));
  const stop = (container: ObservedContainer, turn?: Promise<unknown>) =>
    stopContainer(pod, container, ending, services, turn);
  const ended = [Promise.all(others.map((container) => stop(container)))] as Promise<unknown>[];
  for (const name of sidecars.reverse()) {
    const sidecar = running.find((container) => container.name === name);
    if (sidecar) ended.push(stop(sidecar, ended.at(-1)));
  }
  await Promise.all(ended);
}

/**
 * Runs a container's preStop hook, waits for its turn, asks it to end, and kills it when its time is over. Resolves when it has
 * ended.
 */
export async function stopContainer(
  pod: Pod,
  container: ObservedContainer,
  ending: Ending,
  { runtime, hooks, events }: Services,
  turn: Promise<unknown> = Promise.resolve(),
): Promise<void> {
  const hook = declared(pod, container.name)?.lifecycle?.preStop;
  if (hook && ending.left > 0) {
    try {
      await hooks.run(pod, container, hook, pod.status?.podIP, ending.over);
    } catch {
      // What the hook said may be secret: as upstream it is not told.
      if (!ending.over.aborted)
        events.record(pod, "Warning", "FailedPreStopHook", "PreStopHook failed", fieldPathOf(pod, container.name));
    }
  }
  await Promise.race([turn, aborted(ending.over)]);
  const stop = () => runtime.stopContainer(container.id, Math.max(leastSeconds, Math.ceil(ending.left)));
  // A later request with less patience goes beside the first one; whichever ends it ends both.
  const { promise, resolve } = Promise.withResolvers<Promise<void>>();
  using _listening = ending.onShortened(() => resolve(stop()));
  await Promise.race([stop(), promise]);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

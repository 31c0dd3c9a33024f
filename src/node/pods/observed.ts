import { runtimeAnnotations, runtimeLabels } from "../runtime/labels.ts";
import type { ContainerRuntime, ContainerStatus, SandboxStatus } from "../runtime/runtime.ts";

/** A container as the runtime has it, with what its annotations say. */
export interface ObservedContainer extends ContainerStatus {
  readonly name: string;
  readonly sandboxId: string;
  readonly restartCount: number;
  /** The hash of the declaration it was made from. */
  readonly hash: string;
}

/** What the runtime has of one pod. */
export interface ObservedPod {
  readonly uid: string;
  /** The newest first. */
  readonly sandboxes: readonly SandboxStatus[];
  /** Of every sandbox; the newest of each name first. */
  readonly containers: readonly ObservedContainer[];
}

/** Reads everything that the runtime has of a pod. */
export async function observePod(runtime: ContainerRuntime, uid: string, signal?: AbortSignal): Promise<ObservedPod> {
  const labels = { [runtimeLabels.podUid]: uid };
  const options = signal ? { signal } : {};
  const [sandboxList, containerList] = await Promise.all([
    runtime.listSandboxes({ labels }, options),
    runtime.listContainers({ labels }, options),
  ]);
  const sandboxes = await Promise.all(sandboxList.map(({ id }) => runtime.sandboxStatus(id, options)));
  const containers = await Promise.all(
    containerList.map(async ({ id, sandboxId }) => {
      const status = await runtime.containerStatus(id, options);
      return status ? observed(status, sandboxId) : undefined;
    }),
  );
  return {
    uid,
    sandboxes: sandboxes.filter((sandbox) => sandbox !== undefined).sort(byAge),
    containers: containers.filter((container) => container !== undefined).sort(byAge),
  };
}

interface Dated {
  readonly createdAt: number;
  readonly metadata: { readonly attempt: number };
}

/** The newest first; attempts decide where the clock did not move between two. */
function byAge(a: Dated, b: Dated): number {
  return b.createdAt - a.createdAt || b.metadata.attempt - a.metadata.attempt;
}

/** The same pod with a sandbox or container that was made, or has changed, since. */
export function withNews(
  pod: ObservedPod,
  news: { readonly sandbox?: SandboxStatus; readonly container?: ObservedContainer },
): ObservedPod {
  const { sandbox, container } = news;
  const other = <T extends { readonly id: string }>(list: readonly T[], id: string) =>
    list.filter((each) => each.id !== id);
  return {
    ...pod,
    ...(sandbox ? { sandboxes: [sandbox, ...other(pod.sandboxes, sandbox.id)].sort(byAge) } : {}),
    ...(container ? { containers: [container, ...other(pod.containers, container.id)].sort(byAge) } : {}),
  };
}

/** Reads what a container's annotations say into its status. */
export function observed(status: ContainerStatus, sandboxId: string): ObservedContainer {
  return {
    ...status,
    sandboxId,
    name: status.labels[runtimeLabels.containerName] ?? status.metadata.name,
    restartCount: Number(status.annotations[runtimeAnnotations.restartCount] ?? status.metadata.attempt) || 0,
    hash: status.annotations[runtimeAnnotations.containerHash] ?? "",
  };
}

/** The newest container of a name. */
export function newest(pod: ObservedPod, name: string): ObservedContainer | undefined {
  return pod.containers.find((container) => container.name === name);
}

/** The sandbox that the pod's containers may live in, if there is one. */
export function readySandbox(pod: ObservedPod): SandboxStatus | undefined {
  const sandbox = pod.sandboxes[0];
  return sandbox?.state === "ready" ? sandbox : undefined;
}

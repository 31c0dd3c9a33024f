import { ownerOf } from "../runtime/labels.ts";
import type { Container, ContainerRuntime } from "../runtime/runtime.ts";

/**
 * Dead containers that can go: all of pods that have ended or are gone, and all but the newest of each name of the others. Those
 * that no kubelet made stay. Pure.
 */
export function chooseDead(
  containers: readonly Container[],
  isLive: (podUid: string) => boolean,
): readonly Container[] {
  const newest = new Set<string>();
  return containers
    .toSorted((one, other) => other.createdAt - one.createdAt)
    .filter(({ state, labels }) => {
      const { podUid, containerName } = ownerOf(labels);
      const key = `${podUid}/${containerName}`;
      const first = !newest.has(key);
      newest.add(key);
      return state === "exited" && podUid !== "" && !(first && isLive(podUid));
    });
}

/** Removes the dead containers that nobody needs. */
export async function removeDead(runtime: ContainerRuntime, isLive: (podUid: string) => boolean): Promise<void> {
  for (const { id } of chooseDead(await runtime.listContainers(), isLive)) await runtime.removeContainer(id);
}

import type { Pod } from "../../../api/core/pod.ts";
import { containersOf } from "./pod-check.ts";

const seccompPod = "seccomp.security.alpha.kubernetes.io/pod";
const seccompContainer = "container.seccomp.security.alpha.kubernetes.io/";

/** Whether an update of a pod changes what the standards look at: its containers, their images, old annotations. */
export function isSignificantUpdate(next: Pod, previous: Pod): boolean {
  const annotation = (pod: Pod, key: string) => pod.metadata.annotations?.[key];
  if (annotation(next, seccompPod) !== annotation(previous, seccompPod)) return true;
  const before = new Map(containersOf(previous.spec).map((container) => [container.name, container]));
  const after = containersOf(next.spec);
  if (after.length !== before.size) return true;
  return after.some(({ name, image }) => {
    const key = seccompContainer + name;
    return before.get(name)?.image !== image || annotation(next, key) !== annotation(previous, key);
  });
}

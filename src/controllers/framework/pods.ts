import { isPodActive, isPodReady, podCondition } from "../../api/core/pod-state.ts";
import type { Pod, PodTemplateSpec } from "../../api/generated/core-v1.ts";
import type { Draft, KindRef, KubeObject } from "../../machinery/object.ts";
import { controllerReference } from "./ownership.ts";

/** A pod made from a template for its controller; `name` where the controller chooses it, else one is generated. */
export function podFromTemplate(
  kind: KindRef<unknown>,
  owner: KubeObject,
  template: PodTemplateSpec,
  name?: string,
): Draft<Pod> {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  const prefix = `${owner.metadata.name}-`;
  return {
    metadata: {
      ...(name ? { name } : { generateName: prefix.length > 253 ? prefix.slice(0, 252) : prefix }),
      namespace: owner.metadata.namespace ?? "",
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers } : {}),
      ownerReferences: [controllerReference(kind, owner)],
    },
    spec: template.spec!,
  };
}

const deletionCost = (pod: Pod) =>
  Number(pod.metadata.annotations?.["controller.kubernetes.io/pod-deletion-cost"] ?? 0) || 0;

const phaseRank: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

function restarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount));
}

type Aged = { readonly time: string | undefined; readonly uid: string };

/**
 * Younger times lose first; unset ones count as the youngest. Ages are compared by powers of two, and where those are equal
 * the uid decides, so that a steady scaling down and up does not always take the same pods.
 */
function compareAge(left: Aged, right: Aged, now: number): number {
  if (left.time === right.time) return 0;
  if (!left.time || !right.time) return left.time ? 1 : -1;
  const rank = (time: string) => {
    const age = now - Date.parse(time);
    // Upstream's powers of two are of nanoseconds.
    return age > 0 ? Math.floor(Math.log2(age * 1e6)) : -1;
  };
  return rank(left.time) - rank(right.time) || (left.uid < right.uid ? -1 : 1);
}

const readySince = (pod: Pod): Aged => ({
  time: podCondition(pod, "Ready")?.lastTransitionTime,
  uid: pod.metadata.uid,
});
const created = ({ metadata }: Pod): Aged => ({ time: metadata.creationTimestamp, uid: metadata.uid });

/**
 * The order in which a controller gives up pods, the first to lose first: unassigned, pending, not ready, cheaper, more of
 * them on the node, ready for a shorter time, more restarts, younger. `related` are the pods that count per node.
 */
export function cheapestToLose(pods: readonly Pod[], related: readonly Pod[], now: number): readonly Pod[] {
  const perNode = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec.nodeName;
    if (node && isPodActive(pod)) perNode.set(node, (perNode.get(node) ?? 0) + 1);
  }
  const crowd = (pod: Pod) => perNode.get(pod.spec.nodeName ?? "") ?? 0;
  return [...pods].sort(
    (a, b) =>
      Number(Boolean(a.spec.nodeName)) - Number(Boolean(b.spec.nodeName)) ||
      (phaseRank[a.status?.phase ?? "Pending"] ?? 1) - (phaseRank[b.status?.phase ?? "Pending"] ?? 1) ||
      Number(isPodReady(a)) - Number(isPodReady(b)) ||
      deletionCost(a) - deletionCost(b) ||
      crowd(b) - crowd(a) ||
      (isPodReady(a) && isPodReady(b) ? compareAge(readySince(a), readySince(b), now) : 0) ||
      restarts(b) - restarts(a) ||
      compareAge(created(a), created(b), now),
  );
}

import { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import { Deployment } from "../../api/apps/deployment.ts";
import { ReplicaSet } from "../../api/apps/replica-set.ts";
import { StatefulSet } from "../../api/apps/stateful-set.ts";
import type { Pod } from "../../api/core/pod.ts";
import { ReplicationController } from "../../api/core/replication-controller.ts";
import type { PodDisruptionBudget } from "../../api/policy/pod-disruption-budget.ts";
import { Fault } from "../../lib/fault.ts";
import type { KindRef, KubeObject, OwnerReference } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import { resolveIntOrPercent } from "../framework/int-or-percent.ts";
import { controllerOf } from "../framework/ownership.ts";
import { customKind } from "../garbage-collector/custom-kinds.ts";

export interface Expectation {
  /** How many pods there shall be. */
  readonly expected: number;
  /** How many of them must be healthy. */
  readonly desired: number;
  /** Pods that no controller brings back: nobody knows how many there shall be. */
  readonly unmanaged: readonly Pod[];
}

/** What a budget asks of its pods. Throws Fault `missing` when a pod's controller tells no size. */
export async function expectation(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  context: ReconcileContext,
): Promise<Expectation> {
  const { minAvailable, maxUnavailable } = budget.spec;
  if (maxUnavailable === undefined && typeof minAvailable === "number") {
    return { expected: pods.length, desired: minAvailable, unmanaged: [] };
  }
  const { size, unmanaged } = await sizeOfAll(pods, context);
  if (maxUnavailable !== undefined) {
    const fewer = resolveIntOrPercent(maxUnavailable, size, "up");
    return { expected: size, desired: Math.max(0, size - fewer), unmanaged };
  }
  const desired = minAvailable === undefined ? 1 : resolveIntOrPercent(minAvailable, size, "up");
  return { expected: size, desired, unmanaged };
}

/** The sizes that the pods' controllers ask for, each once. */
async function sizeOfAll(
  pods: readonly Pod[],
  context: ReconcileContext,
): Promise<{ readonly size: number; readonly unmanaged: readonly Pod[] }> {
  const sizes = new Map<string, number>();
  const unmanaged: Pod[] = [];
  for (const pod of pods) {
    const owner = controllerOf(pod);
    if (!owner) unmanaged.push(pod);
    else if (!sizes.has(owner.uid)) {
      const { uid, size } = await sizeOf(owner, pod, context);
      sizes.set(owner.uid, 0);
      sizes.set(uid, size);
    }
  }
  return { size: [...sizes.values()].reduce((sum, size) => sum + size, 0), unmanaged };
}

async function sizeOf(
  owner: OwnerReference,
  pod: Pod,
  context: ReconcileContext,
): Promise<{ readonly uid: string; readonly size: number }> {
  const { cache } = context;
  const { namespace } = pod.metadata;
  const find = <T extends KubeObject>(kind: KindRef<T>, { name, uid, kind: named }: OwnerReference): T | undefined => {
    const found = named === kind.kind ? cache.get(kind, { namespace, name }) : undefined;
    return found?.metadata.uid === uid ? found : undefined;
  };
  const set = find(ReplicaSet, owner);
  if (set) {
    const above = controllerOf(set);
    const deployment = above && find(Deployment, above);
    return deployment
      ? { uid: deployment.metadata.uid, size: deployment.spec.replicas ?? 1 }
      : { uid: set.metadata.uid, size: set.spec.replicas ?? 1 };
  }
  const other = find(StatefulSet, owner) ?? find(ReplicationController, owner);
  if (other) return { uid: other.metadata.uid, size: other.spec.replicas ?? 1 };
  const size = await customSize(owner, namespace, context);
  if (size === undefined) {
    throw new Fault("missing", `found no controllers for pod "${pod.metadata.name}"`);
  }
  return { uid: owner.uid, size };
}

/** Custom resources tell their size by their subresource `scale`. */
async function customSize(
  owner: OwnerReference,
  namespace: string,
  { cache, client }: ReconcileContext,
): Promise<number | undefined> {
  const group = owner.apiVersion.split("/")[0];
  const definition = cache
    .list(CustomResourceDefinition)
    .find(({ spec }) => spec.group === group && spec.names.kind === owner.kind);
  const kind = definition && customKind(definition);
  if (!kind) return undefined;
  try {
    const scale = await client.getSubresource<{ readonly spec?: { readonly replicas?: number } }>(
      kind,
      { namespace, name: owner.name },
      "scale",
    );
    return scale.spec?.replicas ?? 0;
  } catch (error) {
    if (isStatus(error, "NotFound", "MethodNotAllowed")) return undefined;
    throw error;
  }
}

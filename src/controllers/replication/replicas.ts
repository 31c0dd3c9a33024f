import { Pod } from "../../api/core/pod.ts";
import {
  isPodActive,
  isPodAvailable,
  isPodReady,
  isPodTerminating,
  podAvailableIn,
  podCondition,
} from "../../api/core/pod-state.ts";
import type { PodTemplateSpec } from "../../api/generated/core-v1.ts";
import { errorMessage } from "../../lib/fault.ts";
import { growingBounds } from "../../lib/growing-bounds.ts";
import type { Metrics } from "../../lib/metrics.ts";
import { type KindRef, type KubeObject, keyOf, type ObjectKey } from "../../machinery/object.ts";
import { timeOf } from "../../machinery/times.ts";
import {
  type Cache,
  done,
  type ReconcileContext,
  type ReconcileResult,
  restAfter,
  watches,
} from "../framework/controller.ts";
import { deletePod } from "../framework/delete-pod.ts";
import { claim, controllerOf } from "../framework/ownership.ts";
import { hasLabels } from "../framework/plain-selector.ts";
import { cheapestToLose, podFromTemplate } from "../framework/pods.ts";
import { namespaceEnds } from "../framework/refusals.ts";
import { slowStart } from "../framework/slow-start.ts";

/** At most this many pods are created or deleted in one go (as upstream). */
const burst = 500;

/** What ReplicaSet and ReplicationController differ in. */
export interface ReplicaKind<T extends KubeObject> {
  readonly kind: KindRef<T>;
  /** Whether its status has a count of pods being deleted. */
  readonly countsTerminating: boolean;
  readonly replicasOf: (owner: T) => number;
  readonly minReadySecondsOf: (owner: T) => number;
  readonly templateOf: (owner: T) => PodTemplateSpec | undefined;
  readonly matches: (owner: T, labels: Readonly<Record<string, string>> | undefined) => boolean;
  readonly statusOf: (owner: T) => ReplicaStatus | undefined;
  readonly withStatus: (owner: T, status: ReplicaStatus) => T;
}

export interface ReplicaStatus {
  readonly replicas: number;
  readonly fullyLabeledReplicas?: number;
  readonly readyReplicas?: number;
  readonly availableReplicas?: number;
  readonly terminatingReplicas?: number;
  readonly observedGeneration?: number;
  readonly conditions?: readonly ReplicaCondition[];
}

export interface ReplicaCondition {
  readonly type: "ReplicaFailure";
  readonly status: "True" | "False" | "Unknown";
  readonly lastTransitionTime?: string;
  readonly reason?: string;
  readonly message?: string;
}

/** Wakes every owner whose selector an ownerless pod matches, before or after its change. */
export function orphanWatch<T extends KubeObject>(replica: ReplicaKind<T>) {
  return watches(Pod, (pod, previous, cache: Cache): readonly ObjectKey[] => {
    if (controllerOf(pod as unknown as KubeObject)) return [];
    return cache
      .list(replica.kind, pod.metadata.namespace)
      .filter(
        (owner) =>
          replica.matches(owner, pod.metadata.labels) || (previous && replica.matches(owner, previous.metadata.labels)),
      )
      .map(keyOf);
  });
}

/** Creates or deletes pods until the owner has the number it asks for, and writes down what it saw. */
export async function reconcileReplicas<T extends KubeObject>(
  replica: ReplicaKind<T>,
  key: ObjectKey,
  context: ReconcileContext,
): Promise<ReconcileResult> {
  const { cache, client, clock } = context;
  const owner = cache.get(replica.kind, key);
  if (!owner) return done;

  const pods = await claim({
    client,
    kind: Pod,
    ownerKind: replica.kind as KindRef<KubeObject>,
    owner,
    candidates: [...cache.ownedBy(Pod, owner.metadata.uid), ...cache.orphans(Pod, key.namespace ?? "")],
    matches: (pod) => replica.matches(owner, pod.metadata.labels),
  });
  const active = pods.filter(isPodActive);
  const failure = owner.metadata.deletionTimestamp ? undefined : await manage(replica, owner, active, context);
  const now = clock.now();
  const status = statusFrom(replica, owner, pods, failure, now);
  if (!sameStatus(replica.statusOf(owner), status))
    await client.updateStatus(replica.kind, replica.withStatus(owner, status));
  if (failure) throw failure.error;

  const minReadySeconds = replica.minReadySecondsOf(owner);
  let requeueAfter: number | undefined;
  for (const pod of active) {
    const wait = podAvailableIn(pod, minReadySeconds, now);
    if (wait !== undefined && wait < (requeueAfter ?? Number.POSITIVE_INFINITY)) requeueAfter = wait;
  }
  // More than one burst is on its way: the next one need not wait.
  const rest = Math.abs(replica.replicasOf(owner) - active.length) > burst ? {} : restAfter(pods.length);
  return { ...rest, ...(requeueAfter === undefined ? {} : { requeueAfter }) };
}

interface Failure {
  readonly reason: "FailedCreate" | "FailedDelete";
  readonly error: unknown;
}

async function manage<T extends KubeObject>(
  replica: ReplicaKind<T>,
  owner: T,
  active: readonly Pod[],
  { client, cache, events, clock, metrics }: ReconcileContext,
): Promise<Failure | undefined> {
  const missing = replica.replicasOf(owner) - active.length;
  const template = replica.templateOf(owner);
  if (missing > 0 && template) {
    const draft = podFromTemplate(replica.kind, owner, template);
    try {
      await slowStart(Math.min(missing, burst), async () => {
        const pod = await client.create(Pod, draft);
        events.record(owner, "Normal", "SuccessfulCreate", `Created pod: ${pod.metadata.name}`);
      });
    } catch (error) {
      // A namespace that is going away refuses new pods; the owner will go too, so there is nothing to tell.
      if (namespaceEnds(error)) return undefined;
      events.record(owner, "Warning", "FailedCreate", `Error creating: ${errorMessage(error)}`);
      return { reason: "FailedCreate", error };
    }
  }
  if (missing < 0) {
    const related = cache
      .list(Pod, owner.metadata.namespace)
      .filter((pod) => replica.matches(owner, pod.metadata.labels));
    const surplus = cheapestToLose(active, related, clock.now()).slice(0, Math.min(-missing, burst));
    for (const ratio of ageRatios(surplus, active, clock.now())) metrics.meter(ageRatio).observe(ratio);
    try {
      await Promise.all(
        surplus.map(async (pod) => {
          if (!(await deletePod(client, pod))) return;
          events.record(owner, "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
        }),
      );
    } catch (error) {
      events.record(owner, "Warning", "FailedDelete", `Error deleting: ${errorMessage(error)}`);
      return { reason: "FailedDelete", error };
    }
  }
  return undefined;
}

/** How well ages by powers of two find the youngest, for ReplicaSets and what replicates like them. */
export const ageRatio = (metrics: Metrics) =>
  metrics.histogram(
    "replicaset_controller_sorting_deletion_age_ratio",
    "Age of a ready pod that was chosen to go, by the age of the youngest.",
    [],
    growingBounds(0.25, 2, 6),
  );

/** How old each of the ready pods that go is, by the age of the youngest ready one. */
function ageRatios(surplus: readonly Pod[], active: readonly Pod[], now: number): readonly number[] {
  const age = (pod: Pod) => now - Date.parse(podCondition(pod, "Ready")?.lastTransitionTime ?? "");
  const ages = active.filter(isPodReady).map(age);
  const youngest = ages.reduce((least, each) => Math.min(least, each), Number.POSITIVE_INFINITY);
  return youngest > 0 ? surplus.filter(isPodReady).map((pod) => age(pod) / youngest) : [];
}

function statusFrom<T extends KubeObject>(
  replica: ReplicaKind<T>,
  owner: T,
  pods: readonly Pod[],
  failure: Failure | undefined,
  now: number,
): ReplicaStatus {
  const active = pods.filter(isPodActive);
  const templateLabels = replica.templateOf(owner)?.metadata?.labels;
  const labelled = active.filter((pod) => hasLabels(pod.metadata.labels, templateLabels));
  const ready = active.filter(isPodReady);
  const available = ready.filter((pod) => isPodAvailable(pod, replica.minReadySecondsOf(owner), now));
  const conditions = conditionsFrom(replica.statusOf(owner)?.conditions ?? [], failure, now);
  return {
    replicas: active.length,
    ...(labelled.length > 0 ? { fullyLabeledReplicas: labelled.length } : {}),
    ...(ready.length > 0 ? { readyReplicas: ready.length } : {}),
    ...(available.length > 0 ? { availableReplicas: available.length } : {}),
    ...(replica.countsTerminating ? { terminatingReplicas: pods.filter(isPodTerminating).length } : {}),
    ...(owner.metadata.generation === undefined ? {} : { observedGeneration: owner.metadata.generation }),
    ...(conditions.length > 0 ? { conditions } : {}),
  };
}

function conditionsFrom(
  known: readonly ReplicaCondition[],
  failure: Failure | undefined,
  now: number,
): readonly ReplicaCondition[] {
  const others = known.filter((condition) => condition.type !== "ReplicaFailure");
  if (!failure) return others;
  const before = known.find((condition) => condition.type === "ReplicaFailure" && condition.status === "True");
  // The text names the pod that was refused, a new name each time: writing it down would wake this key at once, for ever.
  if (before) return [...others, before];
  const lastTransitionTime = timeOf(now);
  const { reason, error } = failure;
  return [
    ...others,
    { type: "ReplicaFailure", status: "True", lastTransitionTime, reason, message: errorMessage(error) },
  ];
}

function sameStatus(left: ReplicaStatus | undefined, right: ReplicaStatus): boolean {
  return (
    left !== undefined &&
    left.replicas === right.replicas &&
    (left.fullyLabeledReplicas ?? 0) === (right.fullyLabeledReplicas ?? 0) &&
    (left.readyReplicas ?? 0) === (right.readyReplicas ?? 0) &&
    (left.availableReplicas ?? 0) === (right.availableReplicas ?? 0) &&
    left.terminatingReplicas === right.terminatingReplicas &&
    (left.observedGeneration ?? 0) === (right.observedGeneration ?? 0) &&
    JSON.stringify(left.conditions ?? []) === JSON.stringify(right.conditions ?? [])
  );
}

import type { StatefulSet } from "../../api/apps/stateful-set.ts";
import type { Pod } from "../../api/core/pod.ts";
import { isPodAvailable, isPodReady } from "../../api/core/pod-state.ts";
import type { StatefulSetStatus } from "../../api/generated/apps-v1.ts";
import { replicasOf, revisionLabel } from "./identity.ts";

export interface StatusInput {
  readonly set: StatefulSet;
  readonly pods: readonly Pod[];
  readonly currentRevision: string;
  readonly updateRevision: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What a set's pods add up to. When an update is complete, its revision becomes the current one. */
export function statusOf({ set, pods, currentRevision, updateRevision, now }: StatusInput): StatefulSetStatus {
  const minimum = set.spec.minReadySeconds ?? 0;
  const ready = pods.filter((pod) => pod.status?.phase === "Running" && isPodReady(pod));
  const staying = pods.filter((pod) => !pod.metadata.deletionTimestamp);
  const of = (revision: string) =>
    staying.filter(({ metadata }) => metadata.labels?.[revisionLabel] === revision).length;
  const wanted = replicasOf(set);
  const updatedReplicas = of(updateRevision);
  const complete =
    (set.spec.updateStrategy?.type ?? "RollingUpdate") === "RollingUpdate" &&
    updatedReplicas === wanted &&
    pods.length === wanted &&
    ready.length === wanted;
  const counts = {
    readyReplicas: ready.length,
    currentReplicas: complete ? updatedReplicas : of(currentRevision),
    updatedReplicas,
  };
  const { collisionCount, conditions } = set.status ?? {};
  return {
    ...(set.metadata.generation === undefined ? {} : { observedGeneration: set.metadata.generation }),
    replicas: pods.length,
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)),
    currentRevision: complete ? updateRevision : currentRevision,
    updateRevision,
    availableReplicas: ready.filter((pod) => isPodAvailable(pod, minimum, now)).length,
    collisionCount: collisionCount ?? 0,
    ...(conditions ? { conditions } : {}),
  };
}

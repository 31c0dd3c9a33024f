import type { Deployment } from "../../api/apps/deployment.ts";
import type { ReplicaSet } from "../../api/apps/replica-set.ts";
import type { DeploymentCondition, DeploymentStatus } from "../../api/generated/apps-v1.ts";
import {
  conditionOf,
  hasDeadline,
  isComplete,
  isProgressing,
  isTimedOut,
  type ProgressReason,
  renewedCondition,
  withCondition,
  withoutCondition,
} from "./conditions.ts";
import { allSets, availableOf, boundsOf, replicasOf, type Sets, sizeOf } from "./sizes.ts";

/** What a Deployment's ReplicaSets add up to, with the condition Available. `now` is in milliseconds. */
export function statusOf(deployment: Deployment, sets: Sets, now: number): DeploymentStatus {
  const all = allSets(sets);
  const sum = (of: (set: ReplicaSet) => number) => all.reduce((total, set) => total + of(set), 0);
  const available = sum(availableOf);
  const counts = {
    replicas: sum(({ status }) => status?.replicas ?? 0),
    updatedReplicas: sets.current?.status?.replicas ?? 0,
    readyReplicas: sum(({ status }) => status?.readyReplicas ?? 0),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum(sizeOf) - available),
  };
  const counted = all.every(({ status }) => status?.terminatingReplicas !== undefined);
  const { collisionCount, conditions = [] } = deployment.status ?? {};
  const enough = available >= replicasOf(deployment) - boundsOf(deployment).unavailable;
  return {
    ...(deployment.metadata.generation === undefined ? {} : { observedGeneration: deployment.metadata.generation }),
    // Counts of nothing are left out, as the older clients of a Deployment expect.
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)),
    ...(counted ? { terminatingReplicas: sum(({ status }) => status?.terminatingReplicas ?? 0) } : {}),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    conditions: withCondition(
      conditions,
      enough
        ? {
            type: "Available",
            status: "True",
            reason: "MinimumReplicasAvailable",
            message: "Deployment has minimum availability.",
          }
        : {
            type: "Available",
            status: "False",
            reason: "MinimumReplicasUnavailable",
            message: "Deployment does not have minimum availability.",
          },
      now,
    ),
  };
}

/** The status during a rollout: with the condition Progressing judged, and the failures of ReplicaSets passed on. */
export function rolloutStatus(deployment: Deployment, sets: Sets, now: number): DeploymentStatus {
  const counted = statusOf(deployment, sets, now);
  const progress = judgeProgress(deployment, sets, counted, now);
  const failure = failureOf(sets);
  const conditions = failure
    ? withCondition(progress, { ...failure, reason: failure.reason ?? "", message: failure.message ?? "" }, now)
    : withoutCondition(progress, "ReplicaFailure");
  return { ...counted, conditions };
}

function judgeProgress(
  deployment: Deployment,
  { current }: Sets,
  status: DeploymentStatus,
  now: number,
): readonly DeploymentCondition[] {
  const conditions = status.conditions ?? [];
  if (!hasDeadline(deployment)) return withoutCondition(conditions, "Progressing");
  const known = conditionOf(deployment.status, "Progressing");
  // A finished rollout stays finished: pods that come and go later are no rollout.
  if ((status.replicas ?? 0) === (status.updatedReplicas ?? 0) && known?.reason === "NewReplicaSetAvailable") {
    return conditions;
  }
  const subject = current ? `ReplicaSet "${current.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
  const progressing = (state: "True" | "False", reason: ProgressReason, message: string) =>
    ({ type: "Progressing", status: state, reason, message }) as const;
  if (isComplete(deployment, status)) {
    const message = `${subject} has successfully progressed.`;
    return withCondition(conditions, progressing("True", "NewReplicaSetAvailable", message), now);
  }
  if (isProgressing(deployment.status, status)) {
    return renewedCondition(conditions, progressing("True", "ReplicaSetUpdated", `${subject} is progressing.`), now);
  }
  if (isTimedOut(deployment, status, now)) {
    const message = `${subject} has timed out progressing.`;
    return withCondition(conditions, progressing("False", "ProgressDeadlineExceeded", message), now);
  }
  return conditions;
}

function failureOf({ current, old }: Sets) {
  const failures = (sets: readonly ReplicaSet[]) =>
    sets.flatMap(({ status }) => status?.conditions ?? []).filter(({ type }) => type === "ReplicaFailure");
  return (current && failures([current])[0]) ?? failures(old)[0];
}

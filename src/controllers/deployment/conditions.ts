import type { Deployment } from "../../api/apps/deployment.ts";
import type { DeploymentCondition, DeploymentStatus } from "../../api/generated/apps-v1.ts";
import { timeOf } from "../../machinery/times.ts";
import { noLimit } from "./sizes.ts";

export type ProgressReason =
  | "NewReplicaSetCreated"
  | "FoundNewReplicaSet"
  | "ReplicaSetUpdated"
  | "NewReplicaSetAvailable"
  | "ReplicaSetCreateError"
  | "ProgressDeadlineExceeded"
  | "DeploymentPaused"
  | "DeploymentResumed";

type Conditions = readonly DeploymentCondition[];

export interface NewCondition {
  readonly type: DeploymentCondition["type"];
  readonly status: DeploymentCondition["status"];
  readonly reason: string;
  readonly message: string;
}

export function conditionOf(status: DeploymentStatus | undefined, type: DeploymentCondition["type"]) {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** The conditions with this one set; unchanged when status and reason are the same already. `now` is in milliseconds. */
export function withCondition(conditions: Conditions, condition: NewCondition, now: number): Conditions {
  const known = conditions.find(({ type }) => type === condition.type);
  if (known?.status === condition.status && known.reason === condition.reason) return conditions;
  return renewedCondition(conditions, condition, now);
}

/** As `withCondition`, but its update time moves even when nothing else does. */
export function renewedCondition(conditions: Conditions, condition: NewCondition, now: number): Conditions {
  const known = conditions.find(({ type }) => type === condition.type);
  const time = timeOf(now);
  const { type, status, reason, message } = condition;
  const lastTransitionTime = known?.status === status ? (known.lastTransitionTime ?? time) : time;
  return [
    ...withoutCondition(conditions, type),
    { type, status, lastUpdateTime: time, lastTransitionTime, reason, message },
  ];
}

export function withoutCondition(conditions: Conditions, type: DeploymentCondition["type"]): Conditions {
  return conditions.filter((condition) => condition.type !== type);
}

export function hasDeadline({ spec }: Deployment): boolean {
  return spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds !== noLimit;
}

/** Every pod is of the current template and available, and this generation was seen. */
export function isComplete({ spec, metadata }: Deployment, status: DeploymentStatus): boolean {
  const wanted = spec.replicas ?? 1;
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (metadata.generation ?? 0)
  );
}

/** Something got nearer to the goal since `before`. */
export function isProgressing(before: DeploymentStatus | undefined, after: DeploymentStatus): boolean {
  const oldPods = (status: DeploymentStatus | undefined) => (status?.replicas ?? 0) - (status?.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before?.updatedReplicas ?? 0) ||
    oldPods(after) < oldPods(before) ||
    (after.readyReplicas ?? 0) > (before?.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before?.availableReplicas ?? 0)
  );
}

/** No progress was noted for longer than the deadline. */
export function isTimedOut(deployment: Deployment, status: DeploymentStatus, now: number): boolean {
  if (!hasDeadline(deployment)) return false;
  const condition = conditionOf(status, "Progressing");
  if (!condition || condition.reason === "NewReplicaSetAvailable") return false;
  if (condition.reason === "ProgressDeadlineExceeded") return true;
  return deadlineOf(deployment, condition) < now;
}

/** Milliseconds until a rollout that does not move must be looked at again; undefined when nothing is being waited for. */
export function deadlineIn(deployment: Deployment, status: DeploymentStatus, now: number): number | undefined {
  const condition = conditionOf(deployment.status, "Progressing");
  if (!hasDeadline(deployment) || !condition) return undefined;
  if (isComplete(deployment, status) || condition.reason === "ProgressDeadlineExceeded") return undefined;
  // A second more, since the times in conditions have no finer grain.
  return Math.max(0, deadlineOf(deployment, condition) - now) + 1000;
}

function deadlineOf({ spec }: Deployment, { lastUpdateTime }: DeploymentCondition): number {
  return (lastUpdateTime ? Date.parse(lastUpdateTime) : 0) + (spec.progressDeadlineSeconds ?? 0) * 1000;
}

import { Deployment } from "../../api/apps/deployment.ts";
import { ReplicaSet } from "../../api/apps/replica-set.ts";
import type { DeploymentStatus } from "../../api/generated/apps-v1.ts";
import { isEqual } from "../../machinery/equality.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import { type Resize, type Sets, sizeAnnotations, sizeOf } from "./sizes.ts";

/** Writes a status unless it says what is there already; returns the Deployment as it is then. */
export async function writeStatus(
  deployment: Deployment,
  status: DeploymentStatus,
  { client }: ReconcileContext,
): Promise<Deployment> {
  if (isEqual(deployment.status ?? {}, status)) return deployment;
  return await client.updateStatus(Deployment, { ...deployment, status });
}

/** Gives ReplicaSets their new sizes, one after the other; returns all sets as they are then. */
export async function resize(
  deployment: Deployment,
  sets: Sets,
  plan: Resize,
  context: ReconcileContext,
): Promise<Sets> {
  let result = sets;
  for (const { set, replicas } of plan) result = replaced(result, await scale(deployment, set, replicas, context));
  return result;
}

async function scale(
  deployment: Deployment,
  set: ReplicaSet,
  replicas: number,
  { client, events }: ReconcileContext,
): Promise<ReplicaSet> {
  const size = sizeOf(set);
  const annotations = { ...set.metadata.annotations, ...sizeAnnotations(deployment) };
  if (size === replicas && isEqual(annotations, set.metadata.annotations ?? {})) return set;
  const written = await client.update(ReplicaSet, {
    ...set,
    metadata: { ...set.metadata, annotations },
    spec: { ...set.spec, replicas },
  });
  if (size !== replicas) {
    const way = replicas > size ? "up" : "down";
    const message = `Scaled ${way} replica set ${set.metadata.name} from ${size} to ${replicas}`;
    events.record(deployment, "Normal", "ScalingReplicaSet", message);
  }
  return written;
}

/** The sets with one of them in a newer state. */
export function replaced({ current, old }: Sets, set: ReplicaSet): Sets {
  const newer = (known: ReplicaSet) => (known.metadata.uid === set.metadata.uid ? set : known);
  return { current: current && newer(current), old: old.map(newer) };
}

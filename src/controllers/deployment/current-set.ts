import { Deployment } from "../../api/apps/deployment.ts";
import { ReplicaSet } from "../../api/apps/replica-set.ts";
import { errorMessage } from "../../lib/fault.ts";
import { isEqual } from "../../machinery/equality.ts";
import type { Draft } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import { controllerOf, controllerReference } from "../framework/ownership.ts";
import { namespaceEnds } from "../framework/refusals.ts";
import { contentHash } from "../framework/template-hash.ts";
import { conditionOf, hasDeadline, type NewCondition, withCondition } from "./conditions.ts";
import { hashLabel, numberedAnnotations, revisionAnnotation, revisionOf, sameTemplate } from "./revisions.ts";
import { byCreation, currentSize, type Sets, sizeAnnotations } from "./sizes.ts";

/** A Deployment and its ReplicaSets after something was written. */
export interface Synced {
  readonly deployment: Deployment;
  readonly sets: Sets;
}

/** Tells the ReplicaSet of the current template from the others; of several, the oldest is it. */
export function split(deployment: Deployment, owned: readonly ReplicaSet[]): Sets {
  const current = [...owned].sort(byCreation).find(({ spec }) => sameTemplate(spec.template, deployment.spec.template));
  return { current, old: owned.filter((set) => set !== current) };
}

/**
 * Numbers the ReplicaSet of the current template, and the Deployment after it; makes the set first if it is not there and
 * `create` is true.
 */
export async function syncRevision(
  deployment: Deployment,
  sets: Sets,
  context: ReconcileContext,
  { create }: { readonly create: boolean },
): Promise<Synced> {
  const revision = Math.max(0, ...sets.old.map(revisionOf)) + 1;
  if (sets.current) return await number(deployment, { ...sets, current: sets.current }, revision, context);
  if (!create) return { deployment, sets };
  return await makeSet(deployment, sets, revision, context);
}

async function number(
  deployment: Deployment,
  sets: Sets & { readonly current: ReplicaSet },
  revision: number,
  context: ReconcileContext,
): Promise<Synced> {
  const { current } = sets;
  const known = current.metadata.annotations ?? {};
  const annotations = numberedAnnotations(deployment, known, revision);
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0;
  if (!isEqual(annotations, known) || (current.spec.minReadySeconds ?? 0) !== minReadySeconds) {
    const written = await context.client.update(ReplicaSet, {
      ...current,
      metadata: { ...current.metadata, annotations },
      spec: { ...current.spec, minReadySeconds },
    });
    return { deployment, sets: { ...sets, current: written } };
  }
  const note = conditionOf(deployment.status, "Progressing")
    ? undefined
    : progress("True", "FoundNewReplicaSet", `Found new replica set "${current.metadata.name}"`);
  return { deployment: await follow(deployment, annotations[revisionAnnotation], note, context), sets };
}

async function makeSet(
  deployment: Deployment,
  sets: Sets,
  revision: number,
  context: ReconcileContext,
): Promise<Synced> {
  const { client, events } = context;
  const draft = draftOf(deployment, sets, revision);
  const { name } = draft.metadata;
  let current: ReplicaSet;
  let found = false;
  try {
    current = await client.create(ReplicaSet, draft);
  } catch (error) {
    const own = isStatus(error, "AlreadyExists") ? await sameAlready(deployment, name, context) : undefined;
    if (!own) {
      if (!namespaceEnds(error)) await noteFailure(deployment, name, error, context);
      throw error;
    }
    current = own;
    found = true;
  }
  const size = draft.spec.replicas ?? 0;
  if (!found && size > 0) {
    events.record(deployment, "Normal", "ScalingReplicaSet", `Scaled up replica set ${name} from 0 to ${size}`);
  }
  const note = found ? undefined : progress("True", "NewReplicaSetCreated", `Created new replica set "${name}"`);
  const numbered = await follow(deployment, `${revision}`, note, context);
  return { deployment: numbered, sets: { ...sets, current } };
}

function draftOf(
  deployment: Deployment,
  { old }: Sets,
  revision: number,
): Draft<ReplicaSet> & { readonly metadata: { readonly name: string } } {
  const { template, selector } = deployment.spec;
  const hash = contentHash(template, deployment.status?.collisionCount);
  const labels = { ...template.metadata?.labels, [hashLabel]: hash };
  return {
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      namespace: deployment.metadata.namespace,
      labels,
      annotations: { ...numberedAnnotations(deployment, {}, revision), ...sizeAnnotations(deployment) },
      ownerReferences: [controllerReference(Deployment, deployment)],
    },
    spec: {
      replicas: currentSize(deployment, old, 0),
      minReadySeconds: deployment.spec.minReadySeconds ?? 0,
      selector: { ...selector, matchLabels: { ...selector?.matchLabels, [hashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

/** A set of that name that is ours already and makes the same pods: an earlier try whose answer got lost. */
async function sameAlready(
  deployment: Deployment,
  name: string,
  { client }: ReconcileContext,
): Promise<ReplicaSet | undefined> {
  const set = await client.get(ReplicaSet, { namespace: deployment.metadata.namespace, name });
  if (controllerOf(set)?.uid === deployment.metadata.uid && sameTemplate(set.spec.template, deployment.spec.template)) {
    return set;
  }
  // The name stands for another template: the next try gets another one.
  const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
  await client.updateStatus(Deployment, { ...deployment, status: { ...deployment.status, collisionCount } });
  return undefined;
}

async function noteFailure(
  deployment: Deployment,
  name: string,
  error: unknown,
  context: ReconcileContext,
): Promise<void> {
  if (isStatus(error, "AlreadyExists")) return;
  const message = `Failed to create new replica set "${name}": ${errorMessage(error)}`;
  context.events.record(deployment, "Warning", "ReplicaSetCreateError", message);
  await follow(deployment, undefined, progress("False", "ReplicaSetCreateError", message), context);
}

const progress = (status: "True" | "False", reason: string, message: string): NewCondition => ({
  type: "Progressing",
  status,
  reason,
  message,
});

/** Writes the revision and the condition into the Deployment, where they are not there yet. */
async function follow(
  deployment: Deployment,
  revision: string | undefined,
  note: NewCondition | undefined,
  { client, clock }: ReconcileContext,
): Promise<Deployment> {
  let result = deployment;
  if (revision !== undefined && deployment.metadata.annotations?.[revisionAnnotation] !== revision) {
    const annotations = { ...deployment.metadata.annotations, [revisionAnnotation]: revision };
    // By way of the status, as upstream: a change of annotations would count as a new generation otherwise.
    result = await client.updateStatus(Deployment, {
      ...deployment,
      metadata: { ...deployment.metadata, annotations },
    });
  }
  if (!note || !hasDeadline(deployment)) return result;
  const before = result.status?.conditions ?? [];
  const conditions = withCondition(before, note, clock.now());
  if (conditions === before) return result;
  return await client.updateStatus(Deployment, { ...result, status: { ...result.status, conditions } });
}

import { Deployment } from "../../api/apps/deployment.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import type { Synced } from "./current-set.ts";
import { revisionOf, rollbackAnnotation, rolledBackAnnotations, sameTemplate, withoutHash } from "./revisions.ts";
import { allSets, type Sets } from "./sizes.ts";

/** The revision that a rollback is asked to (0: the one before); undefined when none is asked. */
export function rollbackTo({ metadata }: Deployment): number | undefined {
  const text = metadata.annotations?.[rollbackAnnotation];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Puts the template of an earlier revision back, and takes the request away, whatever came of it. */
export async function rollBack({ deployment, sets }: Synced, asked: number, context: ReconcileContext): Promise<void> {
  const { client, events } = context;
  const revision = asked === 0 ? revisionBefore(sets) : asked;
  const set = revision === 0 ? undefined : allSets(sets).find((known) => revisionOf(known) === revision);
  let next = deployment;
  if (!set?.spec.template) {
    const message = revision === 0 ? "Unable to find last revision." : "Unable to find the revision to rollback to.";
    events.record(deployment, "Warning", "DeploymentRollbackRevisionNotFound", message);
  } else if (sameTemplate(set.spec.template, deployment.spec.template)) {
    const message = `The rollback revision contains the same template as current deployment "${deployment.metadata.name}"`;
    events.record(deployment, "Warning", "DeploymentRollbackTemplateUnchanged", message);
  } else {
    next = {
      ...deployment,
      metadata: { ...deployment.metadata, annotations: rolledBackAnnotations(deployment, set) },
      spec: { ...deployment.spec, template: withoutHash(set.spec.template) },
    };
  }
  const { [rollbackAnnotation]: _, ...annotations } = next.metadata.annotations ?? {};
  await client.update(Deployment, { ...next, metadata: { ...next.metadata, annotations } });
  if (next !== deployment) {
    const message = `Rolled back deployment "${deployment.metadata.name}" to revision ${revision}`;
    events.record(deployment, "Normal", "DeploymentRollback", message);
  }
}

/** The second highest number; 0 when there is none. */
function revisionBefore(sets: Sets): number {
  const numbers = allSets(sets)
    .map(revisionOf)
    .sort((a, b) => b - a);
  return numbers[1] ?? 0;
}

import type { StatefulSet } from "../../api/apps/stateful-set.ts";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { Pod } from "../../api/core/pod.ts";
import type { PodTemplateSpec } from "../../api/generated/core-v1.ts";
import { errorMessage, Fault } from "../../lib/fault.ts";
import { keyOf } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import { deletePod } from "../framework/delete-pod.ts";
import { namespaceEnds } from "../framework/refusals.ts";
import { claimFor, claimName, isWanted, mendedOwners, missingLabels, podFor, podName } from "./identity.ts";
import type { Step } from "./plan.ts";

export interface Revision {
  readonly name: string;
  readonly template: PodTemplateSpec;
}

/** Takes one step of a plan, telling it in events. Throws what the server refuses. */
export async function take(
  set: StatefulSet,
  step: Step,
  revisions: Readonly<Record<"current" | "update", Revision>>,
  context: ReconcileContext,
): Promise<void> {
  switch (step.act) {
    case "create":
      return await create(set, step.ordinal, revisions[step.revision], context);
    case "delete":
      return await remove(set, step.pod, context);
    case "mend":
      return await mend(set, step.pod, step.ordinal, context);
  }
}

async function create(set: StatefulSet, ordinal: number, revision: Revision, context: ReconcileContext): Promise<void> {
  const { client, cache } = context;
  const name = podName(set, ordinal);
  const { namespace } = set.metadata;
  for (const template of set.spec.volumeClaimTemplates ?? []) {
    const claim = cache.get(PersistentVolumeClaim, { namespace, name: claimName(set, template, ordinal) });
    // Owned by an earlier pod of the name, a claim goes with it: a new pod must not begin with it.
    const stale = claim?.metadata.ownerReferences?.some((owner) => owner.kind === Pod.kind && owner.name === name);
    if (stale) throw new Fault("conflict", `claim ${claim?.metadata.name} goes with an earlier pod ${name}`);
  }
  const told = await tell(set, "Create", name, context, async () => {
    await makeClaims(set, ordinal, context);
    await client.create(Pod, podFor(set, ordinal, revision));
  });
  return told;
}

/** Claims outlive their pods: most of the time they are there already. */
async function makeClaims(set: StatefulSet, ordinal: number, context: ReconcileContext): Promise<void> {
  const { client, cache, events } = context;
  const { namespace, name } = set.metadata;
  for (const template of set.spec.volumeClaimTemplates ?? []) {
    const claim = claimName(set, template, ordinal);
    const known = cache.get(PersistentVolumeClaim, { namespace, name: claim });
    if (known?.metadata.deletionTimestamp) throw new Fault("conflict", `pvc ${claim} is being deleted`);
    if (known) continue;
    const subject = `create Claim ${claim} Pod ${podName(set, ordinal)} in StatefulSet ${name}`;
    try {
      await client.create(PersistentVolumeClaim, claimFor(set, template, ordinal));
      events.record(set, "Normal", "SuccessfulCreate", `${subject} success`);
    } catch (error) {
      if (isStatus(error, "AlreadyExists")) continue;
      const text = `create Claim ${claim} for Pod ${podName(set, ordinal)} in StatefulSet ${name} failed error: ${errorMessage(error)}`;
      if (!namespaceEnds(error)) events.record(set, "Warning", "FailedCreate", text);
      throw error;
    }
  }
}

async function remove(set: StatefulSet, pod: Pod, context: ReconcileContext): Promise<void> {
  await tell(set, "Delete", pod.metadata.name, context, async () => {
    await deletePod(context.client, pod);
  });
}

async function mend(set: StatefulSet, pod: Pod, ordinal: number, context: ReconcileContext): Promise<void> {
  const { client, cache } = context;
  const stays = isWanted(set, ordinal);
  const labels = missingLabels(set, pod, ordinal);
  if (stays && labels) {
    await tell(set, "Update", pod.metadata.name, context, async () => {
      await client.patch(Pod, keyOf(pod), { type: "merge", body: { metadata: { uid: pod.metadata.uid, labels } } });
    });
  }
  if (stays && pod.status?.phase === "Pending" && !pod.metadata.deletionTimestamp)
    await makeClaims(set, ordinal, context);
  for (const template of set.spec.volumeClaimTemplates ?? []) {
    const key = { namespace: set.metadata.namespace, name: claimName(set, template, ordinal) };
    const claim = cache.get(PersistentVolumeClaim, key);
    const ownerReferences = claim && mendedOwners(set, pod, ordinal, claim);
    if (!claim || !ownerReferences) continue;
    await client.update(PersistentVolumeClaim, { ...claim, metadata: { ...claim.metadata, ownerReferences } });
  }
}

async function tell(
  set: StatefulSet,
  what: "Create" | "Delete" | "Update",
  pod: string,
  { events }: ReconcileContext,
  act: () => Promise<void>,
): Promise<void> {
  const subject = `${what.toLowerCase()} Pod ${pod} in StatefulSet ${set.metadata.name}`;
  try {
    await act();
  } catch (error) {
    if (!namespaceEnds(error)) {
      events.record(set, "Warning", `Failed${what}`, `${subject} failed error: ${errorMessage(error)}`);
    }
    throw error;
  }
  events.record(set, "Normal", `Successful${what}`, `${subject} successful`);
}

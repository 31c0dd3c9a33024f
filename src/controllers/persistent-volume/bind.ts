import { PersistentVolume } from "../../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import type { PersistentVolumePhase } from "../../api/generated/core-v1.ts";
import { isEqual } from "../../machinery/equality.ts";
import { timeOf } from "../../machinery/times.ts";
import type { ReconcileContext } from "../framework/controller.ts";

export const bindCompleted = "pv.kubernetes.io/bind-completed";
export const boundByController = "pv.kubernetes.io/bound-by-controller";

/**
 * Binds a volume and a claim to each other: the volume is promised first, so that of two claims only one gets it, and the
 * claim's mark `bind-completed` comes last. Interrupted anywhere, a second call goes on from there.
 */
export async function bind(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
  context: ReconcileContext,
): Promise<void> {
  const promised = await promise(volume, claim, context);
  await writeVolumePhase(promised, "Bound", context);
  const marked = await mark(claim, promised, context);
  const { capacity, accessModes } = promised.spec;
  const status = { ...marked.status, phase: "Bound" as const, accessModes, capacity };
  if (!isEqual(status, marked.status)) {
    await context.client.updateStatus(PersistentVolumeClaim, { ...marked, status } as PersistentVolumeClaim);
  }
}

async function promise(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
  { client }: ReconcileContext,
): Promise<PersistentVolume> {
  const { name, namespace, uid, resourceVersion } = claim.metadata;
  const known = volume.spec.claimRef;
  if (known?.uid === uid && known.name === name && known.namespace === namespace) return volume;
  // What the user promised is the user's to take back.
  const own: Readonly<Record<string, string>> = known ? {} : { [boundByController]: "yes" };
  const claimRef = { kind: "PersistentVolumeClaim", namespace, name, uid, apiVersion: "v1", resourceVersion };
  return await client.update(PersistentVolume, {
    ...volume,
    metadata: { ...volume.metadata, annotations: { ...volume.metadata.annotations, ...own } },
    spec: { ...volume.spec, claimRef },
  });
}

async function mark(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
  { client }: ReconcileContext,
): Promise<PersistentVolumeClaim> {
  const { annotations = {} } = claim.metadata;
  const chosen = claim.spec.volumeName === volume.metadata.name;
  if (chosen && annotations[bindCompleted]) return claim;
  const own: Readonly<Record<string, string>> = chosen ? {} : { [boundByController]: "yes" };
  return await client.update(PersistentVolumeClaim, {
    ...claim,
    metadata: { ...claim.metadata, annotations: { ...annotations, ...own, [bindCompleted]: "yes" } },
    spec: { ...claim.spec, volumeName: volume.metadata.name },
  });
}

/** Writes a volume's phase unless it stands there already. */
export async function writeVolumePhase(
  volume: PersistentVolume,
  phase: PersistentVolumePhase,
  { client, clock }: ReconcileContext,
  message?: string,
): Promise<void> {
  if (volume.status?.phase === phase && volume.status.message === message) return;
  const { message: _, ...before } = volume.status ?? {};
  const lastPhaseTransitionTime = timeOf(clock.now());
  const moved = before.phase === phase ? {} : { lastPhaseTransitionTime };
  const status = { ...before, phase, ...moved, ...(message ? { message } : {}) };
  await client.updateStatus(PersistentVolume, { ...volume, status });
}

/** Writes a claim's phase; one that is not bound has no capacity. */
export async function writeClaimPhase(
  claim: PersistentVolumeClaim,
  phase: "Lost" | "Pending",
  { client }: ReconcileContext,
): Promise<void> {
  if (claim.status?.phase === phase) return;
  const { capacity: _, accessModes: __, ...before } = claim.status ?? {};
  await client.updateStatus(PersistentVolumeClaim, { ...claim, status: { ...before, phase } });
}

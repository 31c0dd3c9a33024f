import { PersistentVolume } from "../../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { defineController, done, type ReconcileContext, watches } from "../framework/controller.ts";
import { boundByController, writeVolumePhase } from "./bind.ts";
import { volumeMetrics } from "./volume-metrics.ts";

const provisionedBy = "pv.kubernetes.io/provisioned-by";

/** Keeps the phase of volumes, and does with released ones what their reclaim policy says. */
export const volumeController = defineController({
  name: "persistentvolume-binder",
  serviceAccount: "persistent-volume-binder",
  eventSource: "persistentvolume-controller",
  for: PersistentVolume,
  watches: [
    watches(PersistentVolumeClaim, ({ metadata, spec }, previous, cache) => {
      const names = new Set([spec.volumeName, previous?.spec.volumeName]);
      for (const { metadata: volume, spec: of } of cache.list(PersistentVolume)) {
        if (of.claimRef?.name === metadata.name && of.claimRef.namespace === metadata.namespace) names.add(volume.name);
      }
      return [...names].flatMap((name) => (name ? [{ name }] : []));
    }),
  ],
  workers: 4,
  meters: volumeMetrics,
  async reconcile(key, context) {
    const volume = context.cache.get(PersistentVolume, key);
    if (!volume) return done;
    const reference = volume.spec.claimRef;
    if (!reference?.uid) {
      await writeVolumePhase(volume, "Available", context);
      return done;
    }
    const claim = await claimOf(volume, context);
    if (!claim) await release(volume, context);
    else if (claim.spec.volumeName === volume.metadata.name) await writeVolumePhase(volume, "Bound", context);
    else if (claim.spec.volumeName) await unpromise(volume, context);
    return done;
  },
});

/** The claim that a volume is promised to. That it is gone is asked of the server, since data may be deleted for it. */
async function claimOf(
  volume: PersistentVolume,
  { cache, client }: ReconcileContext,
): Promise<PersistentVolumeClaim | undefined> {
  const { namespace = "", name = "", uid } = volume.spec.claimRef ?? {};
  const known = cache.get(PersistentVolumeClaim, { namespace, name });
  if (known?.metadata.uid === uid) return known;
  try {
    const claim = await client.get(PersistentVolumeClaim, { namespace, name });
    return claim.metadata.uid === uid ? claim : undefined;
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}

async function release(volume: PersistentVolume, context: ReconcileContext): Promise<void> {
  const { events } = context;
  const policy = volume.spec.persistentVolumeReclaimPolicy ?? "Retain";
  const external = volume.metadata.annotations?.[provisionedBy];
  // Who made the volume removes it, with what is on it.
  if (policy === "Retain" || (policy === "Delete" && external))
    return await writeVolumePhase(volume, "Released", context);
  const [reason, message] =
    policy === "Delete"
      ? ["VolumeFailedDelete", "no deletable volume plugin matched"]
      : ["VolumeFailedRecycle", "no recyclable volume plugin matched"];
  if (volume.status?.phase !== "Failed") events.record(volume, "Warning", reason ?? "", message ?? "");
  await writeVolumePhase(volume, "Failed", context, message);
}

/** The claim has another volume: this one is free again, or stays promised by name if the user promised it. */
async function unpromise(volume: PersistentVolume, { client }: ReconcileContext): Promise<void> {
  const { claimRef, ...spec } = volume.spec;
  const { [boundByController]: own, ...annotations } = volume.metadata.annotations ?? {};
  const { uid: _, resourceVersion: __, ...promised } = claimRef ?? {};
  await client.update(PersistentVolume, {
    ...volume,
    metadata: { ...volume.metadata, annotations },
    spec: own ? spec : { ...spec, claimRef: promised },
  });
}

import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { Pod } from "../../api/core/pod.ts";
import type { Volume } from "../../api/generated/core-v1.ts";
import { errorMessage, Fault } from "../../lib/fault.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { KindRef, KubeObject } from "../../machinery/object.ts";
import { declared, defineController, done, type ReconcileContext } from "../framework/controller.ts";

const claimMetrics = (metrics: Metrics) => ({
  asked: metrics.counter("ephemeral_volume_controller_create_total", "Claims asked for."),
  refused: metrics.counter("ephemeral_volume_controller_create_failures_total", "Claims that could not be made."),
});

/** Makes the claims of pods' ephemeral volumes, `POD-VOLUME` each; as the pod's property they go with it. */
export const ephemeralVolumeController = defineController({
  name: "ephemeral-volume",
  eventSource: "ephemeral_volume",
  for: Pod,
  // Volumes of a pod never change; a claim that is taken away wakes its pod.
  wakes: () => false,
  concerns: (pod) => (pod as KubeObject as Pod).spec.volumes?.some(({ ephemeral }) => ephemeral) ?? false,
  owns: [PersistentVolumeClaim as unknown as KindRef<KubeObject>],
  workers: 5,
  meters: declared(claimMetrics),
  async reconcile(key, context) {
    const pod = context.cache.get(Pod, key);
    if (!pod || pod.metadata.deletionTimestamp) return done;
    for (const volume of pod.spec.volumes ?? []) {
      if (!volume.ephemeral) continue;
      try {
        await claimFor(pod, volume, context);
      } catch (error) {
        const message = `ephemeral volume ${volume.name}: ${errorMessage(error)}`;
        context.events.record(pod, "Warning", "FailedBinding", message);
        throw error;
      }
    }
    return done;
  },
});

async function claimFor(pod: Pod, volume: Volume, { cache, client, metrics }: ReconcileContext): Promise<void> {
  const { name: podName, namespace, uid } = pod.metadata;
  const name = `${podName}-${volume.name}`;
  const known = cache.get(PersistentVolumeClaim, { namespace, name });
  if (known) {
    if (known.metadata.ownerReferences?.some((owner) => owner.controller && owner.uid === uid)) return;
    throw new Fault(
      "conflict",
      `PVC ${namespace}/${name} was not created for pod ${namespace}/${podName} (pod is not owner)`,
    );
  }
  const template = volume.ephemeral?.volumeClaimTemplate;
  if (!template) return;
  const { labels, annotations } = template.metadata ?? {};
  const owner = { apiVersion: "v1", kind: "Pod", name: podName, uid, controller: true, blockOwnerDeletion: true };
  const { asked, refused } = metrics.meter(claimMetrics);
  asked.inc();
  try {
    await client.create(PersistentVolumeClaim, {
      metadata: {
        name,
        namespace,
        ownerReferences: [owner],
        ...(labels ? { labels } : {}),
        ...(annotations ? { annotations } : {}),
      },
      spec: template.spec,
    });
  } catch (error) {
    refused.inc();
    throw new Fault("unavailable", `create PVC ${name}: ${errorMessage(error)}`, { cause: error });
  }
}

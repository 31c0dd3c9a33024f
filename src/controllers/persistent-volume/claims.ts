import { PersistentVolume } from "../../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { Pod } from "../../api/core/pod.ts";
import { StorageClass } from "../../api/storage/storage-class.ts";
import { type KindRef, type KubeObject, keyOf } from "../../machinery/object.ts";
import { type Cache, defineController, done, type ReconcileContext, watches } from "../framework/controller.ts";
import { bind, bindCompleted, writeClaimPhase } from "./bind.ts";
import { bestMatch, classOf, mismatch, refersTo } from "./match.ts";
import { claimsOf } from "./protection.ts";

const selectedNode = "volume.kubernetes.io/selected-node";
const provisionerAnnotations = [
  "volume.beta.kubernetes.io/storage-provisioner",
  "volume.kubernetes.io/storage-provisioner",
];
/** Claims that found nothing are looked at again (as upstream). */
const resync = 15_000;

/** Finds each claim its volume. */
export const volumeClaimController = defineController({
  name: "persistentvolume-binder-claims",
  serviceAccount: "persistent-volume-binder",
  eventSource: "persistentvolume-controller",
  for: PersistentVolumeClaim,
  watches: [
    watches(PersistentVolume, ({ metadata, spec }, _previous, cache) => {
      const reference = spec.claimRef;
      const named = reference?.name ? [{ namespace: reference.namespace ?? "", name: reference.name }] : [];
      return [
        ...named,
        ...waiting(cache)
          .filter(({ spec: claim }) => !reference || claim.volumeName === metadata.name)
          .map(keyOf),
      ];
    }),
    watches(StorageClass, (_class, _previous, cache) => waiting(cache).map(keyOf)),
  ],
  reads: [Pod as unknown as KindRef<KubeObject>],
  // One after the other, so that claims do not race for the same volume.
  workers: 1,
  resync,
  async reconcile(key, context) {
    const claim = context.cache.get(PersistentVolumeClaim, key);
    if (!claim) return done;
    if (claim.metadata.annotations?.[bindCompleted]) await keep(claim, context);
    else if (!claim.metadata.deletionTimestamp) await find(claim, context);
    return done;
  },
});

const waiting = (cache: Cache) => cache.list(PersistentVolumeClaim).filter(({ status }) => status?.phase !== "Bound");

async function find(claim: PersistentVolumeClaim, context: ReconcileContext): Promise<void> {
  const { cache, events } = context;
  const { volumeName } = claim.spec;
  if (volumeName) {
    const volume = cache.get(PersistentVolume, { name: volumeName });
    if (volume && (!volume.spec.claimRef || refersTo(volume, claim))) {
      const fault = mismatch(volume, claim);
      if (!fault) return await bind(volume, claim, context);
      const message = `Cannot bind to requested volume "${volumeName}": ${fault}`;
      events.record(claim, "Warning", "VolumeMismatch", message);
    } else if (volume) {
      events.record(claim, "Warning", "FailedBinding", `volume "${volumeName}" already bound to a different claim.`);
    }
    return await writeClaimPhase(claim, "Pending", context);
  }
  const className = classOf(claim);
  const storageClass = className ? cache.get(StorageClass, { name: className }) : undefined;
  const delayed = storageClass?.volumeBindingMode === "WaitForFirstConsumer";
  const placed = claim.metadata.annotations?.[selectedNode] !== undefined;
  const volumes = cache.list(PersistentVolume);
  // Where a pod decides, only a volume that somebody promised to the claim is taken before it is scheduled.
  const volume = bestMatch(claim, delayed ? volumes.filter(({ spec }) => spec.claimRef) : volumes);
  if (volume) return await bind(volume, claim, context);
  if (delayed && !placed) tellOfWaiting(claim, context);
  else if (storageClass) await askProvisioner(claim, storageClass, context);
  else if (className) {
    const message = `storageclass.storage.k8s.io "${className}" not found`;
    events.record(claim, "Warning", "ProvisioningFailed", message);
  } else {
    const message = "no persistent volumes available for this claim and no storage class is set";
    events.record(claim, "Normal", "FailedBinding", message);
  }
  await writeClaimPhase(claim, "Pending", context);
}

function tellOfWaiting(claim: PersistentVolumeClaim, { cache, events }: ReconcileContext): void {
  const { namespace, name } = claim.metadata;
  const pod = cache
    .list(Pod, namespace)
    .find((each) => !each.spec.nodeName && claimsOf(each).includes(`${namespace}/${name}`));
  if (pod)
    events.record(claim, "Normal", "WaitForPodScheduled", `waiting for pod ${pod.metadata.name} to be scheduled`);
  else
    events.record(claim, "Normal", "WaitForFirstConsumer", "waiting for first consumer to be created before binding");
}

/** Names the provisioner on the claim: that is how it hears of its work. */
async function askProvisioner(
  claim: PersistentVolumeClaim,
  { provisioner }: StorageClass,
  context: ReconcileContext,
): Promise<void> {
  const { client, events } = context;
  if (provisioner === "kubernetes.io/no-provisioner") return;
  const { annotations = {} } = claim.metadata;
  const wanted = Object.fromEntries(provisionerAnnotations.map((name) => [name, provisioner]));
  if (Object.keys(wanted).some((name) => annotations[name] !== provisioner)) {
    await client.update(PersistentVolumeClaim, {
      ...claim,
      metadata: { ...claim.metadata, annotations: { ...annotations, ...wanted } },
    });
  }
  const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
  events.record(claim, "Normal", "ExternalProvisioning", message);
}

/** A claim that was bound once stays with its volume, or is lost. */
async function keep(claim: PersistentVolumeClaim, context: ReconcileContext): Promise<void> {
  const { cache, events } = context;
  const { volumeName } = claim.spec;
  const lose = async (message: string, reason = "ClaimLost") => {
    if (claim.status?.phase !== "Lost") events.record(claim, "Warning", reason, message);
    await writeClaimPhase(claim, "Lost", context);
  };
  if (!volumeName) return await lose("Bound claim has lost reference to PersistentVolume. Data on the volume is lost!");
  const volume = cache.get(PersistentVolume, { name: volumeName });
  if (!volume) return await lose("Bound claim has lost its PersistentVolume. Data on the volume is lost!");
  if (volume.spec.claimRef && !refersTo(volume, claim)) {
    return await lose("Two claims are bound to the same volume, this one is bound incorrectly", "ClaimMisbound");
  }
  await bind(volume, claim, context);
}

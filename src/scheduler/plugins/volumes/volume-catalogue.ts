import { PersistentVolume } from "../../../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../../../api/core/persistent-volume-claim.ts";
import type { Pod, Volume } from "../../../api/generated/core-v1.ts";
import { CSIDriver } from "../../../api/storage/csi-driver.ts";
import { CSINode } from "../../../api/storage/csi-node.ts";
import { CSIStorageCapacity } from "../../../api/storage/csi-storage-capacity.ts";
import { StorageClass } from "../../../api/storage/storage-class.ts";
import { VolumeAttachment } from "../../../api/storage/volume-attachment.ts";
import type { Informers } from "../../../client/client.ts";

/** What there is of volumes, as plugins look it up. */
export interface VolumeCatalogue {
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  /** Volumes of a storage class; those without a class under "". */
  volumesOf(storageClass: string): readonly PersistentVolume[];
  storageClass(name: string): StorageClass | undefined;
  driver(name: string): CSIDriver | undefined;
  node(name: string): CSINode | undefined;
  capacitiesOf(storageClass: string): readonly CSIStorageCapacity[];
  /** Attachments of a node. */
  attachments(node: string): readonly VolumeAttachment[];
}

/** The catalogue that informers keep. */
export function volumeCatalogue(informers: Informers): VolumeCatalogue {
  const claims = informers.of(PersistentVolumeClaim);
  const volumes = informers.of(PersistentVolume);
  const classes = informers.of(StorageClass);
  const drivers = informers.of(CSIDriver);
  const nodes = informers.of(CSINode);
  const capacities = informers.of(CSIStorageCapacity);
  const attachments = informers.of(VolumeAttachment);
  volumes.index("class", ({ spec }) => [spec?.storageClassName ?? ""]);
  capacities.index("class", ({ storageClassName }) => [storageClassName]);
  attachments.index("node", ({ spec }) => [spec.nodeName]);
  return {
    claim: (namespace, name) => claims.get({ namespace, name }),
    volume: (name) => volumes.get({ name }),
    volumesOf: (storageClass) => volumes.by("class", storageClass),
    storageClass: (name) => classes.get({ name }),
    driver: (name) => drivers.get({ name }),
    node: (name) => nodes.get({ name }),
    capacitiesOf: (storageClass) => capacities.by("class", storageClass),
    attachments: (node) => attachments.by("node", node),
  };
}

/** The claim that a pod's volume is about, by name; undefined for volumes of other sorts. */
export function claimNameOf(
  pod: Pod,
  volume: Volume,
): { readonly name: string; readonly ephemeral: boolean } | undefined {
  if (volume.persistentVolumeClaim) return { name: volume.persistentVolumeClaim.claimName, ephemeral: false };
  if (volume.ephemeral) return { name: `${pod.metadata.name}-${volume.name}`, ephemeral: true };
  return undefined;
}

/** Names of all claims of a pod. */
export function claimNames(pod: Pod): readonly string[] {
  const names: string[] = [];
  for (const volume of pod.spec.volumes ?? []) {
    const claim = claimNameOf(pod, volume);
    if (claim) names.push(claim.name);
  }
  return names;
}

export function usesClaims(pod: Pod): boolean {
  for (const volume of pod.spec.volumes ?? []) if (volume.persistentVolumeClaim || volume.ephemeral) return true;
  return false;
}

/** The class that a claim asks for; "" for none. */
export function classNameOf({ metadata, spec }: PersistentVolumeClaim): string {
  return metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? spec?.storageClassName ?? "";
}

/** The claim was made for this pod and not by somebody else under the same name. */
export function madeFor(pod: Pod, claim: PersistentVolumeClaim): boolean {
  return (claim.metadata.ownerReferences ?? []).some(({ controller, uid }) => controller && uid === pod.metadata.uid);
}

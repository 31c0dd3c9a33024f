import { PersistentVolume } from "../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../api/core/persistent-volume-claim.ts";
import { CSIDriver } from "../api/storage/csi-driver.ts";
import { CSINode } from "../api/storage/csi-node.ts";
import { CSIStorageCapacity } from "../api/storage/csi-storage-capacity.ts";
import { StorageClass } from "../api/storage/storage-class.ts";
import { VolumeAttachment } from "../api/storage/volume-attachment.ts";
import type { Informers } from "../client/client.ts";
import type { KindRef, KubeObject } from "../machinery/object.ts";
import type { ClusterChange, ClusterEvent } from "./framework/changes.ts";

/** Tells of every change to what volumes are made of, until disposed. */
export function watchVolumes(informers: Informers, tell: (change: ClusterChange) => void): Disposable {
  const subscriptions = new DisposableStack();
  const watch = <T extends KubeObject>(kind: KindRef<T>, event: ClusterEvent) => {
    const changed = (object: T) => tell({ event, object });
    subscriptions.use(informers.of(kind).on({ added: changed, updated: changed }));
  };
  watch(PersistentVolume, "PersistentVolume/change");
  watch(PersistentVolumeClaim, "PersistentVolumeClaim/change");
  watch(StorageClass, "StorageClass/change");
  watch(CSINode, "CSINode/change");
  watch(CSIDriver, "CSIDriver/change");
  watch(CSIStorageCapacity, "CSIStorageCapacity/change");
  subscriptions.use(
    informers.of(VolumeAttachment).on({ deleted: (object) => tell({ event: "VolumeAttachment/delete", object }) }),
  );
  return subscriptions;
}

import { createHash } from "node:crypto";
import { PersistentVolume } from "../../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import type { Pod } from "../../api/core/pod.ts";
import { CSIDriver } from "../../api/storage/csi-driver.ts";
import type { Cache } from "../framework/controller.ts";
import { claimsOf } from "../persistent-volume/protection.ts";

/** A volume of a CSI driver that a node needs attached, and the pods that need it there. */
export interface WantedVolume {
  readonly volume: PersistentVolume;
  readonly driver: string;
  readonly handle: string;
  readonly pods: readonly Pod[];
}

/** What a node's status calls a volume. */
export const uniqueName = (driver: string, handle: string): string => `kubernetes.io/csi/${driver}^${handle}`;

/** The name of the VolumeAttachment of a volume to a node, the same for everybody who works it out. */
export function attachmentName(handle: string, driver: string, node: string): string {
  return `csi-${createHash("sha256").update(`${handle}${driver}${node}`).digest("hex")}`;
}

/** The volumes that a node's pods need attached, by the volume's name. */
export function wantedVolumes(pods: readonly Pod[], cache: Cache): ReadonlyMap<string, WantedVolume> {
  const wanted = new Map<string, WantedVolume>();
  for (const pod of pods) {
    if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") continue;
    for (const key of claimsOf(pod)) {
      const { namespace } = pod.metadata;
      const claim = cache.get(PersistentVolumeClaim, { namespace, name: key.slice(namespace.length + 1) });
      if (claim?.status?.phase !== "Bound" || !claim.spec.volumeName) continue;
      const volume = cache.get(PersistentVolume, { name: claim.spec.volumeName });
      const csi = volume?.spec.csi;
      if (!volume || !csi || volume.spec.claimRef?.uid !== claim.metadata.uid) continue;
      if (cache.get(CSIDriver, { name: csi.driver })?.spec.attachRequired === false) continue;
      const known = wanted.get(volume.metadata.name);
      wanted.set(volume.metadata.name, {
        volume,
        driver: csi.driver,
        handle: csi.volumeHandle,
        pods: [...(known?.pods ?? []), pod],
      });
    }
  }
  return wanted;
}

/** Whether a volume can be attached to one node only. */
export function isExclusive({ spec }: PersistentVolume): boolean {
  const modes = spec.accessModes ?? [];
  return modes.length > 0 && !modes.includes("ReadWriteMany") && !modes.includes("ReadOnlyMany");
}

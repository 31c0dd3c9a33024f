import type { PersistentVolume } from "../../api/core/persistent-volume.ts";
import type { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { selectorOfObject } from "../../machinery/labels.ts";
import { compareQuantities } from "../../machinery/quantity.ts";

export const classAnnotation = "volume.beta.kubernetes.io/storage-class";

/** The class of a claim or volume; an annotation of old times wins over the field. */
export function classOf({ metadata, spec }: PersistentVolume | PersistentVolumeClaim): string {
  return metadata.annotations?.[classAnnotation] ?? spec.storageClassName ?? "";
}

const modeOf = ({ spec }: PersistentVolume | PersistentVolumeClaim) => spec.volumeMode ?? "Filesystem";
const requestOf = ({ spec }: PersistentVolumeClaim) => spec.resources?.requests?.storage ?? "0";
const capacityOf = ({ spec }: PersistentVolume) => spec.capacity?.storage ?? "0";

/** Whether a volume's reference names this very claim; one without a uid names any claim of the name. */
export function refersTo({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const reference = spec.claimRef;
  if (reference?.name !== metadata.name || reference.namespace !== metadata.namespace) return false;
  return !reference.uid || reference.uid === metadata.uid;
}

/** Why a volume cannot serve a claim that asks for it by name; undefined if it can. */
export function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (compareQuantities(capacityOf(volume), requestOf(claim)) < 0) return "requested PV is too small";
  if (classOf(volume) !== classOf(claim)) return "storageClassName does not match";
  if (modeOf(volume) !== modeOf(claim)) return "incompatible volumeMode";
  if (!offers(volume, claim)) return "incompatible accessMode";
  return undefined;
}

function offers({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (claim.spec.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode));
}

/** The volume that was promised to the claim, else the smallest free one that fits; undefined without any. */
export function bestMatch(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
): PersistentVolume | undefined {
  const fitting = volumes.filter((volume) => {
    const { claimRef } = volume.spec;
    if (modeOf(volume) !== modeOf(claim) || !offers(volume, claim)) return false;
    if (compareQuantities(capacityOf(volume), requestOf(claim)) < 0) return false;
    if (claimRef) return refersTo(volume, claim);
    if (volume.metadata.deletionTimestamp || (volume.status?.phase ?? "Available") !== "Available") return false;
    const selector = claim.spec.selector ? selectorOfObject(claim.spec.selector) : undefined;
    return classOf(volume) === classOf(claim) && (selector?.matches(volume.metadata.labels) ?? true);
  });
  const promised = fitting.find(({ spec }) => spec.claimRef);
  const bySize = (a: PersistentVolume, b: PersistentVolume) =>
    compareQuantities(capacityOf(a), capacityOf(b)) ||
    // Of equal size, one that offers no more than is asked for.
    (a.spec.accessModes?.length ?? 0) - (b.spec.accessModes?.length ?? 0) ||
    (a.metadata.name < b.metadata.name ? -1 : 1);
  return promised ?? fitting.sort(bySize)[0];
}

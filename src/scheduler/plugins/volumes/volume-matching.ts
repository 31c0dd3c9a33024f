import { nodeSelectorMatches, type Selectable } from "../../../api/core/node-selection.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../../../api/generated/core-v1.ts";
import type { CSIStorageCapacity, StorageClass } from "../../../api/generated/storage-v1.ts";
import { selectorOfObject } from "../../../machinery/labels.ts";
import { compareQuantities } from "../../../machinery/quantity.ts";
import { classNameOf } from "./volume-catalogue.ts";

const sizeOf = ({ spec }: PersistentVolume) =>
  (spec?.capacity as { readonly storage?: string } | undefined)?.storage ?? "0";
const askedOf = ({ spec }: PersistentVolumeClaim) =>
  (spec?.resources?.requests as { readonly storage?: string } | undefined)?.storage ?? "0";

/** A volume can be used on a node. */
export function reachable({ spec }: PersistentVolume, node: Selectable): boolean {
  const required = spec?.nodeAffinity?.required;
  return !required || nodeSelectorMatches(required, node);
}

/** A volume has what a claim asks for, wherever it is. */
export function satisfies(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { spec } = volume;
  if (volume.metadata.deletionTimestamp) return false;
  if ((spec?.volumeMode ?? "Filesystem") !== (claim.spec?.volumeMode ?? "Filesystem")) return false;
  if ((spec?.storageClassName ?? "") !== classNameOf(claim)) return false;
  if ((spec?.volumeAttributesClassName ?? "") !== (claim.spec?.volumeAttributesClassName ?? "")) return false;
  if (!(claim.spec?.accessModes ?? []).every((mode) => spec?.accessModes?.includes(mode))) return false;
  if (claim.spec?.selector && !selectorOfObject(claim.spec.selector).matches(volume.metadata.labels)) return false;
  return compareQuantities(sizeOf(volume), askedOf(claim)) >= 0;
}

/** Promised to this very claim by whoever made the volume. */
export function promisedTo({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const promise = spec?.claimRef;
  if (!promise || promise.namespace !== metadata.namespace || promise.name !== metadata.name) return false;
  return !promise.uid || promise.uid === metadata.uid;
}

/** The volume for a claim on a node: one that is promised to it, else the smallest free one that will do. */
export function chooseVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  node: Selectable,
  taken: (volume: PersistentVolume) => boolean,
): PersistentVolume | undefined {
  let best: PersistentVolume | undefined;
  for (const volume of volumes) {
    if (taken(volume) || !reachable(volume, node)) continue;
    if (promisedTo(volume, claim)) {
      if (satisfies(volume, claim)) return volume;
      continue;
    }
    if (volume.spec?.claimRef || (volume.status?.phase !== undefined && volume.status.phase !== "Available")) continue;
    if (!satisfies(volume, claim)) continue;
    if (!best || compareQuantities(sizeOf(volume), sizeOf(best)) < 0) best = volume;
  }
  return best;
}

/** A class makes volumes that this node can use. */
export function provisionsFor({ allowedTopologies = [] }: StorageClass, { labels }: Selectable): boolean {
  if (allowedTopologies.length === 0) return true;
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => labels[key] !== undefined && values.includes(labels[key])),
  );
}

/** Storage near a node has room for a claim. */
export function hasRoom(
  capacities: readonly CSIStorageCapacity[],
  claim: PersistentVolumeClaim,
  { labels }: Selectable,
): boolean {
  return capacities.some(({ nodeTopology, capacity, maximumVolumeSize }) => {
    const limit = maximumVolumeSize ?? capacity;
    if (!limit || !nodeTopology || compareQuantities(limit, askedOf(claim)) < 0) return false;
    return selectorOfObject(nodeTopology).matches(labels);
  });
}

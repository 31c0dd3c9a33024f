import { PersistentVolume } from "../../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { Pod } from "../../api/core/pod.ts";
import { VolumeAttributesClass } from "../../api/storage/volume-attributes-class.ts";
import type { KindRef, KubeObject } from "../../machinery/object.ts";
import { defineController, done, watches } from "../framework/controller.ts";

const claimFinalizer = "kubernetes.io/pvc-protection";
const volumeFinalizer = "kubernetes.io/pv-protection";
const classFinalizer = "kubernetes.io/vac-protection";
const podsByClaim = "claim";
const byClass = "attributesClass";

/** The claims that a pod uses, `namespace/name` each; a claim of its own has the pod's name in its. */
export function claimsOf({ metadata, spec }: Pod): readonly string[] {
  return (spec.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return [`${metadata.namespace}/${persistentVolumeClaim.claimName}`];
    return ephemeral ? [`${metadata.namespace}/${metadata.name}-${name}`] : [];
  });
}

function withFinalizer<T extends KubeObject>(object: T, name: string, wanted: boolean): T | undefined {
  const { finalizers = [] } = object.metadata;
  if (finalizers.includes(name) === wanted) return undefined;
  const next = wanted ? [...finalizers, name] : finalizers.filter((each) => each !== name);
  return { ...object, metadata: { ...object.metadata, finalizers: next } };
}

/** Keeps claims that are deleted until the last pod that was bound to a node with them is gone. */
export const claimProtectionController = defineController({
  name: "pvc-protection",
  for: PersistentVolumeClaim,
  watches: [
    watches(Pod, (pod, previous) =>
      [...new Set([...claimsOf(pod), ...(previous ? claimsOf(previous) : [])])].map((key) => ({
        namespace: pod.metadata.namespace,
        name: key.slice(pod.metadata.namespace.length + 1),
      })),
    ),
  ],
  indexes: [
    {
      kind: Pod as unknown as KindRef<KubeObject>,
      name: podsByClaim,
      of: (pod) => claimsOf(pod as unknown as Pod),
    },
  ],
  workers: 4,
  async reconcile(key, { cache, client }) {
    const claim = cache.get(PersistentVolumeClaim, key);
    if (!claim) return done;
    const users = cache.informer(Pod).by(podsByClaim, `${key.namespace}/${key.name}`);
    // A pod that no node has seen yet will not be started with a claim that is on its way out.
    const used = users.some(({ spec }) => spec.nodeName);
    if (claim.metadata.deletionTimestamp && used) return done;
    const next = withFinalizer(claim, claimFinalizer, !claim.metadata.deletionTimestamp);
    if (next) await client.update(PersistentVolumeClaim, next);
    return done;
  },
});

/** Keeps volumes that are deleted until no claim is bound to them. */
export const volumeProtectionController = defineController({
  name: "pv-protection",
  for: PersistentVolume,
  workers: 4,
  async reconcile(key, { cache, client }) {
    const volume = cache.get(PersistentVolume, key);
    if (!volume) return done;
    if (volume.metadata.deletionTimestamp && volume.status?.phase === "Bound") return done;
    const next = withFinalizer(volume, volumeFinalizer, !volume.metadata.deletionTimestamp);
    if (next) await client.update(PersistentVolume, next);
    return done;
  },
});

const classesOfVolume = ({ spec }: PersistentVolume) =>
  spec.volumeAttributesClassName ? [spec.volumeAttributesClassName] : [];

/** The classes that a claim asks for, has, or is on its way to. */
function classesOfClaim({ spec, status }: PersistentVolumeClaim): readonly string[] {
  const names = [
    spec.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return [...new Set(names.flatMap((name) => (name ? [name] : [])))];
}

const classKeys = (...all: readonly (readonly string[])[]) => [...new Set(all.flat())].map((name) => ({ name }));

/** Keeps VolumeAttributesClasses that are deleted until no claim and no volume names them. */
export const attributesClassProtectionController = defineController({
  name: "volumeattributesclass-protection",
  for: VolumeAttributesClass,
  watches: [
    watches(PersistentVolumeClaim, (claim, previous) =>
      classKeys(classesOfClaim(claim), previous ? classesOfClaim(previous) : []),
    ),
    watches(PersistentVolume, (volume, previous) =>
      classKeys(classesOfVolume(volume), previous ? classesOfVolume(previous) : []),
    ),
  ],
  indexes: [
    {
      kind: PersistentVolumeClaim as unknown as KindRef<KubeObject>,
      name: byClass,
      of: (claim) => classesOfClaim(claim as unknown as PersistentVolumeClaim),
    },
    {
      kind: PersistentVolume as unknown as KindRef<KubeObject>,
      name: byClass,
      of: (volume) => classesOfVolume(volume as unknown as PersistentVolume),
    },
  ],
  workers: 1,
  async reconcile(key, { cache, client }) {
    const known = cache.get(VolumeAttributesClass, key);
    if (!known) return done;
    const users = [PersistentVolumeClaim, PersistentVolume] as readonly KindRef<unknown>[];
    const used = users.some((kind) => cache.informer(kind).by(byClass, key.name).length > 0);
    if (known.metadata.deletionTimestamp && used) return done;
    const next = withFinalizer(known, classFinalizer, !known.metadata.deletionTimestamp);
    if (next) await client.update(VolumeAttributesClass, next);
    return done;
  },
});

import { PersistentVolume } from "../../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { Pod } from "../../api/core/pod.ts";
import type { KindRef, KubeObject } from "../../machinery/object.ts";
import { defineController, done, watches } from "../framework/controller.ts";

const claimFinalizer = "kubernetes.io/pvc-protection";
const volumeFinalizer = "kubernetes.io/pv-protection";
const podsByClaim = "claim";

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

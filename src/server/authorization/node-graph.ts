import { PersistentVolume } from "../../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { Pod } from "../../api/core/pod.ts";
import { ResourceSlice } from "../../api/resource/resource-slice.ts";
import { VolumeAttachment } from "../../api/storage/volume-attachment.ts";
import type { KindRef } from "../../machinery/object.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { objectOf } from "../../registry/watch-cache.ts";
import { referencesOf } from "./pod-references.ts";

/** What a node's pods use, by way of the server's own caches; nothing is kept that these do not hold. */
export class NodeGraph implements Disposable {
  readonly #registry: Registry;
  readonly #podsByNode = new Map<string, Map<string, Pod>>();
  #following: Disposable | undefined;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  async start(): Promise<void> {
    const read = [PersistentVolumeClaim, PersistentVolume, VolumeAttachment, ResourceSlice];
    const { cache, resource } = this.#registry.of(Pod);
    await Promise.all([cache.start(), ...read.map((kind) => this.#registry.of(kind).cache.start())]);
    this.#following = cache.subscribe({}, ({ type, held, previous }) => {
      if (previous) this.#remove(held.key, previous.object as AnyObject as unknown as Pod);
      if (type !== "DELETED") this.#add(held.key, held.object as AnyObject as unknown as Pod);
    });
    for (const held of cache.range(resource.range)) this.#add(held.key, held.object as AnyObject as unknown as Pod);
  }

  runs(node: string, namespace: string, name: string): boolean {
    return this.#get(Pod, namespace, name)?.spec?.nodeName === node;
  }

  /** Whether a pod of the node names the object; `reference` as in `referencesOf`. */
  uses(node: string, namespace: string, reference: string): boolean {
    for (const pod of this.#podsOf(node)) {
      if (pod.metadata.namespace === namespace && referencesOf(pod).has(reference)) return true;
    }
    return false;
  }

  /** Whether a pod of the node mounts the volume. */
  mounts(node: string, volume: string): boolean {
    for (const { name } of this.#volumesOf(node)) if (name === volume) return true;
    return false;
  }

  /** Whether a volume that the node mounts needs the secret. */
  volumeNeeds(node: string, namespace: string, secret: string): boolean {
    for (const { volume, claimNamespace } of this.#volumesOf(node)) {
      for (const reference of volumeSecrets(volume)) {
        if (reference.name === secret && (reference.namespace ?? claimNamespace) === namespace) return true;
      }
    }
    return false;
  }

  attaches(node: string, attachment: string): boolean {
    return this.#get(VolumeAttachment, "", attachment)?.spec?.nodeName === node;
  }

  publishes(node: string, slice: string): boolean {
    return this.#get(ResourceSlice, "", slice)?.spec?.nodeName === node;
  }

  *#volumesOf(
    node: string,
  ): Iterable<{ readonly name: string; readonly volume: PersistentVolume; readonly claimNamespace: string }> {
    for (const pod of this.#podsOf(node)) {
      const { namespace = "" } = pod.metadata;
      for (const reference of referencesOf(pod)) {
        if (!reference.startsWith("persistentvolumeclaims/")) continue;
        const claim = this.#get(PersistentVolumeClaim, namespace, reference.slice(reference.indexOf("/") + 1));
        const name = claim?.spec?.volumeName;
        const volume = name ? this.#get(PersistentVolume, "", name) : undefined;
        // A claim may name any volume; only the volume says whose it is.
        if (!name || !volume || volume.spec?.claimRef?.uid !== claim?.metadata.uid) continue;
        yield { name, volume, claimNamespace: namespace };
      }
    }
  }

  #podsOf(node: string): Iterable<Pod> {
    return this.#podsByNode.get(node)?.values() ?? [];
  }

  #get<T>(kind: KindRef<T>, namespace: string, name: string): T | undefined {
    const { cache, resource } = this.#registry.of(kind);
    return objectOf<T>(cache.get(resource.key(namespace, name)));
  }

  #add(key: string, pod: Pod): void {
    const node = pod.spec?.nodeName;
    if (!node) return;
    const pods = this.#podsByNode.get(node) ?? new Map<string, Pod>();
    this.#podsByNode.set(node, pods.set(key, pod));
  }

  #remove(key: string, pod: Pod): void {
    const node = pod.spec?.nodeName ?? "";
    const pods = this.#podsByNode.get(node);
    pods?.delete(key);
    if (pods?.size === 0) this.#podsByNode.delete(node);
  }

  [Symbol.dispose](): void {
    this.#following?.[Symbol.dispose]();
  }
}

interface SecretName {
  readonly name: string;
  readonly namespace: string | undefined;
}

/** The secrets that mounting a volume takes, as upstream counts them. */
function volumeSecrets({ spec }: PersistentVolume): readonly SecretName[] {
  const { csi, azureFile, cephfs, cinder, flexVolume, iscsi, rbd, scaleIO, storageos } = spec ?? {};
  const references = [
    csi?.nodeStageSecretRef,
    csi?.nodePublishSecretRef,
    csi?.nodeExpandSecretRef,
    cephfs?.secretRef,
    cinder?.secretRef,
    flexVolume?.secretRef,
    iscsi?.secretRef,
    rbd?.secretRef,
    scaleIO?.secretRef,
    storageos?.secretRef,
    azureFile && { name: azureFile.secretName, namespace: azureFile.secretNamespace },
  ];
  return references.flatMap((reference) =>
    reference?.name ? [{ name: reference.name, namespace: reference.namespace ?? undefined }] : [],
  );
}

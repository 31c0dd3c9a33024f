import { Node } from "../../api/core/node.ts";
import { PersistentVolume } from "../../api/core/persistent-volume.ts";
import { errorMessage } from "../../lib/fault.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { defineController, done, type ReconcileContext } from "../framework/controller.ts";
import {
  folderFinalizer,
  localPathProvisioner,
  type NodeFolders,
  nodeAnnotation,
  provisionedBy,
} from "./node-folders.ts";

/** Removes the folder, then the volume, where the claim is gone and the policy says Delete. */
export function localPathReclaimController(folders: NodeFolders) {
  return defineController({
    name: "local-path-reclaimer",
    serviceAccount: "local-path-provisioner",
    eventSource: localPathProvisioner,
    for: PersistentVolume,
    workers: 4,
    async reconcile(key, context) {
      const volume = context.cache.get(PersistentVolume, key);
      if (volume?.metadata.annotations?.[provisionedBy] !== localPathProvisioner) return done;
      const deletes = volume.spec.persistentVolumeReclaimPolicy === "Delete";
      if (!deletes) await holdFor(volume, false, context);
      else if (volume.status?.phase === "Released") await reclaim(volume, folders, context);
      else if (!volume.metadata.deletionTimestamp) await holdFor(volume, true, context);
      return done;
    },
  });
}

/** A volume whose policy was changed is held, or no longer. */
async function holdFor(volume: PersistentVolume, held: boolean, { client }: ReconcileContext): Promise<void> {
  const { finalizers = [] } = volume.metadata;
  if (finalizers.includes(folderFinalizer) === held) return;
  const next = held ? [...finalizers, folderFinalizer] : finalizers.filter((name) => name !== folderFinalizer);
  await client.update(PersistentVolume, { ...volume, metadata: { ...volume.metadata, finalizers: next } });
}

async function reclaim(volume: PersistentVolume, folders: NodeFolders, context: ReconcileContext): Promise<void> {
  const { client, events } = context;
  const { name, uid, annotations } = volume.metadata;
  if (volume.metadata.finalizers?.includes(folderFinalizer)) {
    try {
      const node = annotations?.[nodeAnnotation];
      // With its node the folder is gone.
      if (node && (await isThere(node, context))) await folders.remove(node, name);
    } catch (error) {
      events.record(volume, "Warning", "VolumeFailedDelete", errorMessage(error));
      throw error;
    }
    await holdFor(volume, false, context);
  }
  if (volume.metadata.deletionTimestamp) return;
  try {
    await client.delete(PersistentVolume, { name }, { preconditions: { uid } });
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
  }
}

async function isThere(name: string, { client }: ReconcileContext): Promise<boolean> {
  try {
    await client.get(Node, { name });
    return true;
  } catch (error) {
    if (isStatus(error, "NotFound")) return false;
    throw error;
  }
}

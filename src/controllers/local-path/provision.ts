import { Node } from "../../api/core/node.ts";
import { PersistentVolume } from "../../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { StorageClass } from "../../api/storage/storage-class.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { Draft, KindRef, KubeObject } from "../../machinery/object.ts";
import { compareQuantities } from "../../machinery/quantity.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { defineController, done, type ReconcileContext } from "../framework/controller.ts";
import { classOf } from "../persistent-volume/match.ts";
import {
  folderFinalizer,
  localPathProvisioner,
  type NodeFolders,
  nodeAnnotation,
  provisionedBy,
} from "./node-folders.ts";

const hostname = "kubernetes.io/hostname";
const selectedNode = "volume.kubernetes.io/selected-node";
const askedOf = ["volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner"];

/** Makes a folder on the chosen node for each claim that asks for one, and lets volumes grow, which costs a folder nothing. */
export function localPathProvisionerController(folders: NodeFolders) {
  return defineController({
    name: "local-path-provisioner",
    serviceAccount: "local-path-provisioner",
    eventSource: localPathProvisioner,
    for: PersistentVolumeClaim,
    reads: [PersistentVolume, StorageClass, Node] as readonly unknown[] as readonly KindRef<KubeObject>[],
    workers: 4,
    async reconcile(key, context) {
      const claim = context.cache.get(PersistentVolumeClaim, key);
      if (!claim || claim.metadata.deletionTimestamp) return done;
      if (claim.spec.volumeName) await grow(claim, context);
      else if (askedOf.some((name) => claim.metadata.annotations?.[name] === localPathProvisioner)) {
        await provision(claim, folders, context);
      }
      return done;
    },
  });
}

/** Why a claim cannot have a folder; undefined if it can. */
export function refusal({ spec, metadata }: PersistentVolumeClaim): string | undefined {
  if (spec.selector) return "claim Selector is not supported";
  if (spec.volumeMode === "Block") return "block volume provisioning is not supported";
  if (spec.accessModes?.some((mode) => mode !== "ReadWriteOnce" && mode !== "ReadWriteOncePod")) {
    return "NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes";
  }
  if (!metadata.annotations?.[selectedNode]) return "configuration error, no node was specified";
  return undefined;
}

async function provision(claim: PersistentVolumeClaim, folders: NodeFolders, context: ReconcileContext): Promise<void> {
  const { cache, client, events } = context;
  const storageClass = cache.get(StorageClass, { name: classOf(claim) });
  const name = `pvc-${claim.metadata.uid}`;
  if (storageClass?.provisioner !== localPathProvisioner || cache.get(PersistentVolume, { name })) return;
  const fail = (why: string) => {
    const message = `failed to provision volume with StorageClass "${storageClass.metadata.name}": ${why}`;
    events.record(claim, "Warning", "ProvisioningFailed", message);
  };
  const refused = refusal(claim);
  if (refused) return fail(refused);
  const nodeName = claim.metadata.annotations?.[selectedNode] ?? "";
  const node = await nodeOf(nodeName, context);
  if (!node) {
    fail(`error getting selected node "${nodeName}": node "${nodeName}" not found`);
    return await chooseAnew(claim, context);
  }
  const { namespace } = claim.metadata;
  const about = `External provisioner is provisioning volume for claim "${namespace}/${claim.metadata.name}"`;
  events.record(claim, "Normal", "Provisioning", about);
  try {
    const path = await folders.make(nodeName, name);
    await client.create(PersistentVolume, volumeFor(claim, storageClass, node, path));
  } catch (error) {
    if (isStatus(error, "AlreadyExists")) return;
    fail(errorMessage(error));
    throw error;
  }
  events.record(claim, "Normal", "ProvisioningSucceeded", `Successfully provisioned volume ${name}`);
}

/** The node, asked of the server if the copy does not have it. */
async function nodeOf(name: string, { cache, client }: ReconcileContext): Promise<Node | undefined> {
  const known = cache.get(Node, { name });
  if (known) return known;
  try {
    return await client.get(Node, { name });
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}

/** Takes the choice of a node back, so that the scheduler chooses another. */
async function chooseAnew(claim: PersistentVolumeClaim, { client }: ReconcileContext): Promise<void> {
  const { [selectedNode]: _, ...annotations } = claim.metadata.annotations ?? {};
  await client.update(PersistentVolumeClaim, { ...claim, metadata: { ...claim.metadata, annotations } });
}

function volumeFor(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  node: Node,
  path: string,
): Draft<PersistentVolume> {
  const { name, namespace, uid, resourceVersion } = claim.metadata;
  const values = [node.metadata.labels?.[hostname] ?? node.metadata.name];
  const persistentVolumeReclaimPolicy = storageClass.reclaimPolicy ?? "Delete";
  return {
    metadata: {
      name: `pvc-${uid}`,
      annotations: { [provisionedBy]: localPathProvisioner, [nodeAnnotation]: node.metadata.name },
      finalizers: persistentVolumeReclaimPolicy === "Delete" ? [folderFinalizer] : [],
    },
    spec: {
      capacity: { storage: claim.spec.resources?.requests?.storage ?? "0" },
      accessModes: claim.spec.accessModes ?? [],
      persistentVolumeReclaimPolicy,
      storageClassName: storageClass.metadata.name,
      volumeMode: "Filesystem",
      ...(storageClass.mountOptions ? { mountOptions: storageClass.mountOptions } : {}),
      local: { path },
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: hostname, operator: "In", values }] }] },
      },
      claimRef: { kind: "PersistentVolumeClaim", apiVersion: "v1", namespace, name, uid, resourceVersion },
    },
  };
}

/** A folder has no size of its own: a larger claim only has to be written down, volume first. */
async function grow(claim: PersistentVolumeClaim, context: ReconcileContext): Promise<void> {
  const { cache, client, events } = context;
  const volume = cache.get(PersistentVolume, { name: claim.spec.volumeName ?? "" });
  const storage = claim.spec.resources?.requests?.storage;
  if (volume?.metadata.annotations?.[provisionedBy] !== localPathProvisioner || claim.status?.phase !== "Bound") return;
  if (!storage || volume.spec.claimRef?.uid !== claim.metadata.uid) return;
  if (compareQuantities(volume.spec.capacity?.storage ?? "0", storage) < 0) {
    const name = volume.metadata.name;
    events.record(claim, "Normal", "Resizing", `External resizer is resizing volume ${name}`);
    await client.update(PersistentVolume, {
      ...volume,
      spec: { ...volume.spec, capacity: { ...volume.spec.capacity, storage } },
    });
    events.record(claim, "Normal", "VolumeResizeSuccessful", "Resize volume succeeded");
  } else if (compareQuantities(claim.status.capacity?.storage ?? "0", storage) >= 0) return;
  await writeSize(claim, storage, context);
}

async function writeSize(claim: PersistentVolumeClaim, storage: string, context: ReconcileContext): Promise<void> {
  const { client } = context;
  const { conditions = [], ...status } = claim.status ?? {};
  const kept = conditions.filter(({ type }) => type !== "Resizing" && type !== "FileSystemResizePending");
  const next: PersistentVolumeClaim = {
    ...claim,
    status: {
      ...status,
      capacity: { ...status.capacity, storage },
      allocatedResources: { ...status.allocatedResources, storage },
      ...(kept.length > 0 ? { conditions: kept } : {}),
    },
  };
  try {
    await client.updateStatus(PersistentVolumeClaim, next);
  } catch (error) {
    if (!isStatus(error, "Conflict")) throw error;
    // The binder writes the capacity too, when it sees the larger volume.
    const { namespace, name, uid } = claim.metadata;
    const current = await client.get(PersistentVolumeClaim, { namespace, name });
    if (current.metadata.uid === uid && current.spec.resources?.requests?.storage === storage) {
      await writeSize(current, storage, context);
    }
  }
}

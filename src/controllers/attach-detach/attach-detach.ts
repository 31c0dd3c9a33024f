import { Node } from "../../api/core/node.ts";
import { PersistentVolume } from "../../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { Pod } from "../../api/core/pod.ts";
import { CSIDriver } from "../../api/storage/csi-driver.ts";
import { VolumeAttachment } from "../../api/storage/volume-attachment.ts";
import { isEqual } from "../../machinery/equality.ts";
import type { KindRef, KubeObject } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import {
  type Cache,
  type ControllerDefinition,
  defineController,
  done,
  type ReconcileContext,
  watches,
} from "../framework/controller.ts";
import { claimsOf } from "../persistent-volume/protection.ts";
import { attachmentName, isExclusive, uniqueName, type WantedVolume, wantedVolumes } from "./desired.ts";

const managedHere = "volumes.kubernetes.io/controller-managed-attach-detach";
const outOfService = "node.kubernetes.io/out-of-service";
/** How long a node that is not ready may keep a volume that nobody needs there (as upstream). */
const patience = 360_000;
const podsByNode = "node";
const podsByClaim = "claim";
const pods = Pod as unknown as KindRef<KubeObject>;

/** Attaches volumes of CSI drivers to the nodes whose pods need them, and detaches them when they are let go. */
export function attachDetachController(): ControllerDefinition {
  // Since when a node has kept a volume that it should let go; a restart begins to count anew.
  const keptSince = new Map<string, number>();
  return defineController({
    name: "attachdetach",
    for: Node,
    wakes: (next, previous) =>
      !isEqual(partOf(next as unknown as Node), partOf(previous as unknown as Node)) ||
      !isEqual(next.metadata.annotations, previous.metadata.annotations),
    watches: [
      watches(Pod, ({ metadata, spec }) => {
        const used = claimsOf({ metadata, spec } as Pod).length > 0 && spec.nodeName;
        return used ? [{ name: spec.nodeName ?? "" }] : [];
      }),
      watches(PersistentVolumeClaim, ({ metadata }, _previous, cache) => nodesOf(metadata, cache)),
      watches(PersistentVolume, ({ spec: { csi, claimRef } }, _previous, cache) =>
        csi && claimRef ? nodesOf({ namespace: claimRef.namespace ?? "", name: claimRef.name ?? "" }, cache) : [],
      ),
      // Where one was waiting for the other to let go, both are looked at.
      watches(VolumeAttachment, ({ spec }, _previous, cache) => {
        const volume = cache.get(PersistentVolume, { name: spec.source.persistentVolumeName ?? "" });
        const { namespace = "", name = "" } = volume?.spec.claimRef ?? {};
        return [{ name: spec.nodeName }, ...nodesOf({ namespace, name }, cache)];
      }),
    ],
    reads: [CSIDriver as unknown as KindRef<KubeObject>],
    indexes: [
      { kind: pods, name: podsByNode, of: (pod) => [(pod as unknown as Pod).spec.nodeName ?? ""] },
      { kind: pods, name: podsByClaim, of: (pod) => claimsOf(pod as unknown as Pod) },
    ],
    workers: 10,
    async reconcile({ name }, context) {
      const { cache } = context;
      const node = cache.get(Node, { name });
      const mine = cache.list(VolumeAttachment).filter(({ spec }) => spec.nodeName === name);
      const wanted = wantedVolumes(cache.informer(Pod).by(podsByNode, name), cache);
      const managed = node?.metadata.annotations?.[managedHere] === "true";
      if (mine.length === 0 && (!managed || wanted.size === 0)) return done;
      const waits: number[] = [];
      const released: VolumeAttachment[] = [];
      for (const attachment of mine) {
        const needed = wanted.has(attachment.spec.source.persistentVolumeName ?? "");
        const wait = needed ? undefined : grace(attachment, node, keptSince, context);
        if (wait !== undefined) waits.push(wait);
        else if (!needed) released.push(attachment);
        if (wait === undefined) keptSince.delete(attachment.metadata.name);
      }
      // A volume is off the node's list before it is detached, so that nobody mounts it meanwhile.
      const staying = mine.filter((attachment) => !released.includes(attachment));
      if (node) await report(node, staying, context);
      for (const attachment of released) await detach(attachment, context);
      if (managed) for (const each of wanted.values()) await attach(name, each, context);
      return waits.length > 0 ? { requeueAfter: Math.min(...waits) } : done;
    },
  });
}

const partOf = ({ spec, status }: Node) => [
  spec.taints,
  status?.volumesInUse,
  status?.volumesAttached,
  isReady(status),
];

const isReady = (status: Node["status"]) =>
  status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") ?? false;

function nodesOf({ namespace, name }: { readonly namespace: string; readonly name: string }, cache: Cache) {
  return cache
    .informer(Pod)
    .by(podsByClaim, `${namespace}/${name}`)
    .flatMap(({ spec }) => (spec.nodeName ? [{ name: spec.nodeName }] : []));
}

async function attach(node: string, wanted: WantedVolume, { cache, client, events }: ReconcileContext): Promise<void> {
  const { volume, driver, handle } = wanted;
  const volumeName = volume.metadata.name;
  const name = attachmentName(handle, driver, node);
  const known = cache.get(VolumeAttachment, { name });
  const tell = (reason: string, message: string) => {
    for (const pod of wanted.pods)
      events.record(pod, reason.startsWith("Failed") ? "Warning" : "Normal", reason, message);
  };
  if (known) {
    const error = known.status?.attachError?.message;
    if (error && !known.status?.attached) {
      tell("FailedAttachVolume", `AttachVolume.Attach failed for volume "${volumeName}" : ${error}`);
    }
    return;
  }
  const elsewhere = cache
    .list(VolumeAttachment)
    .some(({ spec }) => spec.source.persistentVolumeName === volumeName && spec.nodeName !== node);
  if (elsewhere && isExclusive(volume)) {
    const why = "Volume is already exclusively attached to one node and can't be attached to another";
    return tell("FailedAttachVolume", `Multi-Attach error for volume "${volumeName}" ${why}`);
  }
  try {
    const source = { persistentVolumeName: volumeName };
    await client.create(VolumeAttachment, { metadata: { name }, spec: { attacher: driver, nodeName: node, source } });
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error;
  }
}

/** Tells the node what is attached to it; pods are told of what is new. */
async function report(
  node: Node,
  wanted: readonly VolumeAttachment[],
  { cache, client, events }: ReconcileContext,
): Promise<void> {
  const attached = wanted.flatMap((attachment) => {
    const volume = cache.get(PersistentVolume, { name: attachment.spec.source.persistentVolumeName ?? "" });
    const csi = volume?.spec.csi;
    if (!attachment.status?.attached || attachment.metadata.deletionTimestamp || !volume || !csi) return [];
    return [{ volume, name: uniqueName(csi.driver, csi.volumeHandle) }];
  });
  const before = node.status?.volumesAttached ?? [];
  // Only volumes of CSI drivers are this controller's.
  const foreign = before.filter(({ name }) => !name.startsWith("kubernetes.io/csi/"));
  const volumesAttached = [...foreign, ...attached.map(({ name }) => ({ name, devicePath: "" }))];
  if (isEqual(volumesAttached, before)) return;
  const key = { name: node.metadata.name };
  await client.patch(Node, key, { type: "merge", body: { status: { volumesAttached } } }, { subresource: "status" });
  const isNew = ({ name }: { readonly name: string }) => !before.some((known) => known.name === name);
  for (const { volume } of attached.filter(isNew)) {
    const claim = volume.spec.claimRef;
    for (const pod of cache.informer(Pod).by(podsByClaim, `${claim?.namespace}/${claim?.name}`)) {
      if (pod.spec.nodeName !== node.metadata.name) continue;
      const message = `AttachVolume.Attach succeeded for volume "${volume.metadata.name}" `;
      events.record(pod, "Normal", "SuccessfulAttachVolume", message);
    }
  }
}

/** For how many ms more a node may keep a volume that nobody needs there, since it still uses it; undefined if it may not. */
function grace(
  { metadata, spec }: VolumeAttachment,
  node: Node | undefined,
  keptSince: Map<string, number>,
  { cache, clock }: ReconcileContext,
): number | undefined {
  const csi = cache.get(PersistentVolume, { name: spec.source.persistentVolumeName ?? "" })?.spec.csi;
  const used = csi && node?.status?.volumesInUse?.includes(uniqueName(csi.driver, csi.volumeHandle));
  if (!node || !used || node.spec.taints?.some(({ key }) => key === outOfService)) return undefined;
  const since = keptSince.get(metadata.name) ?? clock.now();
  keptSince.set(metadata.name, since);
  const left = since + patience - clock.now();
  if (left > 0) return left;
  return isReady(node.status) ? patience : undefined;
}

async function detach({ metadata, spec }: VolumeAttachment, { client }: ReconcileContext): Promise<void> {
  const { name, uid, deletionTimestamp } = metadata;
  if (!spec.source.persistentVolumeName || deletionTimestamp) return;
  try {
    await client.delete(VolumeAttachment, { name }, { preconditions: { uid } });
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
  }
}

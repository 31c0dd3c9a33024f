import type { Pod } from "../../../api/generated/core-v1.ts";
import type { NodeInfo } from "../../framework/node-info.ts";
import { definePlugin, fits, ready, reject, skip } from "../../framework/plugin.ts";
import { claimNames, classNameOf, usesClaims, type VolumeCatalogue } from "./volume-catalogue.ts";

const tooMany = reject("node(s) exceed max volume count");

/** Volumes by the CSI driver that attaches them. */
type ByDriver = ReadonlyMap<string, ReadonlySet<string>>;

/** The volumes of a pod: by handle where they are there, by claim where they will be. */
function volumesOf(pod: Pod, catalogue: VolumeCatalogue, into: Map<string, Set<string>> = new Map()): ByDriver {
  const add = (driver: string, volume: string) => {
    const known = into.get(driver);
    if (known) known.add(volume);
    else into.set(driver, new Set([volume]));
  };
  const { namespace } = pod.metadata;
  for (const name of claimNames(pod)) {
    const claim = catalogue.claim(namespace, name);
    if (!claim) continue;
    const volume = claim.spec?.volumeName ? catalogue.volume(claim.spec.volumeName) : undefined;
    const csi = (
      volume?.spec as { readonly csi?: { readonly driver: string; readonly volumeHandle: string } } | undefined
    )?.csi;
    if (csi) add(csi.driver, csi.volumeHandle);
    else if (!volume) {
      const provisioner = catalogue.storageClass(classNameOf(claim))?.provisioner;
      if (provisioner) add(provisioner, `${namespace}/${name}`);
    }
  }
  return into;
}

/** A node attaches so many volumes of a CSI driver and no more. */
export function nodeVolumeLimits(catalogue: VolumeCatalogue) {
  const attached = (node: NodeInfo): ByDriver => {
    const all = new Map<string, Set<string>>();
    for (const { pod } of node.pods.values()) if (usesClaims(pod)) volumesOf(pod, catalogue, all);
    for (const { spec } of catalogue.attachments(node.name)) {
      const volume = spec.source.persistentVolumeName ? catalogue.volume(spec.source.persistentVolumeName) : undefined;
      const handle = (volume?.spec as { readonly csi?: { readonly volumeHandle: string } } | undefined)?.csi
        ?.volumeHandle;
      if (!handle) continue;
      const known = all.get(spec.attacher);
      if (known) known.add(handle);
      else all.set(spec.attacher, new Set([handle]));
    }
    return all;
  };
  return definePlugin<ByDriver>({
    name: "NodeVolumeLimits",
    retryOn: [
      "CSINode/change",
      { on: "AssignedPod/delete", helps: (_pod, { pod }) => pod === undefined || usesClaims(pod) },
      "PersistentVolumeClaim/change",
      "VolumeAttachment/delete",
      "Node/add",
    ],
    stateHolds: true,
    prepareFilter(pod) {
      if (!usesClaims(pod)) return skip;
      const volumes = volumesOf(pod, catalogue);
      return volumes.size === 0 ? skip : ready(volumes);
    },
    filter(_pod, node, wanted) {
      const drivers = catalogue.node(node.name)?.spec.drivers ?? [];
      let there: ByDriver | undefined;
      for (const { name, allocatable } of drivers) {
        const volumes = wanted.get(name);
        if (!volumes || allocatable?.count === undefined) continue;
        there ??= attached(node);
        const known = there.get(name) ?? new Set<string>();
        let more = 0;
        for (const volume of volumes) if (!known.has(volume)) more += 1;
        if (more > 0 && known.size + more > allocatable.count) return tooMany;
      }
      return fits;
    },
  });
}

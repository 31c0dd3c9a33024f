import type { PersistentVolume, Pod, Volume } from "../../../api/generated/core-v1.ts";
import type { PodQuestion } from "../../framework/affinity-terms.ts";
import type { ClusterState } from "../../framework/cluster-state.ts";
import type { NodeInfo } from "../../framework/node-info.ts";
import { definePlugin, fits, ready, reject, skip } from "../../framework/plugin.ts";
import type { PodCounts } from "../../framework/topology.ts";
import { claimNames, classNameOf, usesClaims, type VolumeCatalogue } from "./volume-catalogue.ts";

const noDisk = reject("node(s) had no available disk");
const oneWriter = reject(
  "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",
);

/** Two volumes of old kinds that cannot be mounted on one node by two pods. */
function disksClash(one: Volume, two: Volume): boolean {
  const bothRead = (a?: boolean, b?: boolean) => Boolean(a && b);
  if (one.gcePersistentDisk && two.gcePersistentDisk) {
    const [a, b] = [one.gcePersistentDisk, two.gcePersistentDisk];
    return a.pdName === b.pdName && !bothRead(a.readOnly, b.readOnly);
  }
  if (one.awsElasticBlockStore && two.awsElasticBlockStore)
    return one.awsElasticBlockStore.volumeID === two.awsElasticBlockStore.volumeID;
  if (one.iscsi && two.iscsi)
    return one.iscsi.iqn === two.iscsi.iqn && !bothRead(one.iscsi.readOnly, two.iscsi.readOnly);
  if (one.rbd && two.rbd) {
    const [a, b] = [one.rbd, two.rbd];
    const shared = a.monitors.some((monitor) => b.monitors.includes(monitor));
    return (
      shared && (a.pool ?? "rbd") === (b.pool ?? "rbd") && a.image === b.image && !bothRead(a.readOnly, b.readOnly)
    );
  }
  return false;
}

const isOldDisk = (volume: Volume) =>
  Boolean(volume.gcePersistentDisk || volume.awsElasticBlockStore || volume.iscsi || volume.rbd);

interface Restrictions {
  readonly disks: readonly Volume[];
  /** Users of each claim that only one pod may have. */
  readonly oneWriter: readonly PodCounts[];
}

const usersOf = (namespace: string, claim: string): PodQuestion => ({
  key: `uses claim ${claim}@${namespace}`,
  namespaces: new Set([namespace]),
  matches: (pod) => pod.metadata.namespace === namespace && claimNames(pod).includes(claim),
});

/** Disks that one node or one pod may have for itself. */
export function volumeRestrictions(catalogue: VolumeCatalogue) {
  return definePlugin<Restrictions>({
    name: "VolumeRestrictions",
    retryOn: ["AssignedPod/delete", "Node/add", "PersistentVolumeClaim/change"],
    stateHolds: true,
    prepareFilter(pod: Pod, cluster: ClusterState) {
      const volumes = pod.spec.volumes ?? [];
      const disks = volumes.filter(isOldDisk);
      const { namespace } = pod.metadata;
      const exclusive = claimNames(pod).filter((name) =>
        catalogue.claim(namespace, name)?.spec?.accessModes?.includes("ReadWriteOncePod"),
      );
      if (disks.length + exclusive.length === 0) return skip;
      return ready({ disks, oneWriter: exclusive.map((name) => cluster.index.count(usersOf(namespace, name))) });
    },
    filter(_pod, node, { disks, oneWriter: counts }) {
      if (disks.length > 0)
        for (const { pod: other } of node.pods.values())
          for (const volume of other.spec.volumes ?? [])
            if (disks.some((disk) => disksClash(disk, volume))) return noDisk;
      for (const { total } of counts) if (total > 0) return oneWriter;
      return fits;
    },
  });
}

const zoneLabels = [
  "topology.kubernetes.io/zone",
  "topology.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region",
];
const otherZone = reject("node(s) had no available volume zone", { preemptionHelps: false });
const stable = (label: string) => label.replace("failure-domain.beta.kubernetes.io", "topology.kubernetes.io");

interface ZoneRule {
  readonly label: string;
  readonly values: ReadonlySet<string>;
}

function zoneRules({ metadata }: PersistentVolume): readonly ZoneRule[] {
  return zoneLabels.flatMap((label) => {
    const value = metadata.labels?.[label];
    // A volume that is in several zones lists them so.
    return value === undefined ? [] : [{ label, values: new Set(value.split("__")) }];
  });
}

/** Volumes with zone labels are used in their zone only. */
export function volumeZone(catalogue: VolumeCatalogue) {
  return definePlugin<readonly ZoneRule[]>({
    name: "VolumeZone",
    retryOn: [
      "StorageClass/change",
      "PersistentVolumeClaim/change",
      "PersistentVolume/change",
      "Node/add",
      "Node/labels",
    ],
    stateHolds: true,
    prepareFilter(pod) {
      if (!usesClaims(pod)) return skip;
      const rules: ZoneRule[] = [];
      for (const name of claimNames(pod)) {
        const claim = catalogue.claim(pod.metadata.namespace, name);
        if (!claim)
          return {
            kind: "rejected",
            rejection: reject(`persistentvolumeclaim "${name}" not found`, { preemptionHelps: false }),
          };
        const volumeName = claim.spec?.volumeName;
        if (!volumeName) {
          const waits = catalogue.storageClass(classNameOf(claim))?.volumeBindingMode === "WaitForFirstConsumer";
          if (waits) continue;
          return {
            kind: "rejected",
            rejection: reject("PersistentVolumeClaim had no pv name and storageClass name", { preemptionHelps: false }),
          };
        }
        const volume = catalogue.volume(volumeName);
        if (volume) rules.push(...zoneRules(volume));
      }
      return rules.length === 0 ? skip : ready(rules);
    },
    filter(_pod, { labels }: NodeInfo, rules) {
      // A node that is in no zone at all is everywhere.
      if (!zoneLabels.some((label) => labels[label] !== undefined)) return fits;
      for (const { label, values } of rules) {
        const value = labels[label] ?? labels[stable(label)];
        if (value === undefined || !values.has(value)) return otherZone;
      }
      return fits;
    },
  });
}

import type { ConformanceGroup } from "./group.ts";

const folders = "test/e2e/83-conformance-storage.e2e.test.ts";
const config = "test/e2e/84-conformance-config.e2e.test.ts";

const operations = "test/api/conformance-operations.test.ts";

const consumable = [
  "should be consumable from pods in volume",
  "should be consumable from pods in volume with defaultMode set",
  "should be consumable from pods in volume with mappings",
  "optional updates should be reflected in volume",
];
const configMaps = [
  ...consumable,
  "should be consumable from pods in volume with mappings and Item mode set",
  "should be consumable from pods in volume as non-root",
  "should be consumable from pods in volume with mappings as non-root",
  "should be consumable in multiple volumes in the same pod",
  "updates should be reflected in volume",
];
const secrets = [
  ...consumable,
  "should be consumable from pods in volume with mappings and Item Mode set",
  "should be consumable from pods in volume as non-root with defaultMode and fsGroup set",
  "should be consumable in multiple volumes in a pod",
];
const downward = [
  "should provide container's cpu limit",
  "should provide container's cpu request",
  "should provide container's memory limit",
  "should provide container's memory request",
  "should provide node allocatable (cpu) as default cpu limit if the limit is not set",
  "should provide node allocatable (memory) as default memory limit if the limit is not set",
  "should provide podname only",
  "should set DefaultMode on files",
  "should set mode on item file",
  "should update annotations on modification",
  "should update labels on modification",
];

/** What upstream's list asks of storage. */
export const storageGroups: readonly ConformanceGroup[] = [
  {
    group: "[sig-storage] EmptyDir volumes",
    file: folders,
    names: [
      "pod should support shared volumes between containers",
      ...["root", "non-root"].flatMap((user) =>
        ["0644", "0666", "0777"].flatMap((mode) =>
          ["default", "tmpfs"].map((medium) => `should support (${user},${mode},${medium})`),
        ),
      ),
      "volume on default medium should have the correct mode",
      "volume on tmpfs should have the correct mode",
    ],
  },
  {
    group: "[sig-storage] EmptyDir wrapper volumes",
    file: folders,
    names: ["should not cause race condition when used for configmaps", "should not conflict"],
  },
  {
    group: "[sig-storage] Subpath",
    file: folders,
    names: [
      "Atomic writer volumes should support subpaths with configmap pod",
      "Atomic writer volumes should support subpaths with configmap pod with mountPath of existing file",
      "Atomic writer volumes should support subpaths with downward pod",
      "Atomic writer volumes should support subpaths with projected pod",
      "Atomic writer volumes should support subpaths with secret pod",
    ],
  },
  {
    group: "[sig-storage] ConfigMap",
    file: config,
    names: [...configMaps, "binary data should be reflected in volume"],
  },
  { group: "[sig-storage] Projected configMap", file: config, names: configMaps },
  {
    group: "[sig-storage] Secrets",
    file: config,
    names: [
      ...secrets,
      "should be able to mount in a volume regardless of a different secret existing with same name in different namespace",
    ],
  },
  { group: "[sig-storage] Projected secret", file: config, names: secrets },
  { group: "[sig-storage] Downward API volume", file: config, names: downward },
  { group: "[sig-storage] Projected downwardAPI", file: config, names: downward },
  {
    group: "[sig-storage] Projected combined",
    file: config,
    names: ["should project all components that make up the projection API"],
  },
  { group: "[sig-storage] ConfigMap", file: operations, names: ["should be immutable if `immutable` field is set"] },
  { group: "[sig-storage] Secrets", file: operations, names: ["should be immutable if `immutable` field is set"] },
  {
    group: "[sig-storage] PersistentVolumes",
    file: operations,
    names: [
      "CSI Conformance should run through the lifecycle of a PV and a PVC",
      "CSI Conformance should apply changes to a pv/pvc status",
    ],
  },
  {
    group: "[sig-storage] StorageClasses",
    file: operations,
    names: ["CSI Conformance should run through the lifecycle of a StorageClass"],
  },
  {
    group: "[sig-storage] VolumeAttachment",
    file: operations,
    names: [
      "Conformance should run through the lifecycle of a VolumeAttachment",
      "Conformance should apply changes to a volumeattachment status",
    ],
  },
  {
    group: "[sig-storage] CSIInlineVolumes",
    file: operations,
    names: ["should run through the lifecycle of a CSIDriver", "should support CSIVolumeSource in Pod API"],
  },
  {
    group: "[sig-storage] CSINodes",
    file: operations,
    names: ["CSI Conformance should run through the lifecycle of a csinode"],
  },
  {
    group: "[sig-storage] CSIStorageCapacity",
    file: operations,
    names: ["should support CSIStorageCapacities API operations"],
  },
];

import type { PersistentVolume, PersistentVolumeClaim } from "../../../api/generated/core-v1.ts";
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
} from "../../../api/generated/storage-v1.ts";
import type { VolumeCatalogue } from "./volume-catalogue.ts";

export interface SampleVolumes {
  readonly claims?: readonly PersistentVolumeClaim[];
  readonly volumes?: readonly PersistentVolume[];
  readonly classes?: readonly StorageClass[];
  readonly drivers?: readonly CSIDriver[];
  readonly nodes?: readonly CSINode[];
  readonly capacities?: readonly CSIStorageCapacity[];
  readonly attachments?: readonly VolumeAttachment[];
}

/** A catalogue of what a test says there is. */
export function sampleCatalogue(of: SampleVolumes): VolumeCatalogue {
  const named = <T extends { readonly metadata: { readonly name: string } }>(
    list: readonly T[] | undefined,
    name: string,
  ) => list?.find(({ metadata }) => metadata.name === name);
  return {
    claim: (namespace, name) =>
      of.claims?.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
    volume: (name) => named(of.volumes, name),
    volumesOf: (name) => (of.volumes ?? []).filter(({ spec }) => (spec?.storageClassName ?? "") === name),
    storageClass: (name) => named(of.classes, name),
    driver: (name) => named(of.drivers, name),
    node: (name) => named(of.nodes, name),
    capacitiesOf: (name) => (of.capacities ?? []).filter(({ storageClassName }) => storageClassName === name),
    attachments: (node) => (of.attachments ?? []).filter(({ spec }) => spec.nodeName === node),
  };
}

/** A claim of 1 GiB; bound to a volume where one is named. */
export function sampleClaim(name: string, spec: object = {}, metadata: object = {}): PersistentVolumeClaim {
  const bound = "volumeName" in spec;
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      name,
      namespace: "default",
      uid: `claim-${name}`,
      ...(bound ? { annotations: { "pv.kubernetes.io/bind-completed": "yes" } } : {}),
      ...metadata,
    },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, ...spec },
  } as unknown as PersistentVolumeClaim;
}

/** A volume of 2 GiB, on the nodes named or everywhere. */
export function sampleVolume(
  name: string,
  spec: object = {},
  nodes: readonly string[] = [],
  labels: object = {},
): PersistentVolume {
  const matchExpressions = [{ key: "kubernetes.io/hostname", operator: "In", values: nodes }];
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name, uid: `volume-${name}`, labels },
    spec: {
      capacity: { storage: "2Gi" },
      accessModes: ["ReadWriteOnce"],
      ...(nodes.length > 0 ? { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } } } : {}),
      ...spec,
    },
  } as unknown as PersistentVolume;
}

export const sampleClass = (name: string, more: object = {}): StorageClass =>
  ({
    metadata: { name },
    provisioner: "kubernetes.io/no-provisioner",
    volumeBindingMode: "WaitForFirstConsumer",
    ...more,
  }) as unknown as StorageClass;

/** A pod's spec with these claims. */
export const usingClaims = (...names: readonly string[]): never =>
  ({
    volumes: names.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })),
    containers: [{ name: "c" }],
  }) as never;

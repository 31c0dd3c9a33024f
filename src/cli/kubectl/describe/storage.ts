import { accessModesText } from "../../../api/core/storage-text.ts";
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  VolumeNodeAffinity,
} from "../../../api/generated/core-v1.ts";
import type { CSINode, StorageClass, VolumeAttributesClass } from "../../../api/generated/storage-v1.ts";
import { claimText } from "./claim.ts";
import { watchedConditions } from "./conditions.ts";
import { type DescribeContext, defineDescriber, listAll } from "./describer.ts";
import { type Described, marks, nameRows, statusRow } from "./metadata.ts";
import { amount, indent, pairs, row, rowIf, rows, type Text, timeText, truth } from "./text.ts";
import { persistentSourceText } from "./volumes.ts";

const finalizersRow = ({ metadata }: { readonly metadata: { readonly finalizers?: readonly string[] } }) =>
  row("Finalizers", `[${(metadata.finalizers ?? []).join(" ")}]`);

const oldClass = "volume.beta.kubernetes.io/storage-class";

/** `kubectl describe pv` */
export const persistentVolume = defineDescriber<PersistentVolume>("v1", (volume, { now }) => {
  const { metadata, spec, status } = volume;
  const { claimRef } = spec;
  return [
    row("Name", metadata.name),
    marks(volume),
    finalizersRow(volume),
    row("StorageClass", metadata.annotations?.[oldClass] ?? spec.storageClassName),
    statusRow(volume, status?.phase, now),
    row("Claim", claimRef && `${claimRef.namespace ?? ""}/${claimRef.name ?? ""}`),
    row("Reclaim Policy", spec.persistentVolumeReclaimPolicy),
    row("Access Modes", accessModesText(spec.accessModes)),
    rowIf("VolumeMode", spec.volumeMode),
    row("Capacity", amount(spec.capacity?.storage)),
    affinityText(spec.nodeAffinity),
    row("Message", status?.message),
    "Source:",
    persistentSourceText(spec),
  ];
});

function affinityText(affinity: VolumeNodeAffinity | undefined): Text {
  if (!affinity?.required) return row("Node Affinity", "<none>");
  const terms = affinity.required.nodeSelectorTerms;
  if (terms.length === 0) return [row("Node Affinity"), indent(1, row("Required Terms", "<none>"))];
  return [
    row("Node Affinity"),
    indent(1, row("Required Terms")),
    terms.map(({ matchExpressions = [] }, at) =>
      indent(
        2,
        rows(
          `Term ${at}`,
          matchExpressions.map(({ key, operator, values }) => requirementText(key, operator.toLowerCase(), values)),
        ),
      ),
    ),
  ];
}

function requirementText(key: string, operator: string, values: readonly string[] | undefined): string {
  return values?.length ? `${key} ${operator} [${values.join(", ")}]` : `${key} ${operator}`;
}

/** `kubectl describe pvc` */
export const persistentVolumeClaim = defineDescriber<PersistentVolumeClaim>("v1", async (claim, context) => {
  const { metadata, spec, status } = claim;
  return [
    nameRows(claim),
    claimText(
      { spec, status, annotations: metadata.annotations },
      [marks(claim), finalizersRow(claim)],
      statusRow(claim, status?.phase, context.now),
    ),
    rows("Used By", await usersOf(claim, context)),
    watchedConditions(status?.conditions, "LastProbeTime", ({ lastProbeTime }) => lastProbeTime),
  ];
});

/** The pods that mount a claim, and those that it was made for. */
async function usersOf(claim: Described & PersistentVolumeClaim, context: DescribeContext): Promise<readonly string[]> {
  const { metadata } = claim;
  const owners = (metadata.ownerReferences ?? []).filter(({ kind }) => kind === "Pod").map(({ uid }) => uid);
  const pods = await listAll<Pod>(context, { plural: "pods" }, metadata.namespace);
  return pods
    .flatMap(({ metadata: { name, uid }, spec }) => {
      const uses = (spec.volumes ?? []).filter(
        ({ persistentVolumeClaim: claim }) => claim?.claimName === metadata.name,
      ).length;
      return Array.from({ length: uses || Number(owners.includes(uid)) }, () => name);
    })
    .sort();
}

/** `kubectl describe storageclass` */
export const storageClass = defineDescriber<StorageClass>("v1", (storageClass) => {
  const { metadata, mountOptions = [], allowedTopologies } = storageClass;
  const { annotations } = metadata;
  const isDefault = ["", ".beta"].some(
    (version) => annotations?.[`storageclass${version}.kubernetes.io/is-default-class`] === "true",
  );
  return [
    row("Name", metadata.name),
    row("IsDefaultClass", isDefault ? "Yes" : "No"),
    row("Annotations", pairs(annotations)),
    row("Provisioner", storageClass.provisioner),
    row("Parameters", pairs(storageClass.parameters)),
    row("AllowVolumeExpansion", truth(storageClass.allowVolumeExpansion)),
    mountOptions.length > 0 ? ["MountOptions:", indent(1, mountOptions)] : row("MountOptions", "<none>"),
    rowIf("ReclaimPolicy", storageClass.reclaimPolicy),
    rowIf("VolumeBindingMode", storageClass.volumeBindingMode),
    allowedTopologies && [
      row("AllowedTopologies", allowedTopologies.length === 0 ? "<none>" : ""),
      allowedTopologies.map(({ matchLabelExpressions = [] }, at) =>
        indent(
          1,
          rows(
            `Term ${at}`,
            matchLabelExpressions.map(({ key, values }) => requirementText(key, "in", values)),
          ),
        ),
      ),
    ],
  ];
});

/** `kubectl describe volumeattributesclass` */
export const volumeAttributesClass = defineDescriber<VolumeAttributesClass>("v1", (attributes) => [
  row("Name", attributes.metadata.name),
  row("Annotations", pairs(attributes.metadata.annotations)),
  row("DriverName", attributes.driverName),
  row("Parameters", pairs(attributes.parameters)),
]);

/** `kubectl describe csinode` */
export const csiNode = defineDescriber<CSINode>("v1", (node) => {
  const { drivers } = node.spec;
  return [
    row("Name", node.metadata.name),
    marks(node),
    row("CreationTimestamp", timeText(node.metadata.creationTimestamp)),
    "Spec:",
    drivers && [
      "  Drivers:",
      drivers.map(({ name, nodeID, allocatable, topologyKeys }) => [
        `    ${name}:`,
        indent(
          3,
          row("Node ID", nodeID),
          allocatable?.count !== undefined && ["Allocatables:", indent(1, row("Count", allocatable.count))],
          topologyKeys && row("Topology Keys", `[${topologyKeys.join(" ")}]`),
        ),
      ]),
    ],
  ];
});

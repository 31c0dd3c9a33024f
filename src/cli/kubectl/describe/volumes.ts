import type { PersistentVolumeSpec, Volume } from "../../../api/generated/core-v1.ts";
import { quantitySign } from "../../../machinery/quantity.ts";
import { shortened } from "./metadata.ts";
import { amount, goText, indent, row, rows, sortedKeys, type Text } from "./text.ts";

type Source = Readonly<Record<string, unknown>>;
/** A label, the member beside it, and what stands for a member that is not there; or a line made of the source. */
type Line = readonly [label: string, member: string, none?: string] | ((source: Source) => Text);

interface SourceKind {
  readonly type: string;
  readonly lines: readonly Line[];
}

const kind = (type: string, ...lines: readonly Line[]): SourceKind => ({ type, lines });
const readOnly: Line = ["ReadOnly", "readOnly", "false"];
const fsType: Line = ["FSType", "fsType"];
const optional: Line = ["Optional", "optional", "false"];
const volumeID: Line = ["VolumeID", "volumeID"];
const partition: Line = ["Partition", "partition", "0"];

/** A reference to a secret as Go prints it; those of persistent volumes tell the namespace. */
const secretRef: Line = ({ secretRef }) => {
  const ref = secretRef as { readonly name?: string; readonly namespace?: string } | undefined;
  if (!ref) return row("SecretRef", "nil");
  const text =
    ref.namespace === undefined
      ? `&LocalObjectReference{Name:${ref.name ?? ""},}`
      : `&SecretReference{Name:${ref.name ?? ""},Namespace:${ref.namespace},}`;
  return row("SecretRef", text);
};

const attributes: Line = ({ volumeAttributes }) => {
  const map = volumeAttributes as Readonly<Record<string, string>> | undefined;
  return rows(
    "VolumeAttributes",
    // Lines after the label stand as far in as it does, once more.
    sortedKeys(map).map((key) => `    ${shortened(`${key}=${map?.[key]}`, 140)}`),
  );
};

const scaleIO: readonly Line[] = [
  ["Gateway", "gateway"],
  ["System", "system"],
  ["Protection Domain", "protectionDomain"],
  ["Storage Pool", "storagePool"],
  ["Storage Mode", "storageMode"],
  ["VolumeName", "volumeName"],
];

/** How each kind of source is told, in the order in which upstream looks for them. */
const podSources: Readonly<Record<string, SourceKind>> = {
  hostPath: kind("HostPath (bare host directory volume)", ["Path", "path"], ["HostPathType", "type", "<none>"]),
  emptyDir: kind(
    "EmptyDir (a temporary directory that shares a pod's lifetime)",
    ["Medium", "medium"],
    ({ sizeLimit }) => {
      const limit = sizeLimit as string | undefined;
      return row("SizeLimit", limit && quantitySign(limit) > 0 ? amount(limit) : "<unset>");
    },
  ),
  gcePersistentDisk: kind(
    "GCEPersistentDisk (a Persistent Disk resource in Google Compute Engine)",
    ["PDName", "pdName"],
    fsType,
    partition,
    readOnly,
  ),
  awsElasticBlockStore: kind(
    "AWSElasticBlockStore (a Persistent Disk resource in AWS)",
    volumeID,
    fsType,
    partition,
    readOnly,
  ),
  gitRepo: kind(
    "GitRepo (a volume that is pulled from git when the pod is created)",
    ["Repository", "repository"],
    ["Revision", "revision"],
  ),
  secret: kind("Secret (a volume populated by a Secret)", ["SecretName", "secretName"], optional),
  configMap: kind("ConfigMap (a volume populated by a ConfigMap)", ["Name", "name"], optional),
  nfs: kind("NFS (an NFS mount that lasts the lifetime of a pod)", ["Server", "server"], ["Path", "path"], readOnly),
  iscsi: kind(
    "ISCSI (an ISCSI Disk resource that is attached to a kubelet's host machine and then exposed to the pod)",
    ["TargetPortal", "targetPortal"],
    ["IQN", "iqn"],
    ["Lun", "lun", "0"],
    ({ iscsiInterface }) => `ISCSIInterface\t${iscsiInterface ?? ""}`,
    fsType,
    readOnly,
    ["Portals", "portals", "[]"],
    ["DiscoveryCHAPAuth", "chapAuthDiscovery", "false"],
    ["SessionCHAPAuth", "chapAuthSession", "false"],
    secretRef,
    ["InitiatorName", "initiatorName", "<none>"],
  ),
  glusterfs: kind(
    "Glusterfs (a Glusterfs mount on the host that shares a pod's lifetime)",
    ["EndpointsName", "endpoints"],
    ["Path", "path"],
    readOnly,
  ),
  persistentVolumeClaim: kind(
    "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
    ["ClaimName", "claimName"],
    readOnly,
  ),
  rbd: kind(
    "RBD (a Rados Block Device mount on the host that shares a pod's lifetime)",
    ["CephMonitors", "monitors", "[]"],
    ["RBDImage", "image"],
    fsType,
    ["RBDPool", "pool"],
    ["RadosUser", "user"],
    ["Keyring", "keyring"],
    secretRef,
    readOnly,
  ),
  quobyte: kind(
    "Quobyte (a Quobyte mount on the host that shares a pod's lifetime)",
    ["Registry", "registry"],
    ["Volume", "volume"],
    readOnly,
  ),
  downwardAPI: kind("DownwardAPI (a volume populated by information about the pod)", ({ items }) => [
    "Items:",
    indent(1, ((items ?? []) as readonly DownwardItem[]).map(downwardLines)),
  ]),
  azureDisk: kind(
    "AzureDisk (an Azure Data Disk mount on the host and bind mount to the pod)",
    ["DiskName", "diskName"],
    ["DiskURI", "diskURI"],
    ({ kind }) => `Kind: \t${kind ?? ""}`,
    fsType,
    ["CachingMode", "cachingMode"],
    readOnly,
  ),
  vsphereVolume: kind("vSphereVolume (a Persistent Disk resource in vSphere)", ["VolumePath", "volumePath"], fsType, [
    "StoragePolicyName",
    "storagePolicyName",
  ]),
  cinder: kind("Cinder (a Persistent Disk resource in OpenStack)", volumeID, fsType, readOnly, secretRef),
  photonPersistentDisk: kind(
    "PhotonPersistentDisk (a Persistent Disk resource in photon platform)",
    ["PdID", "pdID"],
    fsType,
  ),
  portworxVolume: kind("PortworxVolume (a Portworx Volume resource)", volumeID),
  scaleIO: kind("ScaleIO (a persistent volume backed by a block device in ScaleIO)", ...scaleIO, fsType, readOnly),
  cephfs: kind(
    "CephFS (a CephFS mount on the host that shares a pod's lifetime)",
    ["Monitors", "monitors", "[]"],
    ["Path", "path"],
    ["User", "user"],
    ["SecretFile", "secretFile"],
    secretRef,
    readOnly,
  ),
  storageos: kind(
    "StorageOS (a StorageOS Persistent Disk resource)",
    ["VolumeName", "volumeName"],
    ["VolumeNamespace", "volumeNamespace"],
    fsType,
    readOnly,
  ),
  fc: kind(
    "FC (a Fibre Channel disk)",
    ({ targetWWNs }) => row("TargetWWNs", ((targetWWNs ?? []) as readonly string[]).join(", ")),
    ["LUN", "lun", "<none>"],
    fsType,
    readOnly,
  ),
  azureFile: kind(
    "AzureFile (an Azure File Service mount on the host and bind mount to the pod)",
    ["SecretName", "secretName"],
    ["ShareName", "shareName"],
    readOnly,
  ),
  flexVolume: kind(
    "FlexVolume (a generic volume resource that is provisioned/attached using an exec based plugin)",
    ["Driver", "driver"],
    fsType,
    secretRef,
    readOnly,
    ["Options", "options", "map[]"],
  ),
  flocker: kind(
    "Flocker (a Flocker volume mounted by the Flocker agent)",
    ["DatasetName", "datasetName"],
    ["DatasetUUID", "datasetUUID"],
  ),
  projected: kind("Projected (a volume that contains injected data from multiple sources)", ({ sources }) =>
    ((sources ?? []) as readonly ProjectedSource[]).map(projectedLines),
  ),
  csi: kind(
    "CSI (a Container Storage Interface (CSI) volume source)",
    ["Driver", "driver"],
    fsType,
    readOnly,
    attributes,
  ),
  image: kind("Image (a container image or OCI artifact)", ["Reference", "reference"], ["PullPolicy", "pullPolicy"]),
};

/** Where sources of persistent volumes are told otherwise than those of pods. */
const persistentSources: Readonly<Record<string, SourceKind>> = {
  ...podSources,
  glusterfs: kind(
    "Glusterfs (a Glusterfs mount on the host that shares a pod's lifetime)",
    ["EndpointsName", "endpoints"],
    ["EndpointsNamespace", "endpointsNamespace", "<unset>"],
    ["Path", "path"],
    readOnly,
  ),
  scaleIO: kind(
    "ScaleIO (a persistent volume backed by a block device in ScaleIO)",
    ...scaleIO,
    ({ secretRef }) => {
      const { name, namespace } = (secretRef ?? {}) as { readonly name?: string; readonly namespace?: string };
      return [row("SecretName", name), row("SecretNamespace", namespace)];
    },
    fsType,
    readOnly,
  ),
  local: kind("LocalVolume (a persistent volume backed by local storage on a node)", ["Path", "path"]),
  azureFile: kind(
    "AzureFile (an Azure File Service mount on the host and bind mount to the pod)",
    ["SecretName", "secretName"],
    ["SecretNamespace", "secretNamespace"],
    ["ShareName", "shareName"],
    readOnly,
  ),
  csi: kind(
    "CSI (a Container Storage Interface (CSI) volume source)",
    ["Driver", "driver"],
    fsType,
    ["VolumeHandle", "volumeHandle"],
    readOnly,
    attributes,
  ),
};

interface DownwardItem {
  readonly path: string;
  readonly fieldRef?: { readonly fieldPath: string };
  readonly resourceFieldRef?: { readonly resource: string };
}

function downwardLines({ path, fieldRef, resourceFieldRef }: DownwardItem): Text {
  return [
    fieldRef && `${fieldRef.fieldPath} -> ${path}`,
    resourceFieldRef && `${resourceFieldRef.resource} -> ${path}`,
  ];
}

interface Named {
  readonly name?: string;
  readonly optional?: boolean;
}

interface ProjectedSource {
  readonly secret?: Named;
  readonly downwardAPI?: object;
  readonly configMap?: Named;
  readonly serviceAccountToken?: { readonly expirationSeconds?: number };
}

function projectedLines({ secret, downwardAPI, configMap, serviceAccountToken }: ProjectedSource): Text {
  if (secret) return [row("SecretName", secret.name), row("Optional", secret.optional ?? false)];
  if (downwardAPI) return row("DownwardAPI", "true");
  if (configMap) return [row("ConfigMapName", configMap.name), row("Optional", configMap.optional ?? false)];
  return serviceAccountToken && row("TokenExpirationSeconds", serviceAccountToken.expirationSeconds);
}

/** The volumes of a pod; those of a template stand one blank further in. `claim` tells the template of an ephemeral one. */
export function volumesText(
  volumes: readonly Volume[] | undefined,
  margin: "" | " ",
  claim: (volume: Volume) => Text,
): Text {
  const label = margin === "" ? "Volumes:" : "  Volumes:";
  if (!volumes?.length) return `${label}\t<none>`;
  return [
    label,
    volumes.map((volume) => [
      `  ${margin}${volume.name}:`,
      volume.ephemeral
        ? [
            "    Type:\tEphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)",
            claim(volume),
          ]
        : sourceText(volume as unknown as Source, podSources),
    ]),
  ];
}

/** What a persistent volume is made of. */
export function persistentSourceText(spec: PersistentVolumeSpec): Text {
  return sourceText(spec as unknown as Source, persistentSources);
}

function sourceText(holder: Source, kinds: Readonly<Record<string, SourceKind>>): Text {
  const found = Object.entries(kinds).find(([member]) => holder[member]);
  if (!found) return "  <unknown>";
  const [member, { type, lines }] = found;
  const source = holder[member] as Source;
  return indent(2, [
    row("Type", type),
    lines.map((line) => {
      if (typeof line === "function") return line(source);
      const [label, name, none = ""] = line;
      const value = source[name];
      return row(label, value === undefined || value === null ? none : goText(value));
    }),
  ]);
}

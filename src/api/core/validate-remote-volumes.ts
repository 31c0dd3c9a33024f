import { type FieldPath, field } from "../../machinery/fields.ts";
import { dnsSubdomain } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, named, required, within } from "../checks.ts";
import type * as core from "../generated/core-v1.ts";

type Local =
  | "emptyDir"
  | "hostPath"
  | "gitRepo"
  | "secret"
  | "persistentVolumeClaim"
  | "downwardAPI"
  | "configMap"
  | "projected"
  | "ephemeral"
  | "image";
type RemoteChecks = {
  readonly [Name in Exclude<keyof core.VolumeSource, Local>]-?: (
    source: NonNullable<core.VolumeSource[Name]>,
    place: FieldPath,
  ) => Errors;
};

const all =
  (...names: readonly string[]) =>
  (source: object, place: FieldPath): Errors =>
    names.flatMap((name) => required(place.child(name), (source as Readonly<Record<string, unknown>>)[name]));

/** The fault of a partition number beyond a byte. */
function partition(place: FieldPath, value: number | undefined): Errors {
  return within(place.child("partition"), value, 0, 255);
}

/** The faults of an NFS export. */
export function validateNfs({ server, path }: core.NFSVolumeSource, place: FieldPath): Errors {
  return [
    ...required(place.child("server"), server),
    ...required(place.child("path"), path),
    ...(path?.startsWith("/") ? [] : [field.invalid(place.child("path"), path ?? "", "must be an absolute path")]),
  ];
}

interface IscsiLike {
  readonly targetPortal: string;
  readonly iqn: string;
  readonly lun: number;
  readonly chapAuthDiscovery?: boolean;
  readonly chapAuthSession?: boolean;
  readonly secretRef?: object;
  readonly initiatorName?: string;
}

const qualifiedIscsiName =
  /^(iqn\.\d{4}-\d{2}\.([a-zA-Z0-9-_]+\.?)+(:[^,;*&$|\s]+)?|eui\.[0-9a-fA-F]{16}|naa\.[0-9a-fA-F]{32})$/;

/** The faults of an iSCSI disk. */
export function validateIscsi(source: IscsiLike, place: FieldPath): Errors {
  const errors: FieldError[] = [...required(place.child("targetPortal"), source.targetPortal)];
  errors.push(...required(place.child("iqn"), source.iqn));
  if (source.iqn && !/^(iqn|eui|naa)/.test(source.iqn)) {
    errors.push(field.invalid(place.child("iqn"), source.iqn, "must be valid format starting with iqn, eui, or naa"));
  } else if (source.iqn && !qualifiedIscsiName.test(source.iqn)) {
    errors.push(field.invalid(place.child("iqn"), source.iqn, "must be valid format"));
  }
  errors.push(...within(place.child("lun"), source.lun, 0, 255));
  if ((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef) {
    errors.push(field.required(place.child("secretRef")));
  }
  return errors;
}

/** The faults of a fibre channel disk: world wide names with a LUN, or world wide identifiers. */
export function validateFc({ targetWWNs = [], wwids = [], lun }: core.FCVolumeSource, place: FieldPath): Errors {
  if (targetWWNs.length > 0 && wwids.length > 0) {
    return [
      field.invalid(place.child("targetWWNs"), targetWWNs, "fc can not set both targetWWNs and wwids simultaneously"),
    ];
  }
  if (targetWWNs.length === 0 && wwids.length === 0) {
    return [field.required(place.child("targetWWNs"), "must specify either targetWWNs or wwids, but not both")];
  }
  if (targetWWNs.length === 0) return [];
  if (lun === undefined) return [field.required(place.child("lun"), "lun is required if targetWWNs is specified")];
  return within(place.child("lun"), lun, 0, 255);
}

/** The faults of an Azure disk's caching mode, kind and address. */
export function validateAzureDisk(source: core.AzureDiskVolumeSource, place: FieldPath): Errors {
  const errors: FieldError[] = [...all("diskName", "diskURI")(source, place)];
  const modes = ["None", "ReadOnly", "ReadWrite"];
  if (source.cachingMode && !modes.includes(source.cachingMode)) {
    errors.push(field.notSupported(place.child("cachingMode"), source.cachingMode, modes));
  }
  const kinds = ["Dedicated", "Managed", "Shared"];
  if (source.kind && !kinds.includes(source.kind)) {
    errors.push(field.notSupported(place.child("kind"), source.kind, kinds));
  }
  return errors;
}

/** The faults of a CSI driver's name: a domain of at most 63 characters. */
export function validateDriverName(name: string | undefined, place: FieldPath): Errors {
  if (!name) return [field.required(place)];
  const long = name.length > 63 ? [field.tooLong(place, 63)] : [];
  return [...long, ...named(place, name.toLowerCase(), dnsSubdomain)];
}

/** One check per kind of storage that pods reach over a network. */
export const remoteVolumeChecks: RemoteChecks = {
  gcePersistentDisk: (source, place) => [
    ...required(place.child("pdName"), source.pdName),
    ...partition(place, source.partition),
  ],
  awsElasticBlockStore: (source, place) => [
    ...required(place.child("volumeID"), source.volumeID),
    ...partition(place, source.partition),
  ],
  nfs: validateNfs,
  iscsi: validateIscsi,
  glusterfs: all("endpoints", "path"),
  flocker: ({ datasetName, datasetUUID }, place) =>
    datasetName || datasetUUID ? [] : [field.required(place, "one of datasetName and datasetUUID is required")],
  rbd: all("monitors", "image"),
  cinder: all("volumeID"),
  cephfs: all("monitors"),
  quobyte: all("registry", "volume"),
  fc: validateFc,
  flexVolume: all("driver"),
  azureFile: all("secretName", "shareName"),
  vsphereVolume: all("volumePath"),
  photonPersistentDisk: all("pdID"),
  portworxVolume: all("volumeID"),
  azureDisk: validateAzureDisk,
  storageos: all("volumeName"),
  scaleIO: all("gateway", "system", "volumeName"),
  csi: ({ driver, nodePublishSecretRef }, place) => [
    ...validateDriverName(driver, place.child("driver")),
    ...(nodePublishSecretRef && !nodePublishSecretRef.name
      ? [field.required(place.child("nodePublishSecretRef", "name"))]
      : []),
  ],
};

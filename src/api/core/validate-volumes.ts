import { type FieldPath, field } from "../../machinery/fields.ts";
import { configMapKey, dnsLabel } from "../../machinery/names.ts";
import { quantitySign } from "../../machinery/quantity.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { validateSignerName } from "../certificates/signer-name.ts";
import { type Errors, eachAt, named, oneOf, required } from "../checks.ts";
import type * as core from "../generated/core-v1.ts";
import { validateSelector } from "../selectors.ts";
import { validateClaimSpec } from "./validate-claim.ts";
import { validateFieldRef, validateResourceFieldRef } from "./validate-env.ts";
import { fileMode, unreservedPath, validateKeyToPath, withoutBacksteps } from "./validate-paths.ts";
import { remoteVolumeChecks } from "./validate-remote-volumes.ts";

export interface VolumeCheck {
  readonly errors: Errors;
  /** The volumes without fault, by name: those that containers may mount. */
  readonly volumes: ReadonlyMap<string, core.Volume>;
}

/** The faults of a pod's volumes. */
export function validateVolumes(volumes: readonly core.Volume[] | undefined, place: FieldPath): VolumeCheck {
  const sound = new Map<string, core.Volume>();
  const errors = eachAt(volumes, place, (volume, here) => {
    const faults: FieldError[] = [...validateSource(volume, here)];
    if (!volume.name) faults.push(field.required(here.child("name")));
    else faults.push(...named(here.child("name"), volume.name, dnsLabel));
    if (sound.has(volume.name)) faults.push(field.duplicate(here.child("name"), volume.name));
    if (faults.length === 0) sound.set(volume.name, volume);
    return faults;
  });
  return { errors, volumes: sound };
}

type SourceName = keyof core.VolumeSource;
type Checks = {
  readonly [Name in SourceName]-?: (source: NonNullable<core.VolumeSource[Name]>, place: FieldPath) => Errors;
};

const checks: Checks = {
  emptyDir: ({ sizeLimit }, place) =>
    sizeLimit !== undefined && quantitySign(sizeLimit) < 0
      ? [field.forbidden(place.child("sizeLimit"), "SizeLimit field must be a valid resource quantity")]
      : [],
  hostPath: validateHostPath,
  gitRepo: ({ repository, directory }, place) => [
    ...required(place.child("repository"), repository),
    ...(directory ? unreservedPath(place.child("directory"), directory) : []),
  ],
  secret: ({ secretName, defaultMode, items }, place) => [
    ...required(place.child("secretName"), secretName),
    ...fileModeOf(defaultMode, place),
    ...eachAt(items, place.child("items"), validateKeyToPath),
  ],
  persistentVolumeClaim: ({ claimName }, place) => required(place.child("claimName"), claimName),
  downwardAPI: ({ defaultMode, items }, place) => [
    ...fileModeOf(defaultMode, place),
    ...eachAt(items, place.child("items"), validateDownwardFile),
  ],
  configMap: ({ name, defaultMode, items }, place) => [
    ...required(place.child("name"), name),
    ...fileModeOf(defaultMode, place),
    ...eachAt(items, place.child("items"), validateKeyToPath),
  ],
  projected: validateProjected,
  ephemeral: ({ volumeClaimTemplate }, place) =>
    volumeClaimTemplate
      ? validateClaimSpec(volumeClaimTemplate.spec ?? {}, place.child("volumeClaimTemplate", "spec"))
      : [field.required(place.child("volumeClaimTemplate"))],
  image: ({ reference, pullPolicy }, place) => [
    ...required(place.child("reference"), reference),
    ...oneOf(place.child("pullPolicy"), pullPolicy, ["Always", "IfNotPresent", "Never"]),
  ],
  ...remoteVolumeChecks,
};

/** The order in which sources are looked at: all but the first are one too many. */
const order: readonly SourceName[] = [
  "emptyDir",
  "hostPath",
  "gitRepo",
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "secret",
  "nfs",
  "iscsi",
  "glusterfs",
  "flocker",
  "persistentVolumeClaim",
  "rbd",
  "cinder",
  "cephfs",
  "quobyte",
  "downwardAPI",
  "fc",
  "flexVolume",
  "configMap",
  "azureFile",
  "vsphereVolume",
  "photonPersistentDisk",
  "portworxVolume",
  "azureDisk",
  "storageos",
  "projected",
  "scaleIO",
  "csi",
  "ephemeral",
  "image",
];

function validateSource(volume: core.Volume, place: FieldPath): Errors {
  const errors: FieldError[] = [];
  let sources = 0;
  for (const name of order) {
    const source = volume[name];
    if (!source) continue;
    sources++;
    if (sources > 1) errors.push(field.forbidden(place.child(name), "may not specify more than 1 volume type"));
    else {
      // The table gives each source its own check; the compiler cannot see that name and source belong together.
      const check = checks[name] as (source: unknown, place: FieldPath) => Errors;
      errors.push(...check(source, place.child(name)));
    }
  }
  if (sources === 0) errors.push(field.required(place, "must specify a volume type"));
  return errors;
}

const hostPathTypes = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];

/** The faults of a path on the node. */
export function validateHostPath({ path, type }: core.HostPathVolumeSource, place: FieldPath): Errors {
  if (!path) return [field.required(place.child("path"))];
  return [...withoutBacksteps(place.child("path"), path), ...oneOf(place.child("type"), type, hostPathTypes)];
}

function fileModeOf(mode: number | undefined, place: FieldPath): Errors {
  return fileMode(place.child("defaultMode"), mode);
}

function validateDownwardFile(file: core.DownwardAPIVolumeFile, place: FieldPath): Errors {
  const errors: FieldError[] = [];
  if (!file.path) errors.push(field.required(place.child("path")));
  else errors.push(...unreservedPath(place.child("path"), file.path));
  if (file.fieldRef) {
    errors.push(...validateFieldRef(file.fieldRef, place.child("fieldRef"), "volume"));
    if (file.resourceFieldRef) {
      const detail = "fieldRef and resourceFieldRef can not be specified simultaneously";
      errors.push(field.invalid(place, "resource", detail));
    }
  } else if (file.resourceFieldRef) {
    errors.push(...validateResourceFieldRef(file.resourceFieldRef, place.child("resourceFieldRef"), "volume"));
  } else errors.push(field.required(place, "one of fieldRef and resourceFieldRef is required"));
  return [...errors, ...fileMode(place.child("mode"), file.mode)];
}

function validateProjected({ sources, defaultMode }: core.ProjectedVolumeSource, place: FieldPath): Errors {
  const paths = new Set<string>();
  const unique = (path: string, at: FieldPath, value: string): Errors => {
    if (!path) return [];
    if (paths.has(path)) return [field.invalid(at, value, "conflicting duplicate paths")];
    paths.add(path);
    return [];
  };
  const errors = eachAt(sources, place.child("sources"), (source, here) => {
    const faults: FieldError[] = [];
    let kinds = 0;
    const one = (name: keyof core.VolumeProjection, check: (at: FieldPath) => Errors) => {
      if (kinds > 0) faults.push(field.forbidden(here.child(name), "may not specify more than 1 volume type"));
      else faults.push(...check(here.child(name)));
      kinds++;
    };
    const { secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = source;
    if (secret) {
      one("secret", (at) => [
        ...required(at.child("name"), secret.name),
        ...eachAt(secret.items, at.child("items"), (item, itemAt) => [
          ...validateKeyToPath(item, itemAt),
          ...unique(item.path, place, secret.name ?? ""),
        ]),
      ]);
    }
    if (configMap) {
      one("configMap", (at) => [
        ...required(at.child("name"), configMap.name),
        ...eachAt(configMap.items, at.child("items"), (item, itemAt) => [
          ...validateKeyToPath(item, itemAt),
          ...unique(item.path, place, configMap.name ?? ""),
        ]),
      ]);
    }
    if (downwardAPI) {
      one("downwardAPI", (at) =>
        eachAt(downwardAPI.items, at.child("items"), (item, itemAt) => [
          ...validateDownwardFile(item, itemAt),
          ...unique(item.path, place, item.path),
        ]),
      );
    }
    if (serviceAccountToken) {
      one("serviceAccountToken", (at) => [
        ...validateTokenProjection(serviceAccountToken, at),
        ...unique(serviceAccountToken.path, place, serviceAccountToken.path),
      ]);
    }
    if (clusterTrustBundle) {
      one("clusterTrustBundle", (at) => [
        ...validateBundleProjection(clusterTrustBundle, at),
        ...unique(clusterTrustBundle.path, place, clusterTrustBundle.path),
      ]);
    }
    if (podCertificate) one("podCertificate", (at) => required(at.child("signerName"), podCertificate.signerName));
    return faults;
  });
  return [...errors, ...fileModeOf(defaultMode, place)];
}

function validateBundleProjection(
  { name, signerName, labelSelector, path }: core.ClusterTrustBundleProjection,
  place: FieldPath,
): Errors {
  const errors: FieldError[] = [];
  if (name !== undefined && signerName !== undefined) {
    errors.push(field.invalid(place, { name, signerName }, "only one of name and signerName may be used"));
  } else if (name !== undefined) {
    errors.push(...required(place.child("name"), name, "must be a valid object name"));
    if (labelSelector) {
      const detail = "labelSelector must be unset if name is specified";
      errors.push(field.invalid(place.child("labelSelector"), labelSelector, detail));
    }
  } else if (signerName !== undefined) {
    if (signerName === "") errors.push(field.required(place.child("signerName"), "must be a valid signer name"));
    else errors.push(...validateSignerName(signerName, place.child("signerName")));
    errors.push(...validateSelector(labelSelector, place.child("labelSelector")));
  } else errors.push(field.required(place, "either name or signerName must be specified"));
  return [...errors, ...required(place.child("path"), path)];
}

function validateTokenProjection(
  { path, expirationSeconds = 0 }: core.ServiceAccountTokenProjection,
  place: FieldPath,
): Errors {
  const errors: FieldError[] = [];
  const here = place.child("expirationSeconds");
  if (expirationSeconds < 600) {
    errors.push(field.invalid(here, expirationSeconds, "may not specify a duration less than 10 minutes"));
  }
  if (expirationSeconds > 2 ** 32) {
    errors.push(field.invalid(here, expirationSeconds, "may not specify a duration larger than 2^32 seconds"));
  }
  if (!path) errors.push(field.required(place.child("path")));
  else errors.push(...unreservedPath(place.child("path"), path));
  return errors;
}

/** The faults of a key of a ConfigMap or Secret. */
export function validateDataKey(key: string, place: FieldPath): Errors {
  return named(place, key, configMapKey);
}

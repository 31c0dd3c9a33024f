import { change, each, fill, fillEmpty } from "../fill.ts";
import type * as core from "../generated/core-v1.ts";
import { fieldRefDefaults, resourceFieldDefaults } from "./container-defaults.ts";
import { pullPolicyOf } from "./image-tag.ts";

/** Files of projected volumes are readable by all (0644) unless a mode is given. */
const fileMode = 0o644;

/** What a pod's volume gets when it does not say; a volume without any source becomes an emptyDir. */
export function volumeDefaults(volume: core.Volume): core.Volume {
  if (Object.entries(volume).every(([key, source]) => key === "name" || !source)) return { ...volume, emptyDir: {} };
  return change(volume, {
    secret: (source) => fill(source, { defaultMode: fileMode }),
    configMap: (source) => fill(source, { defaultMode: fileMode }),
    downwardAPI: (source) => fill(change(source, { items: each(downwardFileDefaults) }), { defaultMode: fileMode }),
    projected: (source) => fill(change(source, { sources: each(projectionDefaults) }), { defaultMode: fileMode }),
    hostPath: hostPathDefaults,
    iscsi: iscsiDefaults,
    rbd: rbdDefaults,
    azureDisk: azureDiskDefaults,
    scaleIO: scaleIODefaults,
    image: (source) => fillEmpty(source, { pullPolicy: pullPolicyOf(source.reference) }),
    ephemeral: (source) =>
      change(source, { volumeClaimTemplate: (template) => change(template, { spec: claimSpecDefaults }) }),
  });
}

/** What a claim gets when it does not say. */
export function claimSpecDefaults(spec: core.PersistentVolumeClaimSpec): core.PersistentVolumeClaimSpec {
  return fill(fillEmpty(spec, { resources: {} }), { volumeMode: "Filesystem" });
}

/** An absent type of a host path means: check nothing. */
export function hostPathDefaults(source: core.HostPathVolumeSource): core.HostPathVolumeSource {
  return fill(source, { type: "" });
}

/** Defaults that pods' and persistent volumes' iSCSI sources share. */
export function iscsiDefaults<T extends { readonly iscsiInterface?: string }>(source: T): T {
  return fillEmpty<{ readonly iscsiInterface?: string }>(source, { iscsiInterface: "default" }) as T;
}

interface RbdLike {
  readonly pool?: string;
  readonly user?: string;
  readonly keyring?: string;
}

/** Defaults that pods' and persistent volumes' Ceph block sources share. */
export function rbdDefaults<T extends RbdLike>(source: T): T {
  return fillEmpty<RbdLike>(source, { pool: "rbd", user: "admin", keyring: "/etc/ceph/keyring" }) as T;
}

/** Defaults of an Azure disk. */
export function azureDiskDefaults(source: core.AzureDiskVolumeSource): core.AzureDiskVolumeSource {
  return fill(source, { cachingMode: "ReadWrite", kind: "Shared", fsType: "ext4", readOnly: false });
}

interface ScaleIOLike {
  readonly storageMode?: string;
  readonly fsType?: string;
}

/** Defaults that pods' and persistent volumes' ScaleIO sources share. */
export function scaleIODefaults<T extends ScaleIOLike>(source: T): T {
  return fillEmpty<ScaleIOLike>(source, { storageMode: "ThinProvisioned", fsType: "xfs" }) as T;
}

function downwardFileDefaults(file: core.DownwardAPIVolumeFile): core.DownwardAPIVolumeFile {
  return change(file, { fieldRef: fieldRefDefaults, resourceFieldRef: resourceFieldDefaults });
}

function projectionDefaults(projection: core.VolumeProjection): core.VolumeProjection {
  return change(projection, {
    downwardAPI: (source) => change(source, { items: each(downwardFileDefaults) }),
    serviceAccountToken: (source) => fill(source, { expirationSeconds: 3600 }),
    podCertificate: (source) => fill(source, { maxExpirationSeconds: 86400 }),
  });
}

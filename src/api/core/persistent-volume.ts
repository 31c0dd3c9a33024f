import { isEqual } from "../../machinery/equality.ts";
import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { validateImmutable } from "../../machinery/metadata-validation.ts";
import { dnsSubdomain } from "../../machinery/names.ts";
import { quantitySign } from "../../machinery/quantity.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, named, oneOf, required } from "../checks.ts";
import { ageColumn, nameColumn, text, wide } from "../columns.ts";
import { change, fill, fillEmpty } from "../fill.ts";
import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";
import { accessModesText } from "./storage-text.ts";
import { validateNodeSelector } from "./validate-affinity.ts";
import { validateAccessModes } from "./validate-claim.ts";
import { withoutBacksteps } from "./validate-paths.ts";
import { differences } from "./validate-pod-update.ts";
import {
  validateAzureDisk,
  validateDriverName,
  validateFc,
  validateIscsi,
  validateNfs,
} from "./validate-remote-volumes.ts";
import { validateAmount } from "./validate-resources.ts";
import { validateHostPath } from "./validate-volumes.ts";
import { azureDiskDefaults, hostPathDefaults, iscsiDefaults, rbdDefaults, scaleIODefaults } from "./volume-defaults.ts";

export type PersistentVolume = core.PersistentVolume;

const spec = path("spec");

/** A piece of storage that outlives pods. */
export const PersistentVolume = defineKind<core.PersistentVolume>({
  type: "core/v1.PersistentVolume",
  plural: "persistentvolumes",
  shortNames: ["pv"],
  scope: "Cluster",
  subresources: ["status"],
  finalizers: ["kubernetes.io/pv-protection"],
  generationOf: () => undefined,
  defaults: (volume) =>
    change(fill(volume, { spec: {} }), {
      spec: withDefaults,
      status: (status) => fillEmpty(status, { phase: "Pending" }),
    }),
  prepareCreate: (volume) => ({ ...volume, status: { phase: "Pending" } }),
  validate: (volume) => validateVolume(volume.spec),
  validateUpdate: validateChange,
  columns: [
    nameColumn,
    text("Capacity", (volume) => volume.spec.capacity?.storage ?? ""),
    text("Access Modes", (volume) => accessModesText(volume.spec.accessModes)),
    text("Reclaim Policy", (volume) => volume.spec.persistentVolumeReclaimPolicy ?? ""),
    text("Status", ({ metadata, status }) => (metadata.deletionTimestamp ? "Terminating" : (status?.phase ?? ""))),
    text("Claim", ({ spec: { claimRef } }) => (claimRef ? `${claimRef.namespace ?? ""}/${claimRef.name ?? ""}` : "")),
    text("StorageClass", (volume) => volume.spec.storageClassName ?? ""),
    text("VolumeAttributesClass", (volume) => volume.spec.volumeAttributesClassName ?? "<unset>"),
    text("Reason", ({ status }) => status?.reason ?? ""),
    ageColumn,
    wide(text("VolumeMode", (volume) => volume.spec.volumeMode ?? "<unset>")),
  ],
  fields: { name: (volume) => volume.metadata.name },
});

const sources = [
  "hostPath",
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "glusterfs",
  "flocker",
  "nfs",
  "rbd",
  "quobyte",
  "cephfs",
  "iscsi",
  "cinder",
  "fc",
  "flexVolume",
  "azureFile",
  "vsphereVolume",
  "photonPersistentDisk",
  "portworxVolume",
  "azureDisk",
  "scaleIO",
  "local",
  "storageos",
  "csi",
] as const satisfies readonly (keyof core.PersistentVolumeSource)[];

function withDefaults(given: core.PersistentVolumeSpec): core.PersistentVolumeSpec {
  const filled = fill(fillEmpty(given, { persistentVolumeReclaimPolicy: "Retain" }), { volumeMode: "Filesystem" });
  return change(filled, {
    hostPath: hostPathDefaults,
    iscsi: iscsiDefaults<core.ISCSIPersistentVolumeSource>,
    rbd: rbdDefaults<core.RBDPersistentVolumeSource>,
    azureDisk: azureDiskDefaults,
    scaleIO: scaleIODefaults<core.ScaleIOPersistentVolumeSource>,
  });
}

function validateVolume(given: core.PersistentVolumeSpec): Errors {
  const { accessModes, capacity = {}, persistentVolumeReclaimPolicy: policy, nodeAffinity } = given;
  const errors: FieldError[] = [...required(spec.child("accessModes"), accessModes)];
  errors.push(...validateAccessModes(accessModes, spec.child("accessModes")));
  const place = spec.child("capacity");
  if (Object.keys(capacity).length === 0) errors.push(field.required(place));
  if (capacity.storage === undefined || Object.keys(capacity).length > 1) {
    errors.push(field.notSupported(place, given.capacity, ["storage"]));
  }
  for (const [name, amount] of Object.entries(capacity)) {
    const here = place.key(name);
    errors.push(...validateAmount(name, amount, here));
    if (quantitySign(amount) === 0) errors.push(field.invalid(here, amount, "must be greater than zero"));
  }
  const policies = ["Delete", "Recycle", "Retain"];
  errors.push(...oneOf(spec.child("persistentVolumeReclaimPolicy"), policy || undefined, policies));
  if (nodeAffinity) {
    const affinity = spec.child("nodeAffinity", "required");
    if (!nodeAffinity.required) errors.push(field.required(affinity, "must specify required node constraints"));
    else errors.push(...validateNodeSelector(nodeAffinity.required, affinity));
  }
  errors.push(...validateSources(given));
  if (given.hostPath?.path === "/" && policy === "Recycle") {
    const detail = "may not be 'recycle' for a hostPath mount of '/'";
    errors.push(field.forbidden(spec.child("persistentVolumeReclaimPolicy"), detail));
  }
  if (given.storageClassName) {
    errors.push(...named(spec.child("storageClassName"), given.storageClassName, dnsSubdomain));
  }
  errors.push(...oneOf(spec.child("volumeMode"), given.volumeMode, ["Block", "Filesystem"]));
  if (given.volumeAttributesClassName !== undefined) {
    const here = spec.child("volumeAttributesClassName");
    if (given.volumeAttributesClassName === "") errors.push(field.required(here, "an empty string is disallowed"));
    else errors.push(...named(here, given.volumeAttributesClassName, dnsSubdomain));
    if (!given.csi)
      errors.push(field.required(spec.child("csi"), "has to be specified when using volumeAttributesClassName"));
  }
  return errors;
}

function validateSources(given: core.PersistentVolumeSpec): Errors {
  const errors: FieldError[] = [];
  const present = sources.filter((name) => given[name]);
  for (const [index, name] of present.entries()) {
    const here = spec.child(name);
    if (index > 0) errors.push(field.forbidden(here, "may not specify more than 1 volume type"));
    else errors.push(...validateSource(given, name, here));
  }
  if (present.length === 0) errors.push(field.required(spec, "must specify a volume type"));
  return errors;
}

const neededMembers: Readonly<Partial<Record<(typeof sources)[number], readonly string[]>>> = {
  gcePersistentDisk: ["pdName"],
  awsElasticBlockStore: ["volumeID"],
  glusterfs: ["endpoints", "path"],
  rbd: ["monitors", "image"],
  quobyte: ["registry", "volume"],
  cephfs: ["monitors"],
  cinder: ["volumeID"],
  flexVolume: ["driver"],
  azureFile: ["secretName", "shareName"],
  vsphereVolume: ["volumePath"],
  photonPersistentDisk: ["pdID"],
  portworxVolume: ["volumeID"],
  scaleIO: ["gateway", "system", "volumeName"],
  storageos: ["volumeName"],
};

function validateSource(given: core.PersistentVolumeSpec, name: (typeof sources)[number], here: FieldPath): Errors {
  const { hostPath, nfs, iscsi, fc, azureDisk, local, csi } = given;
  if (name === "hostPath" && hostPath) return validateHostPath(hostPath, here);
  if (name === "nfs" && nfs) return validateNfs(nfs, here);
  if (name === "iscsi" && iscsi) return validateIscsi(iscsi, here);
  if (name === "fc" && fc) return validateFc(fc, here);
  if (name === "azureDisk" && azureDisk) return validateAzureDisk(azureDisk, here);
  if (name === "local" && local) {
    return [
      ...(local.path ? withoutBacksteps(here.child("path"), local.path) : [field.required(here.child("path"))]),
      ...(given.nodeAffinity?.required
        ? []
        : [field.required(path("spec", "nodeAffinity"), "Local volume requires node affinity")]),
    ];
  }
  if (name === "csi" && csi) {
    return [
      ...validateDriverName(csi.driver, here.child("driver")),
      ...required(here.child("volumeHandle"), csi.volumeHandle),
    ];
  }
  const members = given[name] as Readonly<Record<string, unknown>>;
  return (neededMembers[name] ?? []).flatMap((member) => required(here.child(member), members[member]));
}

function validateChange(next: core.PersistentVolume, previous: core.PersistentVolume): Errors {
  const errors: FieldError[] = [];
  const only = (given: core.PersistentVolumeSpec) => Object.fromEntries(sources.map((name) => [name, given[name]]));
  const [after, before] = [only(next.spec), only(previous.spec)];
  if (!isEqual(after, before)) {
    const detail = `spec.persistentvolumesource is immutable after creation\n${differences(after, before)}`;
    errors.push(field.forbidden(spec.child("persistentvolumesource"), detail));
  }
  errors.push(...validateImmutable(spec.child("volumeMode"), next.spec.volumeMode, previous.spec.volumeMode));
  if (previous.spec.nodeAffinity) {
    errors.push(...validateImmutable(spec.child("nodeAffinity"), next.spec.nodeAffinity, previous.spec.nodeAffinity));
  }
  return errors;
}

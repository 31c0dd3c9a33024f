import { type FieldPath, field } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt } from "../checks.ts";
import type * as core from "../generated/core-v1.ts";
import { descendingPath, withoutBacksteps } from "./validate-paths.ts";

/** The faults of where a container puts volumes of the pod, as files or as devices. */
export function validateMounts(
  container: core.Container,
  place: FieldPath,
  volumes: ReadonlyMap<string, core.Volume>,
): Errors {
  return [
    ...validateVolumeMounts(container, place.child("volumeMounts"), volumes),
    ...validateDevices(container, place.child("volumeDevices"), volumes),
  ];
}

function validateVolumeMounts(
  container: core.Container,
  place: FieldPath,
  volumes: ReadonlyMap<string, core.Volume>,
): Errors {
  if (!container.volumeMounts?.length) return [];
  const paths = new Set<string>();
  const devices = container.volumeDevices ?? [];
  return eachAt(container.volumeMounts, place, (mount, here) => {
    const { name, mountPath, subPath, subPathExpr } = mount;
    const errors: FieldError[] = [];
    if (!name) errors.push(field.required(here.child("name")));
    if (!volumes.has(name)) errors.push(field.notFound(here.child("name"), name ?? ""));
    if (!mountPath) errors.push(field.required(here.child("mountPath")));
    if (paths.has(mountPath)) errors.push(field.invalid(here.child("mountPath"), mountPath, "must be unique"));
    paths.add(mountPath);
    if (devices.some((device) => device.name === name)) {
      errors.push(field.invalid(here.child("name"), name, "must not already exist in volumeDevices"));
    }
    if (devices.some(({ devicePath }) => devicePath === mountPath)) {
      const detail = "must not already exist as a path in volumeDevices";
      errors.push(field.invalid(here.child("mountPath"), mountPath, detail));
    }
    // Upstream reports these four at the list, not at the mount.
    if (subPath) errors.push(...descendingPath(place.child("subPath"), subPath));
    if (subPathExpr) {
      if (subPath) {
        const detail = "subPathExpr and subPath are mutually exclusive";
        errors.push(field.invalid(here.child("subPathExpr"), subPathExpr, detail));
      }
      errors.push(...descendingPath(place.child("subPathExpr"), subPathExpr));
    }
    errors.push(...validatePropagation(mount, container, place.child("mountPropagation")));
    errors.push(...validateRecursiveReadOnly(mount, place.child("recursiveReadOnly")));
    return errors;
  });
}

function validatePropagation(mount: core.VolumeMount, container: core.Container, place: FieldPath): Errors {
  const { mountPropagation } = mount;
  if (mountPropagation === undefined) return [];
  const supported = ["Bidirectional", "HostToContainer", "None"];
  if (!supported.includes(mountPropagation)) return [field.notSupported(place, mountPropagation, supported)];
  if (mountPropagation === "Bidirectional" && !container.securityContext?.privileged) {
    return [field.forbidden(place, "Bidirectional mount propagation is available only to privileged containers")];
  }
  return [];
}

function validateRecursiveReadOnly(mount: core.VolumeMount, place: FieldPath): Errors {
  const mode = mount.recursiveReadOnly;
  if (mode === undefined || mode === "Disabled") return [];
  const supported = ["Disabled", "Enabled", "IfPossible"];
  if (!supported.includes(mode)) return [field.notSupported(place, mode, supported)];
  const errors: FieldError[] = [];
  if (!mount.readOnly) errors.push(field.forbidden(place, "may only be specified when readOnly is true"));
  if (mount.mountPropagation !== undefined && mount.mountPropagation !== "None") {
    const detail = "may only be specified when mountPropagation is None or not specified";
    errors.push(field.forbidden(place, detail));
  }
  return errors;
}

function validateDevices(
  container: core.Container,
  place: FieldPath,
  volumes: ReadonlyMap<string, core.Volume>,
): Errors {
  if (!container.volumeDevices?.length) return [];
  const names = new Set<string>();
  const paths = new Set<string>();
  const mounts = container.volumeMounts ?? [];
  return eachAt(container.volumeDevices, place, ({ name, devicePath }, here) => {
    const errors: FieldError[] = [];
    if (!name) errors.push(field.required(here.child("name")));
    if (names.has(name)) errors.push(field.invalid(here.child("name"), name, "must be unique"));
    const volume = volumes.get(name);
    if (volume && !volume.persistentVolumeClaim && !volume.ephemeral) {
      const detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
      errors.push(field.invalid(here.child("name"), name, detail));
    }
    if (!volume) errors.push(field.notFound(here.child("name"), name ?? ""));
    if (!devicePath) errors.push(field.required(here.child("devicePath")));
    if (paths.has(devicePath)) errors.push(field.invalid(here.child("devicePath"), devicePath, "must be unique"));
    if (devicePath) errors.push(...withoutBacksteps(here.child("devicePath"), devicePath));
    if (mounts.some((mount) => mount.name === name)) {
      errors.push(field.invalid(here.child("name"), name, "must not already exist in volumeMounts"));
    }
    if (mounts.some(({ mountPath }) => mountPath === devicePath)) {
      const detail = "must not already exist as a path in volumeMounts";
      errors.push(field.invalid(here.child("devicePath"), devicePath, detail));
    }
    names.add(name);
    paths.add(devicePath);
    return errors;
  });
}

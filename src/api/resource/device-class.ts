import { ageColumn, nameColumn } from "../columns.ts";
import type * as resource from "../generated/resource-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";

export type DeviceClass = resource.DeviceClass;

/** A class of devices that claims ask for. */
export const DeviceClass = defineKind<resource.DeviceClass>({
  type: "resource/v1.DeviceClass",
  plural: "deviceclasses",
  scope: "Cluster",
  generationOf: (deviceClass) => deviceClass.spec,
  columns: [nameColumn, ageColumn],
  versions: sameInVersions("resource.k8s.io/v1", {
    "resource.k8s.io/v1beta2": "resource/v1beta2.DeviceClass",
  }),
});

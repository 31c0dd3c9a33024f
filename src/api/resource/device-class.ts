import { path } from "../../machinery/fields.ts";
import { eachAt } from "../checks.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import type * as resource from "../generated/resource-v1.ts";
import { defineKind } from "../kind.ts";
import { deviceMappings } from "./device-versions.ts";
import { validateDeviceSelectors, validateSettings } from "./validate-devices.ts";

export type DeviceClass = resource.DeviceClass;

/** A class of devices that claims ask for. */
export const DeviceClass = defineKind<resource.DeviceClass>({
  type: "resource/v1.DeviceClass",
  plural: "deviceclasses",
  scope: "Cluster",
  generationOf: (deviceClass) => deviceClass.spec,
  validate: ({ spec }) => [
    ...validateDeviceSelectors(spec.selectors, path("spec", "selectors")),
    ...eachAt(spec.config, path("spec", "config"), validateSettings),
  ],
  columns: [nameColumn, ageColumn],
  versions: deviceMappings("DeviceClass"),
});

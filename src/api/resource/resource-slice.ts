import { path } from "../../machinery/fields.ts";
import { validateImmutable } from "../../machinery/metadata-validation.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import type * as resource from "../generated/resource-v1.ts";
import { defineKind } from "../kind.ts";
import { deviceMappings } from "./device-versions.ts";
import { validateSlice } from "./validate-slice.ts";

export type ResourceSlice = resource.ResourceSlice;

/** Devices that a driver offers on a node or in a pool. */
export const ResourceSlice = defineKind<resource.ResourceSlice>({
  type: "resource/v1.ResourceSlice",
  plural: "resourceslices",
  scope: "Cluster",
  fields: { "spec.nodeName": ({ spec }) => spec.nodeName ?? "", "spec.driver": ({ spec }) => spec.driver },
  generationOf: (slice) => slice.spec,
  validate: ({ spec }) => validateSlice(spec, path("spec")),
  validateUpdate: (next, previous) => [
    ...validateImmutable(path("spec", "driver"), next.spec.driver, previous.spec.driver),
    ...validateImmutable(path("spec", "pool", "name"), next.spec.pool.name, previous.spec.pool.name),
    ...validateImmutable(path("spec", "nodeName"), next.spec.nodeName, previous.spec.nodeName),
  ],
  columns: [
    nameColumn,
    text("Node", ({ spec }) => spec.nodeName ?? (spec.allNodes ? "<all>" : "<unset>")),
    text("Driver", ({ spec }) => spec.driver),
    text("Pool", ({ spec }) => spec.pool.name),
    ageColumn,
  ],
  versions: deviceMappings("ResourceSlice"),
});

import type * as resource from "../generated/resource-v1.ts";
import { defineKind } from "../kind.ts";

export type ResourceSlice = resource.ResourceSlice;

/** Devices that a driver offers on a node or in a pool. */
export const ResourceSlice = defineKind<resource.ResourceSlice>({
  type: "resource/v1.ResourceSlice",
  plural: "resourceslices",
  scope: "Cluster",
  fields: { "spec.nodeName": ({ spec }) => spec.nodeName ?? "", "spec.driver": ({ spec }) => spec.driver },
});

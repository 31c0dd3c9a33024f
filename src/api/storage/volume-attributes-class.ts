import type * as storage from "../generated/storage-v1.ts";
import { defineKind } from "../kind.ts";

export type VolumeAttributesClass = storage.VolumeAttributesClass;

/** Volume parameters that may change while the volume lives. */
export const VolumeAttributesClass = defineKind<storage.VolumeAttributesClass>({
  type: "storage/v1.VolumeAttributesClass",
  plural: "volumeattributesclasses",
  shortNames: ["vac"],
  scope: "Cluster",
});

import type * as storage from "../generated/storage-v1.ts";
import { defineKind } from "../kind.ts";

export type VolumeAttachment = storage.VolumeAttachment;

/** The wish to attach a volume to a node, and what came of it. */
export const VolumeAttachment = defineKind<storage.VolumeAttachment>({
  type: "storage/v1.VolumeAttachment",
  plural: "volumeattachments",
  scope: "Cluster",
  subresources: ["status"],
  unconditionalUpdate: false,
});

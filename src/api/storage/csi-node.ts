import type * as storage from "../generated/storage-v1.ts";
import { defineKind } from "../kind.ts";

export type CSINode = storage.CSINode;

/** Which CSI drivers a node has. */
export const CSINode = defineKind<storage.CSINode>({
  type: "storage/v1.CSINode",
  plural: "csinodes",
  scope: "Cluster",
  unconditionalUpdate: false,
});

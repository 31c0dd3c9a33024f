import type * as storage from "../generated/storage-v1.ts";
import { defineKind } from "../kind.ts";

export type CSIStorageCapacity = storage.CSIStorageCapacity;

/** How much room a CSI driver has in a part of the cluster. */
export const CSIStorageCapacity = defineKind<storage.CSIStorageCapacity>({
  type: "storage/v1.CSIStorageCapacity",
  plural: "csistoragecapacities",
  scope: "Namespaced",
  unconditionalUpdate: false,
});

import type * as storage from "../generated/storage-v1.ts";
import { defineKind } from "../kind.ts";

export type StorageClass = storage.StorageClass;

/** How volumes of a kind are made on demand. */
export const StorageClass = defineKind<storage.StorageClass>({
  type: "storage/v1.StorageClass",
  plural: "storageclasses",
  shortNames: ["sc"],
  scope: "Cluster",
});

import type * as storage from "../generated/storage-v1.ts";
import { defineKind } from "../kind.ts";

export type CSIDriver = storage.CSIDriver;

/** What a CSI driver can and needs. */
export const CSIDriver = defineKind<storage.CSIDriver>({
  type: "storage/v1.CSIDriver",
  plural: "csidrivers",
  scope: "Cluster",
  unconditionalUpdate: false,
});

import { accessModesText } from "../../../api/core/storage-text.ts";
import type { PersistentVolumeClaimSpec, PersistentVolumeClaimStatus } from "../../../api/generated/core-v1.ts";
import { amount, indent, row, rowIf, type Text } from "./text.ts";

/** What a claim asks for and has; a template's has no status. */
export interface Claim {
  readonly spec: PersistentVolumeClaimSpec;
  readonly status?: PersistentVolumeClaimStatus;
  readonly annotations?: Readonly<Record<string, string>> | null;
}

/** The class by its annotation of old, else by the field. */
export function storageClassOf({ spec, annotations }: Claim): string {
  return annotations?.["volume.beta.kubernetes.io/storage-class"] ?? spec.storageClassName ?? "";
}

/** The rows that claims and templates of claims share; `marks` are labels, annotations and what stands with them. */
export function claimText(claim: Claim, marks: Text, state?: Text): Text {
  const { spec, status } = claim;
  const bound = Boolean(spec.volumeName);
  return [
    row("StorageClass", storageClassOf(claim)),
    state,
    row("Volume", spec.volumeName),
    marks,
    row("Capacity", bound ? amount(status?.capacity?.storage) : ""),
    row("Access Modes", bound ? accessModesText(status?.accessModes) : ""),
    rowIf("VolumeMode", spec.volumeMode),
    spec.dataSource && [
      "DataSource:",
      indent(
        1,
        rowIf("APIGroup", spec.dataSource.apiGroup),
        row("Kind", spec.dataSource.kind),
        row("Name", spec.dataSource.name),
      ),
    ],
  ];
}

import { path } from "../../machinery/fields.ts";
import { validateImmutable } from "../../machinery/metadata-validation.ts";
import { dnsSubdomain } from "../../machinery/names.ts";
import { named } from "../checks.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import { validateNonNegative } from "../core/validate-resources.ts";
import type * as storage from "../generated/storage-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";
import { validateSelector } from "../selectors.ts";

export type CSIStorageCapacity = storage.CSIStorageCapacity;

/** How much room a CSI driver has in a part of the cluster. */
export const CSIStorageCapacity = defineKind<storage.CSIStorageCapacity>({
  type: "storage/v1.CSIStorageCapacity",
  plural: "csistoragecapacities",
  scope: "Namespaced",
  unconditionalUpdate: false,
  validate: ({ nodeTopology, storageClassName, capacity, maximumVolumeSize }) => [
    ...validateSelector(nodeTopology, path("nodeTopology")),
    ...named(path("storageClassName"), storageClassName, dnsSubdomain),
    ...(capacity === undefined ? [] : validateNonNegative(capacity, path("capacity"))),
    ...(maximumVolumeSize === undefined ? [] : validateNonNegative(maximumVolumeSize, path("maximumVolumeSize"))),
  ],
  validateUpdate: (next, previous) => [
    ...validateImmutable(path("nodeTopology"), next.nodeTopology, previous.nodeTopology),
    ...validateImmutable(path("storageClassName"), next.storageClassName, previous.storageClassName),
  ],
  columns: [
    nameColumn,
    text("StorageClassName", ({ storageClassName }) => storageClassName),
    text("Capacity", ({ capacity }) => capacity ?? "<unset>"),
    ageColumn,
  ],
  versions: sameInVersions("storage.k8s.io/v1", {
    "storage.k8s.io/v1beta1": "storage/v1beta1.CSIStorageCapacity",
    "storage.k8s.io/v1alpha1": "storage/v1alpha1.CSIStorageCapacity",
  }),
});

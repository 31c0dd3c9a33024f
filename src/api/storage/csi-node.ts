import { isEqual } from "../../machinery/equality.ts";
import { field, path } from "../../machinery/fields.ts";
import { qualifiedName } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, named, nonNegative } from "../checks.ts";
import { ageColumn, integer, nameColumn } from "../columns.ts";
import { validateDriverName } from "../core/validate-remote-volumes.ts";
import { fill } from "../fill.ts";
import type * as storage from "../generated/storage-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";

export type CSINode = storage.CSINode;

const drivers = path("spec", "drivers");

/** Which CSI drivers a node has. */
export const CSINode = defineKind<storage.CSINode>({
  type: "storage/v1.CSINode",
  plural: "csinodes",
  scope: "Cluster",
  unconditionalUpdate: false,
  defaults: (node) => fill(node, { spec: { drivers: [] } }),
  validate: validateNode,
  validateUpdate: validateChange,
  columns: [nameColumn, integer("Drivers", ({ spec }) => (spec.drivers ?? []).length), ageColumn],
  versions: sameInVersions("storage.k8s.io/v1", { "storage.k8s.io/v1beta1": "storage/v1beta1.CSINode" }),
});

function validateNode({ spec }: storage.CSINode): Errors {
  const names = new Set<string>();
  return eachAt(spec.drivers, drivers, ({ name, nodeID = "", topologyKeys: keys, allocatable }, here) => {
    const topologyKeys = keys ?? [];
    const errors: FieldError[] = [...validateDriverName(name, here.child("name"))];
    if (nodeID.length > 256) {
      errors.push(field.invalid(here.child("nodeID"), nodeID, "must be 256 characters or less"));
    }
    if (nodeID === "") errors.push(field.required(here.child("nodeID"), nodeID));
    errors.push(...nonNegative(here.child("allocatable", "count"), allocatable?.count));
    if (names.has(name)) errors.push(field.duplicate(here.child("name"), name));
    names.add(name);
    for (const key of topologyKeys) errors.push(...named(here, key, qualifiedName));
    if (new Set(topologyKeys).size < topologyKeys.length) {
      errors.push(field.duplicate(here.child("topologyKeys"), topologyKeys));
    }
    return errors;
  });
}

/** A driver that stays keeps what it said when it came, but for how many volumes it takes. */
function validateChange(next: storage.CSINode, previous: storage.CSINode): Errors {
  return eachAt(next.spec.drivers, drivers, (driver, here) => {
    const before = previous.spec.drivers?.find(({ name }) => name === driver.name);
    if (!before || isEqual({ ...driver, allocatable: 0 }, { ...before, allocatable: 0 })) return [];
    return [field.invalid(here, driver, "field is immutable")];
  });
}

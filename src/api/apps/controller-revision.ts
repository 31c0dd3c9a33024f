import { field, path } from "../../machinery/fields.ts";
import { validateImmutable } from "../../machinery/metadata-validation.ts";
import { nonNegative } from "../checks.ts";
import { ageColumn, integer, nameColumn, orNone, text } from "../columns.ts";
import type * as apps from "../generated/apps-v1.ts";
import { defineKind } from "../kind.ts";
import { controllerRevisionMappings } from "./workload-versions.ts";

export type ControllerRevision = apps.ControllerRevision;

/** A frozen earlier state of a workload, for its history and undo. */
export const ControllerRevision = defineKind<apps.ControllerRevision>({
  type: "apps/v1.ControllerRevision",
  plural: "controllerrevisions",
  scope: "Namespaced",
  validate: ({ data, revision }) => [
    ...(data === undefined || data === null ? [field.required("data", "data is mandatory")] : []),
    ...nonNegative(path("revision"), revision),
  ],
  validateUpdate: (next, previous) => validateImmutable(path("data"), next.data, previous.data),
  columns: [
    nameColumn,
    text("Controller", ({ metadata }) => orNone(controllerText(metadata.ownerReferences))),
    integer("Revision", ({ revision }) => revision ?? 0),
    ageColumn,
  ],
  versions: controllerRevisionMappings,
});

function controllerText(owners: apps.ControllerRevision["metadata"]["ownerReferences"]): string | undefined {
  const owner = owners?.find(({ controller }) => controller);
  if (!owner) return undefined;
  const [group] = owner.apiVersion.includes("/") ? owner.apiVersion.split("/") : [""];
  const kind = owner.kind.toLowerCase();
  return group ? `${kind}.${group}/${owner.name}` : `${kind}/${owner.name}`;
}

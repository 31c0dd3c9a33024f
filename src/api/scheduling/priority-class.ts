import { field, path } from "../../machinery/fields.ts";
import { validateImmutable } from "../../machinery/metadata-validation.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, oneOf } from "../checks.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import { fillEmpty } from "../fill.ts";
import type * as scheduling from "../generated/scheduling-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";

export type PriorityClass = scheduling.PriorityClass;

/** The highest value that users may give; what lies above is the system's. */
export const highestUserPriority = 1_000_000_000;
/** The classes that the system itself brings, by name. */
export const systemPriorities: Readonly<Record<string, number>> = {
  "system-cluster-critical": 2_000_000_000,
  "system-node-critical": 2_000_001_000,
};

/** Names how much a pod matters. */
export const PriorityClass = defineKind<scheduling.PriorityClass>({
  type: "scheduling/v1.PriorityClass",
  plural: "priorityclasses",
  shortNames: ["pc"],
  scope: "Cluster",
  generationOf: ({ value = 0, globalDefault, description, preemptionPolicy }) => ({
    value,
    globalDefault,
    description,
    preemptionPolicy,
  }),
  defaults: (priority) => fillEmpty(priority, { preemptionPolicy: "PreemptLowerPriority" }),
  validate: validateClass,
  validateUpdate: (next, previous) => [
    ...((next.value ?? 0) === (previous.value ?? 0)
      ? []
      : [field.forbidden("Value", "may not be changed in an update.")]),
    ...validateImmutable(path("preemptionPolicy"), next.preemptionPolicy, previous.preemptionPolicy),
  ],
  columns: [
    nameColumn,
    { name: "Value", type: "integer", of: ({ value }) => value ?? 0 },
    { name: "Global-Default", type: "boolean", of: ({ globalDefault }) => globalDefault ?? false },
    ageColumn,
    { ...text("PreemptionPolicy", ({ preemptionPolicy }) => preemptionPolicy ?? ""), priority: 1 },
  ],
  versions: sameInVersions("scheduling.k8s.io/v1", {
    "scheduling.k8s.io/v1beta1": "scheduling/v1beta1.PriorityClass",
  }),
});

function validateClass({ metadata: { name }, value = 0, preemptionPolicy }: scheduling.PriorityClass): Errors {
  const errors: FieldError[] = [];
  if (name.startsWith("system-")) {
    if (systemPriorities[name] !== value) {
      const detail = `priority class names with 'system-' prefix are reserved for system use only. error: ${name} is not a known system priority class`;
      errors.push(field.forbidden("metadata.name", detail));
    }
  } else if (value > highestUserPriority) {
    const detail = `maximum allowed value of a user defined priority is ${highestUserPriority}`;
    errors.push(field.forbidden("value", detail));
  }
  return [...errors, ...oneOf(path("preemptionPolicy"), preemptionPolicy, ["PreemptLowerPriority", "Never"])];
}

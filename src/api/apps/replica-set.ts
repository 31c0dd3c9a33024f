import { field, path } from "../../machinery/fields.ts";
import { validateImmutable } from "../../machinery/metadata-validation.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, nonNegative } from "../checks.ts";
import { ageColumn, containersColumn, imagesColumn, integer, nameColumn, selectorColumn } from "../columns.ts";
import { podTemplateDefaults } from "../core/pod-defaults.ts";
import { validateRunningTemplate } from "../core/pod-template.ts";
import { change, fill } from "../fill.ts";
import type * as apps from "../generated/apps-v1.ts";
import { defineKind } from "../kind.ts";
import { validateReplicaCounts } from "../replica-status.ts";
import { isEmptySelector, validateSelector } from "../selectors.ts";
import { replicaSetMappings } from "./workload-versions.ts";

export type ReplicaSet = apps.ReplicaSet;

const spec = path("spec");

/** Keeps a fixed number of identical Pods running. */
export const ReplicaSet = defineKind<apps.ReplicaSet>({
  type: "apps/v1.ReplicaSet",
  plural: "replicasets",
  shortNames: ["rs"],
  categories: ["all"],
  scope: "Namespaced",
  subresources: ["status", "scale"],
  scale: { specReplicas: "spec.replicas", statusReplicas: "status.replicas", selector: "spec.selector" },
  defaults: (set) =>
    change(fill(set, { spec: {} as apps.ReplicaSetSpec }), {
      spec: (given) => change(fill(given, { replicas: 1 }), { template: podTemplateDefaults }),
    }),
  prepareCreate: (set) => ({ ...set, status: { replicas: 0 } }),
  validate: validateReplicaSet,
  validateUpdate: (next, previous) =>
    validateImmutable(spec.child("selector"), next.spec.selector, previous.spec.selector),
  validateStatus: ({ status }) => validateReplicaCounts(status),
  columns: [
    nameColumn,
    integer("Desired", (set) => set.spec.replicas ?? 0),
    integer("Current", ({ status }) => status?.replicas ?? 0),
    integer("Ready", ({ status }) => status?.readyReplicas ?? 0),
    ageColumn,
    containersColumn,
    imagesColumn,
    selectorColumn,
  ],
  fields: { "status.replicas": ({ status }) => String(status?.replicas ?? 0) },
  versions: replicaSetMappings,
});

function validateReplicaSet({ spec: given }: apps.ReplicaSet): Errors {
  const errors: FieldError[] = [
    ...nonNegative(spec.child("replicas"), given.replicas),
    ...nonNegative(spec.child("minReadySeconds"), given.minReadySeconds),
  ];
  if (!given.selector) errors.push(field.required(spec.child("selector")));
  else {
    errors.push(...validateSelector(given.selector, spec.child("selector")));
    if (isEmptySelector(given.selector)) {
      errors.push(field.invalid(spec.child("selector"), given.selector, "empty selector is invalid for deployment"));
    }
  }
  return [...errors, ...validateRunningTemplate(given.template ?? {}, given.selector, spec.child("template"))];
}

import { field, path } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, nonNegative } from "../checks.ts";
import { ageColumn, containersColumn, imagesColumn, integer, labelsText, nameColumn, text, wide } from "../columns.ts";
import { change, fill } from "../fill.ts";
import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";
import { validateReplicaCounts } from "../replica-status.ts";
import { podTemplateDefaults } from "./pod-defaults.ts";
import { validateAlwaysRestarts, validatePodTemplate } from "./pod-template.ts";

export type ReplicationController = core.ReplicationController;

const spec = path("spec");
const scale = { specReplicas: "spec.replicas", statusReplicas: "status.replicas", selector: "spec.selector" };

/** Keeps a fixed number of identical Pods running; the ancestor of ReplicaSet. */
export const ReplicationController = defineKind<core.ReplicationController>({
  type: "core/v1.ReplicationController",
  plural: "replicationcontrollers",
  shortNames: ["rc"],
  categories: ["all"],
  scope: "Namespaced",
  subresources: ["status", "scale"],
  scale,
  defaults: withDefaults,
  prepareCreate: (controller) => ({ ...controller, status: { replicas: 0 } }),
  validate: (controller) => [
    ...nonNegative(spec.child("minReadySeconds"), controller.spec.minReadySeconds),
    ...(Object.keys(controller.spec.selector ?? {}).length === 0 ? [field.required(spec.child("selector"))] : []),
    ...nonNegative(spec.child("replicas"), controller.spec.replicas),
    ...validateTemplate(controller.spec),
  ],
  validateStatus: ({ status }) => validateReplicaCounts(status),
  columns: [
    nameColumn,
    integer("Desired", (controller) => controller.spec.replicas ?? 0),
    integer("Current", ({ status }) => status?.replicas ?? 0),
    integer("Ready", ({ status }) => status?.readyReplicas ?? 0),
    ageColumn,
    containersColumn,
    imagesColumn,
    wide(text("Selector", (controller) => labelsText(controller.spec.selector))),
  ],
  fields: { "status.replicas": ({ status }) => String(status?.replicas ?? 0) },
  defaultPropagation: "Orphan",
  // Before autoscaling/v1 the Scale of a core kind stood in extensions, below a kind of no other use.
  versions: {
    "extensions/v1beta1": {
      type: "core/v1.ReplicationController",
      shell: "ReplicationControllerDummy",
      own: { subresources: ["scale"], scale, columns: [] },
      toStored: (controller) => controller,
      fromStored: (controller) => controller,
    },
  },
});

function withDefaults(controller: core.ReplicationController): core.ReplicationController {
  const filled = change(fill(controller, { spec: {} }), {
    spec: (given) => change(fill(given, { replicas: 1 }), { template: podTemplateDefaults }),
  });
  const labels = filled.spec.template?.metadata?.labels;
  if (!labels || Object.keys(labels).length === 0) return filled;
  const isEmpty = (map: object | undefined) => Object.keys(map ?? {}).length === 0;
  const selected = isEmpty(filled.spec.selector) ? { ...filled, spec: { ...filled.spec, selector: labels } } : filled;
  if (!isEmpty(selected.metadata.labels)) return selected;
  return { ...selected, metadata: { ...selected.metadata, labels } };
}

function validateTemplate({ template, selector = {} }: core.ReplicationControllerSpec): Errors {
  const place = spec.child("template");
  if (!template) return [field.required(place)];
  const errors: FieldError[] = [];
  const labels = template.metadata?.labels ?? {};
  if (Object.entries(selector).some(([key, value]) => labels[key] !== value)) {
    const detail = "`selector` does not match template `labels`";
    errors.push(field.invalid(place.child("metadata", "labels"), labels, detail));
  }
  return [...errors, ...validatePodTemplate(template, place), ...validateAlwaysRestarts(template, place)];
}

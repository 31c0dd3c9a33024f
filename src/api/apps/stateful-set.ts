import { isEqual } from "../../machinery/equality.ts";
import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { validateAnnotations, validateLabels } from "../../machinery/metadata-validation.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { countOrPercentage, type Errors, nonNegative, notDecremented, oneOf } from "../checks.ts";
import { ageColumn, containersColumn, imagesColumn, nameColumn, text } from "../columns.ts";
import { podTemplateDefaults } from "../core/pod-defaults.ts";
import { validateSelected } from "../core/pod-template.ts";
import { claimSpecDefaults } from "../core/volume-defaults.ts";
import { change, each, fill, fillEmpty } from "../fill.ts";
import type * as apps from "../generated/apps-v1.ts";
import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";
import { validateReplicaCounts } from "../replica-status.ts";
import { isEmptySelector, validateSelector } from "../selectors.ts";
import { statefulSetMappings } from "./workload-versions.ts";

export type StatefulSet = apps.StatefulSet;

const spec = path("spec");
const changeable = [
  "replicas",
  "ordinals",
  "template",
  "updateStrategy",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds",
] as const;
const changeText =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

/** Keeps Pods with stable names, hosts and disks, in order. */
export const StatefulSet = defineKind<apps.StatefulSet>({
  type: "apps/v1.StatefulSet",
  plural: "statefulsets",
  shortNames: ["sts"],
  categories: ["all"],
  scope: "Namespaced",
  subresources: ["status", "scale"],
  scale: { specReplicas: "spec.replicas", statusReplicas: "status.replicas", selector: "spec.selector" },
  defaults: (set) => change(fill(set, { spec: {} as apps.StatefulSetSpec }), { spec: withDefaults }),
  prepareCreate: (set) => ({ ...set, status: { replicas: 0, availableReplicas: 0 } }),
  validate: validateStatefulSet,
  validateUpdate: (next, previous) =>
    isEqual(unchangeable(next.spec), unchangeable(previous.spec)) ? [] : [field.forbidden(spec, changeText)],
  validateStatus: (next, previous) => [
    ...validateReplicaCounts(next.status),
    ...notDecremented(path("status", "collisionCount"), next.status?.collisionCount, previous.status?.collisionCount),
  ],
  columns: [
    nameColumn,
    text("Ready", ({ spec: { replicas }, status }) => `${status?.readyReplicas ?? 0}/${replicas ?? 0}`),
    ageColumn,
    containersColumn,
    imagesColumn,
  ],
  versions: statefulSetMappings,
});

function withDefaults(given: apps.StatefulSetSpec): apps.StatefulSetSpec {
  const filled = fill(fillEmpty(given, { podManagementPolicy: "OrderedReady", updateStrategy: {} }), {
    replicas: 1,
    revisionHistoryLimit: 10,
    persistentVolumeClaimRetentionPolicy: {},
  });
  return change(filled, {
    template: podTemplateDefaults,
    updateStrategy: strategyDefaults,
    persistentVolumeClaimRetentionPolicy: (policy) =>
      fillEmpty(policy, { whenDeleted: "Retain", whenScaled: "Retain" }),
    volumeClaimTemplates: each(claimDefaults),
  });
}

function strategyDefaults(strategy: apps.StatefulSetUpdateStrategy): apps.StatefulSetUpdateStrategy {
  const typed = fillEmpty(strategy, { type: "RollingUpdate" });
  if (typed.type !== "RollingUpdate") return typed;
  return change(fill(typed, { rollingUpdate: {} }), { rollingUpdate: (rolling) => fill(rolling, { partition: 0 }) });
}

function claimDefaults(claim: core.PersistentVolumeClaim): core.PersistentVolumeClaim {
  const filled = fillEmpty(claim, { apiVersion: "v1", kind: "PersistentVolumeClaim", spec: {}, status: {} });
  return change(filled, {
    spec: claimSpecDefaults,
    status: (status) => fillEmpty(status, { phase: "Pending" }),
  });
}

function validateStatefulSet({ spec: given }: apps.StatefulSet): Errors {
  const errors: FieldError[] = [];
  const { podManagementPolicy: management, selector } = given;
  if (!management) errors.push(field.required(spec.child("podManagementPolicy")));
  else if (management !== "OrderedReady" && management !== "Parallel") {
    const detail = "must be 'OrderedReady' or 'Parallel'";
    errors.push(field.invalid(spec.child("podManagementPolicy"), management, detail));
  }
  errors.push(...validateStrategy(given.updateStrategy ?? {}, spec.child("updateStrategy")));
  errors.push(...validateRetention(given, spec.child("persistentVolumeClaimRetentionPolicy")));
  errors.push(...nonNegative(spec.child("replicas"), given.replicas));
  errors.push(...nonNegative(spec.child("minReadySeconds"), given.minReadySeconds));
  errors.push(...nonNegative(spec.child("ordinals", "start"), given.ordinals?.start));
  if (!selector) errors.push(field.required(spec.child("selector")));
  else {
    errors.push(...validateSelector(selector, spec.child("selector")));
    if (isEmptySelector(selector)) {
      errors.push(field.invalid(spec.child("selector"), selector, "empty selector is invalid for statefulset"));
    }
  }
  return [...errors, ...validateTemplate(given)];
}

// The volumes of the template are checked with each pod: only there do the claims have names.
function validateTemplate({ template = {}, selector }: apps.StatefulSetSpec): Errors {
  const place = spec.child("template");
  const errors: FieldError[] = [
    ...validateSelected(template, selector, place),
    ...validateLabels(template.metadata?.labels, place.child("labels")),
    ...validateAnnotations(template.metadata?.annotations, place.child("annotations")),
  ];
  const { restartPolicy = "", activeDeadlineSeconds } = template.spec ?? {};
  errors.push(...oneOf(place.child("spec", "restartPolicy"), restartPolicy, ["Always"]));
  if (activeDeadlineSeconds !== undefined) {
    const detail = "activeDeadlineSeconds in StatefulSet is not Supported";
    errors.push(field.forbidden(place.child("spec", "activeDeadlineSeconds"), detail));
  }
  return errors;
}

function validateStrategy({ type, rollingUpdate }: apps.StatefulSetUpdateStrategy, place: FieldPath): Errors {
  if (!type) return [field.required(place)];
  if (type === "OnDelete") {
    if (!rollingUpdate) return [];
    const detail = "only allowed for updateStrategy 'RollingUpdate'";
    return [field.invalid(place.child("rollingUpdate"), rollingUpdate, detail)];
  }
  if (type !== "RollingUpdate") {
    return [field.invalid(place, { type }, "must be 'RollingUpdate' or 'OnDelete'")];
  }
  const rolling = place.child("rollingUpdate");
  const errors: FieldError[] = [
    ...nonNegative(rolling.child("partition"), rollingUpdate?.partition),
    ...countOrPercentage(rolling.child("maxUnavailable"), rollingUpdate?.maxUnavailable),
  ];
  const most = rollingUpdate?.maxUnavailable;
  if (most === 0 || most === "0%") errors.push(field.invalid(rolling.child("maxUnavailable"), most, "cannot be 0"));
  return errors;
}

function validateRetention(
  { persistentVolumeClaimRetentionPolicy: policy }: apps.StatefulSetSpec,
  place: FieldPath,
): Errors {
  if (!policy) return [];
  const fates = ["Retain", "Delete"];
  return [
    ...oneOf(place.child("whenDeleted"), policy.whenDeleted ?? "", fates),
    ...oneOf(place.child("whenScaled"), policy.whenScaled ?? "", fates),
  ];
}

function unchangeable(given: apps.StatefulSetSpec): object {
  const kept: Record<string, unknown> = { ...given };
  for (const member of changeable) delete kept[member];
  return kept;
}

import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { validateImmutable } from "../../machinery/metadata-validation.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { atMostAll, countOrPercentage, type Errors, nonNegative, notDecremented } from "../checks.ts";
import { ageColumn, containersColumn, imagesColumn, nameColumn, selectorColumn, text } from "../columns.ts";
import { podTemplateDefaults } from "../core/pod-defaults.ts";
import { validateRunningTemplate } from "../core/pod-template.ts";
import { change, fill, fillEmpty } from "../fill.ts";
import type * as apps from "../generated/apps-v1.ts";
import { defineKind } from "../kind.ts";
import { validateReplicaCounts } from "../replica-status.ts";
import { isEmptySelector, validateSelector } from "../selectors.ts";
import { deploymentMappings } from "./workload-versions.ts";

export type Deployment = apps.Deployment;

const spec = path("spec");

/** Rolls out and keeps a set of identical Pods by way of ReplicaSets. */
export const Deployment = defineKind<apps.Deployment>({
  type: "apps/v1.Deployment",
  plural: "deployments",
  shortNames: ["deploy"],
  categories: ["all"],
  scope: "Namespaced",
  subresources: ["status", "scale"],
  scale: { specReplicas: "spec.replicas", statusReplicas: "status.replicas", selector: "spec.selector" },
  defaults: (deployment) =>
    change(fill(deployment, { spec: {} as apps.DeploymentSpec }), {
      spec: (given) =>
        change(fill(given, { replicas: 1, strategy: {}, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 }), {
          template: podTemplateDefaults,
          strategy: strategyDefaults,
        }),
    }),
  validate: validateDeployment,
  validateUpdate: (next, previous) =>
    validateImmutable(spec.child("selector"), next.spec.selector, previous.spec.selector),
  validateStatus: (next, previous) => [
    ...validateReplicaCounts(next.status),
    ...notDecremented(path("status", "collisionCount"), next.status?.collisionCount, previous.status?.collisionCount),
  ],
  // Its annotations are copied to its ReplicaSets, so that a change of them is one to follow too.
  generationOf: ({ spec, metadata }) => [spec, metadata.annotations ?? {}],
  columns: [
    nameColumn,
    text("Ready", ({ spec: { replicas }, status }) => `${status?.readyReplicas ?? 0}/${replicas ?? 0}`),
    text("Up-to-date", ({ status }) => status?.updatedReplicas ?? 0),
    text("Available", ({ status }) => status?.availableReplicas ?? 0),
    ageColumn,
    containersColumn,
    imagesColumn,
    selectorColumn,
  ],
  versions: deploymentMappings,
});

function strategyDefaults(strategy: apps.DeploymentStrategy): apps.DeploymentStrategy {
  const typed = fillEmpty(strategy, { type: "RollingUpdate" });
  if (typed.type !== "RollingUpdate") return typed;
  return change(fill(typed, { rollingUpdate: {} }), {
    rollingUpdate: (rolling) => fill(rolling, { maxUnavailable: "25%", maxSurge: "25%" }),
  });
}

function validateDeployment({ spec: given }: apps.Deployment): Errors {
  const errors: FieldError[] = [...nonNegative(spec.child("replicas"), given.replicas)];
  if (!given.selector) errors.push(field.required(spec.child("selector")));
  else {
    errors.push(...validateSelector(given.selector, spec.child("selector")));
    if (isEmptySelector(given.selector)) {
      errors.push(field.invalid(spec.child("selector"), given.selector, "empty selector is invalid for deployment"));
    }
  }
  errors.push(...validateRunningTemplate(given.template ?? {}, given.selector, spec.child("template")));
  errors.push(...validateStrategy(given.strategy ?? {}, spec.child("strategy")));
  errors.push(...nonNegative(spec.child("minReadySeconds"), given.minReadySeconds));
  errors.push(...nonNegative(spec.child("revisionHistoryLimit"), given.revisionHistoryLimit));
  const { progressDeadlineSeconds: deadline, minReadySeconds = 0 } = given;
  if (deadline !== undefined) {
    const place = spec.child("progressDeadlineSeconds");
    errors.push(...nonNegative(place, deadline));
    if (deadline <= minReadySeconds)
      errors.push(field.invalid(place, deadline, "must be greater than minReadySeconds"));
  }
  return errors;
}

function validateStrategy(strategy: apps.DeploymentStrategy, place: FieldPath): Errors {
  const rolling = place.child("rollingUpdate");
  if (strategy.type === "Recreate") {
    if (!strategy.rollingUpdate) return [];
    return [field.forbidden(rolling, "may not be specified when strategy `type` is 'Recreate'")];
  }
  if (strategy.type !== "RollingUpdate") {
    return [field.notSupported(place, strategy, ["Recreate", "RollingUpdate"])];
  }
  if (!strategy.rollingUpdate) return [field.required(rolling, "this should be defaulted and never be nil")];
  const { maxUnavailable, maxSurge } = strategy.rollingUpdate;
  const errors: FieldError[] = [
    ...countOrPercentage(rolling.child("maxUnavailable"), maxUnavailable),
    ...countOrPercentage(rolling.child("maxSurge"), maxSurge),
  ];
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    const detail = "may not be 0 when `maxSurge` is 0";
    errors.push(field.invalid(rolling.child("maxUnavailable"), maxUnavailable, detail));
  }
  return [...errors, ...atMostAll(rolling.child("maxUnavailable"), maxUnavailable)];
}

/** True for a count or percentage that amounts to nothing. */
function isZero(value: number | string | undefined): boolean {
  return value === undefined || value === 0 || (typeof value === "string" && /^0+%$/.test(value));
}

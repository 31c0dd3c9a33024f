import { isEqual } from "../../machinery/equality.ts";
import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { validateImmutable } from "../../machinery/metadata-validation.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { atMostAll, countOrPercentage, type Errors, nonNegative, notDecremented } from "../checks.ts";
import {
  ageColumn,
  containersColumn,
  imagesColumn,
  integer,
  labelsText,
  nameColumn,
  selectorColumn,
  text,
} from "../columns.ts";
import { podTemplateDefaults } from "../core/pod-defaults.ts";
import { validatePodTemplate, validateSelected } from "../core/pod-template.ts";
import { change, fill, fillEmpty } from "../fill.ts";
import type * as apps from "../generated/apps-v1.ts";
import { defineKind } from "../kind.ts";
import { isEmptySelector, validateSelector } from "../selectors.ts";
import { daemonSetMappings } from "./workload-versions.ts";

export type DaemonSet = apps.DaemonSet;

const spec = path("spec");

/** Counts the changes of the template, for controllers of the time before revisions. */
export const templateGenerationAnnotation = "deprecated.daemonset.template.generation";

const noStatus: apps.DaemonSetStatus = {
  currentNumberScheduled: 0,
  numberMisscheduled: 0,
  desiredNumberScheduled: 0,
  numberReady: 0,
};

/** Keeps one Pod on each node that it selects. */
export const DaemonSet = defineKind<apps.DaemonSet>({
  type: "apps/v1.DaemonSet",
  plural: "daemonsets",
  shortNames: ["ds"],
  categories: ["all"],
  scope: "Namespaced",
  subresources: ["status"],
  defaults: (set) =>
    change(fill(counted(set), { spec: {} as apps.DaemonSetSpec }), {
      spec: (given) =>
        change(fill(given, { updateStrategy: {}, revisionHistoryLimit: 10 }), {
          template: podTemplateDefaults,
          updateStrategy: strategyDefaults,
        }),
    }),
  prepareCreate: (set) => ({ ...withTemplateGeneration(set, 1), status: noStatus }),
  prepareUpdate: (next, previous) => {
    const before = Number(previous.metadata.annotations?.[templateGenerationAnnotation] ?? 0);
    const changed = !isEqual(next.spec.template, previous.spec.template);
    return { ...withTemplateGeneration(next, changed ? before + 1 : before), status: previous.status };
  },
  validate: validateDaemonSet,
  validateUpdate: (next, previous) =>
    validateImmutable(spec.child("selector"), next.spec.selector, previous.spec.selector),
  validateStatus: validateStatusChange,
  columns: [
    nameColumn,
    integer("Desired", ({ status }) => status?.desiredNumberScheduled ?? 0),
    integer("Current", ({ status }) => status?.currentNumberScheduled ?? 0),
    integer("Ready", ({ status }) => status?.numberReady ?? 0),
    integer("Up-to-date", ({ status }) => status?.updatedNumberScheduled ?? 0),
    integer("Available", ({ status }) => status?.numberAvailable ?? 0),
    text("Node Selector", (set) => labelsText(set.spec.template?.spec?.nodeSelector)),
    ageColumn,
    containersColumn,
    imagesColumn,
    selectorColumn,
  ],
  versions: daemonSetMappings,
});

function counted(set: apps.DaemonSet): apps.DaemonSet {
  return set.metadata.annotations?.[templateGenerationAnnotation] === undefined ? withTemplateGeneration(set, 1) : set;
}

function withTemplateGeneration(set: apps.DaemonSet, generation: number): apps.DaemonSet {
  const annotations = { ...set.metadata.annotations, [templateGenerationAnnotation]: String(generation) };
  return { ...set, metadata: { ...set.metadata, annotations } };
}

function strategyDefaults(strategy: apps.DaemonSetUpdateStrategy): apps.DaemonSetUpdateStrategy {
  const typed = fillEmpty(strategy, { type: "RollingUpdate" });
  if (typed.type !== "RollingUpdate") return typed;
  return change(fill(typed, { rollingUpdate: {} }), {
    rollingUpdate: (rolling) => fill(rolling, { maxUnavailable: 1, maxSurge: 0 }),
  });
}

function validateDaemonSet({ spec: given }: apps.DaemonSet): Errors {
  const { template = {}, selector } = given;
  const place = spec.child("template");
  const errors: FieldError[] = [...validateSelector(selector, spec.child("selector"))];
  errors.push(...validateSelected(template, selector, place));
  if (isEmptySelector(selector)) {
    errors.push(field.invalid(spec.child("selector"), selector, "empty selector is invalid for daemonset"));
  }
  errors.push(...validatePodTemplate(template, place));
  const { restartPolicy = "", activeDeadlineSeconds } = template.spec ?? {};
  if (restartPolicy !== "Always") {
    errors.push(field.notSupported(place.child("spec", "restartPolicy"), restartPolicy, ["Always"]));
  }
  if (activeDeadlineSeconds !== undefined) {
    const detail = "activeDeadlineSeconds in DaemonSet is not Supported";
    errors.push(field.forbidden(place.child("spec", "activeDeadlineSeconds"), detail));
  }
  errors.push(...nonNegative(spec.child("minReadySeconds"), given.minReadySeconds));
  errors.push(...validateStrategy(given.updateStrategy ?? {}, spec.child("updateStrategy")));
  return [...errors, ...nonNegative(spec.child("revisionHistoryLimit"), given.revisionHistoryLimit)];
}

function validateStrategy(strategy: apps.DaemonSetUpdateStrategy, place: FieldPath): Errors {
  if (strategy.type === "OnDelete") return [];
  if (strategy.type !== "RollingUpdate") {
    return [field.notSupported(place, strategy, ["RollingUpdate", "OnDelete"])];
  }
  const rolling = place.child("rollingUpdate");
  if (!strategy.rollingUpdate) return [field.required(rolling)];
  const { maxUnavailable, maxSurge } = strategy.rollingUpdate;
  const errors: FieldError[] = [
    ...countOrPercentage(rolling.child("maxUnavailable"), maxUnavailable),
    ...atMostAll(rolling.child("maxUnavailable"), maxUnavailable),
    ...countOrPercentage(rolling.child("maxSurge"), maxSurge),
    ...atMostAll(rolling.child("maxSurge"), maxSurge),
  ];
  const some = (value: number | string | undefined) => value !== undefined && Number.parseInt(String(value), 10) !== 0;
  if (some(maxUnavailable) && some(maxSurge)) {
    const detail = "may not be set when maxUnavailable is non-zero";
    errors.push(field.invalid(rolling.child("maxSurge"), maxSurge, detail));
  } else if (!some(maxUnavailable) && !some(maxSurge)) {
    errors.push(field.invalid(rolling.child("maxUnavailable"), maxUnavailable, "cannot be 0 when maxSurge is 0"));
  }
  return errors;
}

const counts = [
  "currentNumberScheduled",
  "numberMisscheduled",
  "desiredNumberScheduled",
  "numberReady",
  "observedGeneration",
  "updatedNumberScheduled",
  "numberAvailable",
  "numberUnavailable",
] as const;

function validateStatusChange({ status }: apps.DaemonSet, previous: apps.DaemonSet): Errors {
  const place = path("status");
  return [
    ...counts.flatMap((name) => nonNegative(place.child(name), status?.[name])),
    ...notDecremented(place.child("collisionCount"), status?.collisionCount, previous.status?.collisionCount),
  ];
}

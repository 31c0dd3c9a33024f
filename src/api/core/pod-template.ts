import { type FieldPath, field } from "../../machinery/fields.ts";
import type { LabelSelector } from "../../machinery/generated/meta-v1.ts";
import { validateAnnotations, validateLabels } from "../../machinery/metadata-validation.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import type { Errors } from "../checks.ts";
import type * as core from "../generated/core-v1.ts";
import { selects } from "../selectors.ts";
import { validatePodSpec } from "./validate-pod-spec.ts";

const noSpec: core.PodSpec = { containers: [] };

/** The faults of a pod template on its own. */
export function validatePodTemplate(template: core.PodTemplateSpec, place: FieldPath): Errors {
  const errors: FieldError[] = [
    ...validateLabels(template.metadata?.labels, place.child("labels")),
    ...validateAnnotations(template.metadata?.annotations, place.child("annotations")),
    ...validatePodSpec(template.spec ?? noSpec, place.child("spec")),
  ];
  if ((template.spec?.ephemeralContainers ?? []).length > 0) {
    const detail = "ephemeral containers not allowed in pod template";
    errors.push(field.forbidden(place.child("spec", "ephemeralContainers"), detail));
  }
  return errors;
}

/** The faults of a template that keeps pods running: the selector must match it, and its pods restart always. */
export function validateRunningTemplate(
  template: core.PodTemplateSpec | undefined,
  selector: LabelSelector | undefined,
  place: FieldPath,
): Errors {
  if (!template) return [field.required(place)];
  const errors: FieldError[] = [
    ...validateSelected(template, selector, place),
    ...validatePodTemplate(template, place),
  ];
  return [...errors, ...validateAlwaysRestarts(template, place)];
}

/** The fault of a selector that does not match the labels of its own template. An empty selector is reported elsewhere. */
export function validateSelected(
  template: core.PodTemplateSpec,
  selector: LabelSelector | undefined,
  place: FieldPath,
): Errors {
  const labels = template.metadata?.labels;
  if (selects(selector, labels) !== false) return [];
  return [field.invalid(place.child("metadata", "labels"), labels, "`selector` does not match template `labels`")];
}

/** The faults of a template whose pods may end on their own. */
export function validateAlwaysRestarts(template: core.PodTemplateSpec, place: FieldPath): Errors {
  const errors: FieldError[] = [];
  const spec = template.spec ?? noSpec;
  if (spec.restartPolicy !== "Always") {
    errors.push(field.notSupported(place.child("spec", "restartPolicy"), spec.restartPolicy ?? "", ["Always"]));
  }
  if (spec.activeDeadlineSeconds !== undefined) {
    const detail = "activeDeadlineSeconds in ReplicaSet is not Supported";
    errors.push(field.forbidden(place.child("spec", "activeDeadlineSeconds"), detail));
  }
  return errors;
}

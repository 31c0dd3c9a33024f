import { type FieldPath, field } from "../machinery/fields.ts";
import type { LabelSelector, LabelSelectorRequirement } from "../machinery/generated/meta-v1.ts";
import { type Labels, selectorOfObject } from "../machinery/labels.ts";
import { validateLabels } from "../machinery/metadata-validation.ts";
import { qualifiedName, validLabelValue } from "../machinery/names.ts";
import type { FieldError } from "../machinery/status-error.ts";
import { type Errors, eachAt, named } from "./checks.ts";

/** The faults of a label selector; none is fine. */
export function validateSelector(selector: LabelSelector | undefined | null, place: FieldPath): Errors {
  if (!selector) return [];
  return [
    ...validateLabels(selector.matchLabels, place.child("matchLabels")),
    ...eachAt(selector.matchExpressions, place.child("matchExpressions"), validateRequirement),
  ];
}

function validateRequirement({ key, operator, values = [] }: LabelSelectorRequirement, place: FieldPath): Errors {
  const errors: FieldError[] = [];
  if (operator === "In" || operator === "NotIn") {
    if (values.length === 0) {
      errors.push(field.required(place.child("values"), "must be specified when `operator` is 'In' or 'NotIn'"));
    }
  } else if (operator === "Exists" || operator === "DoesNotExist") {
    if (values.length > 0) {
      const detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
      errors.push(field.forbidden(place.child("values"), detail));
    }
  } else errors.push(field.invalid(place.child("operator"), operator ?? "", "not a valid selector operator"));
  errors.push(...named(place.child("key"), key, qualifiedName));
  errors.push(...eachAt(values, place.child("values"), (value, here) => named(here, value, validLabelValue)));
  return errors;
}

/** True when no label could fail the selector: it is there and asks for nothing. */
export function isEmptySelector(selector: LabelSelector | undefined | null): boolean {
  if (!selector) return false;
  return Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0;
}

/** Whether the selector matches the labels; undefined when the selector itself makes no sense. */
export function selects(selector: LabelSelector | undefined | null, labels: Labels | undefined): boolean | undefined {
  try {
    return selectorOfObject(selector).matches(labels);
  } catch {
    return undefined;
  }
}

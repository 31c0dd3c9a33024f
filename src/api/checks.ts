import { type FieldPath, field, invalidEach } from "../machinery/fields.ts";
import { type NameRule, percentage, portName, portNumber, rangeText } from "../machinery/names.ts";
import type { FieldError } from "../machinery/status-error.ts";

export type Errors = readonly FieldError[];

const fine: Errors = Object.freeze([]);

/** The fault of a number below zero; absent is fine. */
export function nonNegative(place: FieldPath, value: number | undefined | null): Errors {
  return value !== undefined && value !== null && value < 0
    ? [field.invalid(place, value, "must be greater than or equal to 0")]
    : fine;
}

/** The fault of a number that is not above zero; absent is fine. */
export function positive(place: FieldPath, value: number | undefined | null): Errors {
  return value !== undefined && value !== null && value <= 0
    ? [field.invalid(place, value, "must be greater than 0")]
    : fine;
}

/** The fault of a number outside its bounds, both included; absent is fine. */
export function within(place: FieldPath, value: number | undefined | null, low: number, high: number): Errors {
  if (value === undefined || value === null || (value >= low && value <= high)) return fine;
  return [field.invalid(place, value, rangeText(low, high))];
}

/** The faults of a text that must follow a rule. */
export function named(place: FieldPath, value: string | undefined, rule: NameRule): Errors {
  return invalidEach(place, value ?? "", rule(value ?? ""));
}

/** The fault of an absent or empty value. */
export function required(place: FieldPath, value: unknown, detail = ""): Errors {
  const absent = value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);
  return absent ? [field.required(place, detail)] : fine;
}

/** As `required`, and then the faults of the rule. */
export function requiredNamed(place: FieldPath, value: string | undefined, rule: NameRule): Errors {
  return value ? named(place, value, rule) : [field.required(place)];
}

/** The fault of a value that is none of the supported ones; absent is fine. */
export function oneOf(place: FieldPath, value: string | undefined | null, supported: readonly string[]): Errors {
  if (value === undefined || value === null || supported.includes(value)) return fine;
  return [field.notSupported(place, value, supported)];
}

/** As `oneOf`, where an absent or empty value is a fault too. */
export function requiredOneOf(place: FieldPath, value: string | undefined, supported: readonly string[]): Errors {
  return value ? oneOf(place, value, supported) : [field.required(place)];
}

/** The faults of a port given by number or name. */
export function portNumberOrName(place: FieldPath, port: number | string | undefined): Errors {
  if (typeof port === "string") return invalidEach(place, port, portName(port));
  return invalidEach(place, port ?? 0, portNumber(port ?? 0));
}

/** The faults of a port's number. */
export function portInRange(place: FieldPath, port: number | undefined): Errors {
  return invalidEach(place, port ?? 0, portNumber(port ?? 0));
}

/** The faults of a count given as a number or percentage: not negative, a proper percentage. Absent is fine. */
export function countOrPercentage(place: FieldPath, value: number | string | undefined): Errors {
  if (typeof value === "string") return invalidEach(place, value, percentage(value));
  return nonNegative(place, value);
}

/** The fault of a percentage above 100; numbers and other texts are fine. */
export function atMostAll(place: FieldPath, value: number | string | undefined): Errors {
  if (typeof value !== "string" || percentage(value).length > 0 || Number.parseInt(value, 10) <= 100) return fine;
  return [field.invalid(place, value, "must not be greater than 100%")];
}

/** The faults of every element of a list, each at its own place. */
export function eachAt<T>(
  list: readonly T[] | undefined,
  place: FieldPath,
  check: (element: T, place: FieldPath, index: number) => Errors,
): Errors {
  if (!list || list.length === 0) return fine;
  let errors: FieldError[] | undefined;
  // By index: this is every list of every object that is written.
  for (let index = 0; index < list.length; index += 1) {
    const found = check(list[index]!, place.index(index), index);
    if (found.length > 0) {
      errors ??= [];
      errors.push(...found);
    }
  }
  return errors ?? fine;
}

/** The faults of values that stand more than once: each one after the first is a duplicate, at the place that `at` gives. */
export function duplicates<T>(
  list: readonly T[] | undefined,
  of: (element: T) => string,
  at: (index: number) => FieldPath,
): Errors {
  if (!list || list.length < 2) return fine;
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  for (const [index, element] of list.entries()) {
    const value = of(element);
    if (seen.has(value)) errors.push(field.duplicate(at(index), value));
    seen.add(value);
  }
  return errors;
}

/** The fault of a number that went down; counters of status must not. */
export function notDecremented(place: FieldPath, next: number | undefined, previous: number | undefined): Errors {
  if (previous === undefined || (next !== undefined && next >= previous)) return fine;
  return [field.invalid(place, next ?? 0, "cannot be decremented")];
}

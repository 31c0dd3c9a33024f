import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { qualifiedName } from "../../machinery/names.ts";
import { compareQuantities } from "../../machinery/quantity.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, named } from "../checks.ts";
import { createdAtColumn, nameColumn } from "../columns.ts";
import { change, each, fill } from "../fill.ts";
import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";
import { isOvercommitAllowed, validateContainerResourceName, validateResourceName } from "./validate-resources.ts";

export type LimitRange = core.LimitRange;

/** Bounds and defaults for what pods, containers and claims of a namespace ask for. */
export const LimitRange = defineKind<core.LimitRange>({
  type: "core/v1.LimitRange",
  plural: "limitranges",
  shortNames: ["limits"],
  scope: "Namespaced",
  createOnUpdate: true,
  defaults: (range) => change(range, { spec: (spec) => change(spec, { limits: each(withDefaults) }) }),
  validate: ({ spec }) => {
    const limits = spec?.limits ?? [];
    return eachAt(limits, path("spec", "limits"), (limit, here, index) => {
      const repeated = limits.findIndex(({ type }) => type === limit.type) < index;
      return [
        ...validateType(limit.type, here.child("type")),
        ...(repeated ? [field.duplicate(here.child("type"), limit.type)] : []),
        ...validateLimit(limit, here),
      ];
    });
  },
  columns: [nameColumn, createdAtColumn],
});

// What a container may use at most is also what it gets, and what it asks for, unless something smaller is said.
function withDefaults(limit: core.LimitRangeItem): core.LimitRangeItem {
  if (limit.type !== "Container") return limit;
  const usual = fill(limit.default ?? {}, limit.max ?? {});
  const asked = fill(fill(limit.defaultRequest ?? {}, usual), limit.min ?? {});
  return {
    ...limit,
    ...(Object.keys(usual).length > 0 ? { default: usual } : {}),
    ...(Object.keys(asked).length > 0 ? { defaultRequest: asked } : {}),
  };
}

const types = ["Container", "PersistentVolumeClaim", "Pod"];

function validateType(type: string, place: FieldPath): Errors {
  const errors = named(place, type, qualifiedName);
  if (errors.length > 0 || type.includes("/") || types.includes(type)) return errors;
  return [field.invalid(place, type, "must be a standard limit type or fully qualified")];
}

function validateLimit(limit: core.LimitRangeItem, place: FieldPath): Errors {
  const { type, min = {}, max = {}, maxLimitRequestRatio: ratios = {} } = limit;
  const usual = limit.default ?? {};
  const asked = limit.defaultRequest ?? {};
  const errors: FieldError[] = [];
  const nameRule = type === "Container" || type === "Pod" ? validateContainerResourceName : validateResourceName;
  const checkNames = (member: string, list: core.ResourceList) => {
    for (const name of Object.keys(list)) errors.push(...nameRule(name, place.child(member).key(name)));
  };
  checkNames("max", max);
  checkNames("min", min);
  if (type === "Pod") {
    const detail = "may not be specified when `type` is 'Pod'";
    if (Object.keys(usual).length > 0) errors.push(field.forbidden(place.child("default"), detail));
    if (Object.keys(asked).length > 0) errors.push(field.forbidden(place.child("defaultRequest"), detail));
  } else {
    checkNames("default", usual);
    checkNames("defaultRequest", asked);
  }
  if (type === "PersistentVolumeClaim" && min.storage === undefined && max.storage === undefined) {
    const detail = "either minimum or maximum storage value is required, but neither was provided";
    errors.push(field.required(place.child("limits"), detail));
  }
  checkNames("maxLimitRequestRatio", ratios);
  const names = new Set([min, max, usual, asked, ratios].flatMap((list) => Object.keys(list)));
  for (const name of names) errors.push(...validateOrder(name, limit, place));
  return errors;
}

function validateOrder(name: string, limit: core.LimitRangeItem, place: FieldPath): Errors {
  const errors: FieldError[] = [];
  const min = limit.min?.[name];
  const max = limit.max?.[name];
  const usual = limit.default?.[name];
  const asked = limit.defaultRequest?.[name];
  const ratio = limit.maxLimitRequestRatio?.[name];
  const above = (a: string | undefined, b: string | undefined) =>
    a !== undefined && b !== undefined && compareQuantities(a, b) > 0;
  const report = (member: string, value: string | undefined, detail: string) =>
    errors.push(field.invalid(place.child(member).key(name), value, detail));
  if (above(min, max)) report("min", min, `min value ${min} is greater than max value ${max}`);
  if (above(min, asked)) {
    report("defaultRequest", asked, `min value ${min} is greater than default request value ${asked}`);
  }
  if (above(asked, max)) {
    report("defaultRequest", asked, `default request value ${asked} is greater than max value ${max}`);
  }
  if (above(asked, usual)) {
    report("defaultRequest", asked, `default request value ${asked} is greater than default limit value ${usual}`);
  }
  if (above(min, usual)) report("default", usual, `min value ${min} is greater than default value ${usual}`);
  if (above(usual, max)) report("default", max, `default value ${usual} is greater than max value ${max}`);
  if (above("1", ratio)) report("maxLimitRequestRatio", ratio, `ratio ${ratio} is less than 1`);
  if (
    !isOvercommitAllowed(name) &&
    usual !== undefined &&
    asked !== undefined &&
    compareQuantities(usual, asked) !== 0
  ) {
    const detail = `default value ${usual} must equal to defaultRequest value ${asked} in ${name}`;
    report("defaultRequest", asked, detail);
  }
  return errors;
}

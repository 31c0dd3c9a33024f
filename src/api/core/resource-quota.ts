import { isEqual } from "../../machinery/equality.ts";
import { type FieldPath, field, path } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt } from "../checks.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import { fill } from "../fill.ts";
import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";
import { validateAmount, validateQuotaResourceName } from "./validate-resources.ts";

export type ResourceQuota = core.ResourceQuota;

const spec = path("spec");

/** An upper bound on what a namespace uses in total. */
export const ResourceQuota = defineKind<core.ResourceQuota>({
  type: "core/v1.ResourceQuota",
  plural: "resourcequotas",
  shortNames: ["quota"],
  scope: "Namespaced",
  subresources: ["status"],
  defaults: (quota) => fill(quota, { spec: {} }),
  generationOf: () => undefined,
  validate: (quota) => [...validateList(quota.spec.hard, spec.child("hard")), ...validateScopes(quota.spec)],
  validateUpdate: (next, previous) =>
    isEqual([...(next.spec.scopes ?? [])].sort(), [...(previous.spec.scopes ?? [])].sort())
      ? []
      : [field.invalid(spec.child("scopes"), next.spec.scopes, "field is immutable")],
  validateStatus: ({ status }) => [
    ...validateList(status?.hard, path("status", "hard")),
    ...validateList(status?.used, path("status", "used")),
  ],
  columns: [
    nameColumn,
    text("Request", (quota) => usageText(quota, (name) => !name.startsWith("limits."))),
    text("Limit", (quota) => usageText(quota, (name) => name.startsWith("limits."))),
    ageColumn,
  ],
});

function usageText({ status }: core.ResourceQuota, wanted: (name: string) => boolean): string {
  return Object.keys(status?.hard ?? {})
    .filter(wanted)
    .sort()
    .map((name) => `${name}: ${status?.used?.[name] ?? "0"}/${status?.hard?.[name] ?? "0"}`)
    .join(", ");
}

function validateList(list: core.ResourceList | undefined, place: FieldPath): Errors {
  return Object.entries(list ?? {}).flatMap(([name, amount]) => {
    const here = place.key(name);
    return [...validateQuotaResourceName(name, here), ...validateAmount(name, amount, here)];
  });
}

const scopes = [
  "BestEffort",
  "CrossNamespacePodAffinity",
  "NotBestEffort",
  "NotTerminating",
  "PriorityClass",
  "Terminating",
  "VolumeAttributesClass",
];
const oppositeScopes = [
  ["BestEffort", "NotBestEffort"],
  ["Terminating", "NotTerminating"],
];

function validateScopes(given: core.ResourceQuotaSpec): Errors {
  const errors: FieldError[] = [];
  const wanted = given.scopes ?? [];
  const place = spec.child("scopes");
  for (const scope of wanted) {
    if (!scopes.includes(scope)) errors.push(field.invalid(place, wanted, "unsupported scope"));
  }
  for (const pair of oppositeScopes) {
    if (pair.every((scope) => wanted.some((other) => other === scope))) {
      errors.push(field.invalid(place, wanted, "conflicting scopes"));
    }
  }
  const expressions = spec.child("scopeSelector", "matchExpressions");
  return [
    ...errors,
    ...eachAt(given.scopeSelector?.matchExpressions, expressions, ({ scopeName, operator, values = [] }, here) => {
      const faults: FieldError[] = [];
      if (!scopes.includes(scopeName))
        faults.push(field.invalid(here.child("scopeName"), scopeName, "unsupported scope"));
      if (scopeName !== "PriorityClass" && scopeName !== "VolumeAttributesClass" && operator !== "Exists") {
        const detail =
          "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
        faults.push(field.invalid(here.child("operator"), operator, detail));
      }
      if (operator === "In" || operator === "NotIn") {
        if (values.length === 0) {
          const detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
          faults.push(field.required(here.child("values"), detail));
        }
      } else if (operator === "Exists" || operator === "DoesNotExist") {
        if (values.length > 0) {
          const detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
          faults.push(field.invalid(here.child("values"), values, detail));
        }
      } else faults.push(field.invalid(here.child("operator"), operator, "not a valid selector operator"));
      return faults;
    }),
  ];
}

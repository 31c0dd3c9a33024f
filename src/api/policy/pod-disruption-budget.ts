import { field, path } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { atMostAll, countOrPercentage, type Errors, nonNegative, oneOf } from "../checks.ts";
import { ageColumn, integer, nameColumn, text } from "../columns.ts";
import { fill } from "../fill.ts";
import type * as policy from "../generated/policy-v1.ts";
import { defineKind } from "../kind.ts";
import { validateSelector } from "../selectors.ts";
import { budgetMappings } from "./budget-versions.ts";

export type PodDisruptionBudget = policy.PodDisruptionBudget;

const spec = path("spec");

/** How many pods of a set may be taken away on purpose at one time. */
export const PodDisruptionBudget = defineKind<policy.PodDisruptionBudget>({
  type: "policy/v1.PodDisruptionBudget",
  plural: "poddisruptionbudgets",
  shortNames: ["pdb"],
  scope: "Namespaced",
  subresources: ["status"],
  unconditionalUpdate: false,
  defaults: (budget) => fill(budget, { spec: {} }),
  validate: (budget) => validateBudget(budget.spec),
  validateStatus: ({ status }) =>
    (["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] as const).flatMap((name) =>
      nonNegative(path("status", name), status?.[name]),
    ),
  columns: [
    nameColumn,
    text("Min Available", (budget) => String(budget.spec.minAvailable ?? "N/A")),
    text("Max Unavailable", (budget) => String(budget.spec.maxUnavailable ?? "N/A")),
    integer("Allowed Disruptions", ({ status }) => status?.disruptionsAllowed ?? 0),
    ageColumn,
  ],
  versions: budgetMappings,
});

function validateBudget(given: policy.PodDisruptionBudgetSpec): Errors {
  const { minAvailable, maxUnavailable, selector } = given;
  const errors: FieldError[] = [];
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    errors.push(field.invalid(spec, given, "minAvailable and maxUnavailable cannot be both set"));
  }
  for (const [name, value] of Object.entries({ minAvailable, maxUnavailable })) {
    errors.push(...countOrPercentage(spec.child(name), value), ...atMostAll(spec.child(name), value));
  }
  errors.push(...validateSelector(selector, spec.child("selector")));
  const policies = ["AlwaysAllow", "IfHealthyBudget"];
  return [...errors, ...oneOf(spec.child("unhealthyPodEvictionPolicy"), given.unhealthyPodEvictionPolicy, policies)];
}

import type { PodDisruptionBudget } from "../../../api/generated/policy-v1.ts";
import type { PriorityClass } from "../../../api/generated/scheduling-v1.ts";
import { defineDescriber } from "./describer.ts";
import { nameRows, selectorText } from "./metadata.ts";
import { indent, pairs, row } from "./text.ts";

/** `kubectl describe pdb` */
export const podDisruptionBudget = defineDescriber<PodDisruptionBudget>("v1", (budget) => {
  const { minAvailable, maxUnavailable, selector } = budget.spec ?? {};
  const { status } = budget;
  return [
    nameRows(budget),
    minAvailable !== undefined
      ? row("Min available", minAvailable)
      : maxUnavailable !== undefined && row("Max unavailable", maxUnavailable),
    row("Selector", selector ? selectorText(selector) : "<unset>"),
    "Status:",
    indent(
      2,
      row("Allowed disruptions", status?.disruptionsAllowed ?? 0),
      row("Current", status?.currentHealthy ?? 0),
      row("Desired", status?.desiredHealthy ?? 0),
      row("Total", status?.expectedPods ?? 0),
    ),
  ];
});

/** `kubectl describe priorityclass` */
export const priorityClass = defineDescriber<PriorityClass>("v1", (priority) => [
  row("Name", priority.metadata.name),
  row("Value", priority.value),
  row("GlobalDefault", priority.globalDefault ?? false),
  row("PreemptionPolicy", priority.preemptionPolicy),
  row("Description", priority.description),
  row("Annotations", pairs(priority.metadata.annotations)),
]);

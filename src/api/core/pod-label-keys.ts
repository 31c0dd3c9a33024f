import type { LabelSelector, LabelSelectorRequirement } from "../../machinery/generated/meta-v1.ts";
import { change, each } from "../fill.ts";
import type * as core from "../generated/core-v1.ts";

interface WithKeys {
  readonly labelSelector?: LabelSelector;
  readonly matchLabelKeys?: readonly string[];
  readonly mismatchLabelKeys?: readonly string[];
}

/**
 * Writes the values of a new pod's own labels into the selectors that ask for them by key, so that pods of one revision
 * see each other and no others (KEP-3633, KEP-3243).
 */
export function withLabelKeys(pod: core.Pod): core.Pod {
  const labels = pod.metadata.labels ?? {};
  const term = <T extends WithKeys>(given: T): T => resolved(given, labels);
  const weighted = (given: core.WeightedPodAffinityTerm) => change(given, { podAffinityTerm: term });
  const affinity = (given: core.PodAffinity): core.PodAffinity =>
    change(given, {
      requiredDuringSchedulingIgnoredDuringExecution: each(term<core.PodAffinityTerm>),
      preferredDuringSchedulingIgnoredDuringExecution: each(weighted),
    });
  return change(pod, {
    spec: (spec) =>
      change(spec, {
        affinity: (given) => change(given, { podAffinity: affinity, podAntiAffinity: affinity }),
        topologySpreadConstraints: each(term<core.TopologySpreadConstraint>),
      }),
  });
}

function resolved<T extends WithKeys>(given: T, labels: Readonly<Record<string, string>>): T {
  const { matchLabelKeys = [], mismatchLabelKeys = [], labelSelector } = given;
  if (!labelSelector || matchLabelKeys.length + mismatchLabelKeys.length === 0) return given;
  const requirement =
    (operator: LabelSelectorRequirement["operator"]) =>
    (key: string): readonly LabelSelectorRequirement[] => {
      const value = labels[key];
      return value === undefined ? [] : [{ key, operator, values: [value] }];
    };
  const added = [...matchLabelKeys.flatMap(requirement("In")), ...mismatchLabelKeys.flatMap(requirement("NotIn"))];
  if (added.length === 0) return given;
  const matchExpressions = [...(labelSelector.matchExpressions ?? []), ...added];
  return { ...given, labelSelector: { ...labelSelector, matchExpressions } };
}

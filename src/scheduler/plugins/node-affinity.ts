import type { NodeSelector, NodeSelectorTerm, Pod } from "../../api/generated/core-v1.ts";
import type { NodeInfo } from "../framework/cluster-state.ts";
import { definePlugin, fits, moreIsBetter, ready, reject, skip } from "../framework/plugin.ts";

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

function holds({ key, operator, values = [] }: Requirement, actual: Readonly<Record<string, string>>): boolean {
  const value = actual[key];
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
    case "Lt": {
      const left = wholeNumber(value);
      const right = wholeNumber(values[0]);
      if (left === undefined || right === undefined) return false;
      return operator === "Gt" ? left > right : left < right;
    }
    default:
      return false;
  }
}

function wholeNumber(text: string | undefined): bigint | undefined {
  return text !== undefined && /^[+-]?\d+$/.test(text) ? BigInt(text.replace(/^\+/, "")) : undefined;
}

/** All of a term's requirements; a term without any selects nothing. */
export function termMatches(term: NodeSelectorTerm, node: NodeInfo): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  return (
    matchExpressions.every((requirement) => holds(requirement, node.labels)) &&
    matchFields.every((requirement) => holds(requirement, { "metadata.name": node.name }))
  );
}

/** Any of the terms. */
export function nodeSelectorMatches(selector: NodeSelector, node: NodeInfo): boolean {
  return selector.nodeSelectorTerms.some((term) => termMatches(term, node));
}

/** A pod's own wishes about nodes: `nodeSelector` and required node affinity. */
export function podSelectsNode(pod: Pod, node: NodeInfo): boolean {
  const labels = Object.entries(pod.spec.nodeSelector ?? {});
  if (!labels.every(([key, value]) => node.labels[key] === value)) return false;
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required ? nodeSelectorMatches(required, node) : true;
}

/** Nodes that a pod names one by one, when every term of its affinity does so (as DaemonSet pods do). */
function namedNodes(pod: Pod): ReadonlySet<string> | undefined {
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (!terms || terms.length === 0) return undefined;
  const names = new Set<string>();
  for (const term of terms) {
    const field = term.matchFields?.find(({ key, operator }) => key === "metadata.name" && operator === "In");
    if (!field?.values) return undefined;
    for (const name of field.values) names.add(name);
  }
  return names;
}

/** Nodes by their labels: `nodeSelector`, and affinity that is required or preferred. */
export const nodeAffinity = definePlugin<undefined>({
  name: "NodeAffinity",
  retryOn: ["Node/add", "Node/labels", "Pod/update"],
  prepareFilter({ spec }, _cluster) {
    const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    if (!required && Object.keys(spec.nodeSelector ?? {}).length === 0) return skip;
    return ready(undefined, namedNodes({ spec } as Pod));
  },
  filter: (pod, node) =>
    podSelectsNode(pod, node)
      ? fits
      : reject("node(s) didn't match Pod's node affinity/selector", { preemptionHelps: false }),
  prepareScore: ({ spec }) =>
    spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution?.length ? ready(undefined) : skip,
  score: ({ spec }, node) =>
    (spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).reduce(
      (sum, { weight, preference }) => sum + (weight !== 0 && termMatches(preference, node) ? weight : 0),
      0,
    ),
  normalize: moreIsBetter,
});

import type { Node, NodeSelector, NodeSelectorTerm, PodSpec } from "../generated/core-v1.ts";

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

/** What selectors look at of a node. */
export interface Selectable {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

function holds({ key, operator, values = [] }: Requirement, value: string | undefined): boolean {
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
      return key === "";
  }
}

function wholeNumber(text: string | undefined): bigint | undefined {
  return text !== undefined && /^[+-]?\d{1,19}$/.test(text) ? BigInt(text.replace(/^\+/, "")) : undefined;
}

/** All of a term's requirements; a term without any selects nothing. */
export function termMatches(term: NodeSelectorTerm, node: Selectable): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  return (
    matchExpressions.every((requirement) => holds(requirement, node.labels[requirement.key])) &&
    matchFields.every((requirement) => holds(requirement, requirement.key === "metadata.name" ? node.name : undefined))
  );
}

/** Any of the terms. */
export function nodeSelectorMatches(selector: NodeSelector, node: Selectable): boolean {
  return selector.nodeSelectorTerms.some((term) => termMatches(term, node));
}

/** A node as its selectors see it. */
export const selectable = ({ metadata }: Node): Selectable => ({ name: metadata.name, labels: metadata.labels ?? {} });

/** A pod's own wishes about nodes: `nodeSelector` and required node affinity. */
export function podSpecSelects({ nodeSelector, affinity }: PodSpec, node: Selectable): boolean {
  for (const key in nodeSelector) if (node.labels[key] !== nodeSelector[key]) return false;
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required ? nodeSelectorMatches(required, node) : true;
}

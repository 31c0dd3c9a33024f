import type { Pod, PodAffinityTerm } from "../../api/generated/core-v1.ts";
import { type Labels, type Selector, selectorOfObject } from "../../machinery/labels.ts";

/** Labels of a namespace by its name; undefined for one that is not known. */
export type NamespaceLabels = (namespace: string) => Labels | undefined;

/** A sort of pods: by labels, in namespaces. */
export interface PodQuestion {
  /** The same text means the same question. */
  readonly key: string;
  /** Where such pods can be; undefined where that depends on namespaces' labels. */
  readonly namespaces: ReadonlySet<string> | undefined;
  matches(pod: Pod): boolean;
}

/** A pod affinity term as the pod that states it means it. */
export interface AffinityTerm extends PodQuestion {
  readonly topologyKey: string;
}

/** Compiles a term; without namespaces it is about its owner's own. */
export function affinityTerm(term: PodAffinityTerm, owner: Pod, namespaceLabels: NamespaceLabels): AffinityTerm {
  const selector = narrowed(selectorOfObject(term.labelSelector), term, owner);
  const byLabels = term.namespaceSelector ? selectorOfObject(term.namespaceSelector) : undefined;
  const named = new Set(term.namespaces ?? []);
  if (named.size === 0 && !byLabels) named.add(owner.metadata.namespace);
  const spaces = byLabels
    ? `${[...named].sort().join(",")}|${byLabels.everything ? "*" : byLabels.toString()}`
    : [...named].sort().join(",");
  return {
    key: `${selector.text}@${spaces}`,
    topologyKey: term.topologyKey,
    namespaces: byLabels ? undefined : named,
    matches({ metadata }) {
      if (!selector.matches(metadata.labels)) return false;
      if (named.has(metadata.namespace)) return true;
      return byLabels?.matches(namespaceLabels(metadata.namespace)) ?? false;
    },
  };
}

/** A question that only pods answer of which all of these are true. */
export function allOf(questions: readonly PodQuestion[]): PodQuestion {
  const [first] = questions;
  if (first && questions.length === 1) return first;
  const known = questions.find(({ namespaces }) => namespaces);
  return {
    key: questions.map(({ key }) => key).join("&"),
    namespaces: known?.namespaces,
    matches: (pod) => questions.every((question) => question.matches(pod)),
  };
}

interface Narrowed {
  readonly text: string;
  matches(labels: Labels | undefined): boolean;
}

/** The text of a selector that no other selector has. */
export function selectorText(selector: Selector): string {
  return selector.nothing ? "!" : selector.toString();
}

/** `matchLabelKeys` and `mismatchLabelKeys` narrow the selector by the owner's own labels. */
function narrowed(
  selector: Selector,
  keys: { readonly matchLabelKeys?: readonly string[]; readonly mismatchLabelKeys?: readonly string[] },
  { metadata: { labels: own } }: Pod,
): Narrowed {
  const pairs = (list: readonly string[] | undefined) =>
    (list ?? []).flatMap((key) => (own?.[key] === undefined ? [] : [[key, own[key]] as const]));
  const same = pairs(keys.matchLabelKeys);
  const different = pairs(keys.mismatchLabelKeys);
  const text = selectorText(selector);
  if (same.length === 0 && different.length === 0) return { text, matches: (labels) => selector.matches(labels) };
  return {
    text: `${text}+${JSON.stringify([same, different])}`,
    matches: (labels) =>
      selector.matches(labels) &&
      same.every(([key, value]) => labels?.[key] === value) &&
      different.every(([key, value]) => labels?.[key] !== value),
  };
}

/** One of the terms that a placed pod holds over pods to come. */
export interface StatedTerm {
  /** Required anti-affinity keeps others away; the rest only counts in scores. */
  readonly kind: "requiredAffinity" | "requiredAntiAffinity" | "preferred";
  /** Added to the score of nodes in its domain, for `preferred`. */
  readonly weight: number;
  readonly term: AffinityTerm;
}

/** All terms that a pod states about others. */
export function statedTerms(pod: Pod, namespaceLabels: NamespaceLabels): readonly StatedTerm[] {
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {};
  const compile = (term: PodAffinityTerm) => affinityTerm(term, pod, namespaceLabels);
  const required = (kind: StatedTerm["kind"]) => (term: PodAffinityTerm) => ({ kind, weight: 0, term: compile(term) });
  const preferred =
    (sign: 1 | -1) =>
    ({ weight, podAffinityTerm }: { readonly weight: number; readonly podAffinityTerm: PodAffinityTerm }) => ({
      kind: "preferred" as const,
      weight: sign * weight,
      term: compile(podAffinityTerm),
    });
  return [
    ...(podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(required("requiredAffinity")),
    ...(podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(required("requiredAntiAffinity")),
    ...(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(preferred(1)),
    ...(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(preferred(-1)),
  ];
}

import { Namespace } from "../../api/core/namespace.ts";
import type { Pod, PodAffinityTerm } from "../../api/generated/core-v1.ts";
import type { Informers } from "../../client/client.ts";
import { type Selector, selectorOfObject } from "../../machinery/labels.ts";
import type { ClusterState, NodeInfo } from "../framework/cluster-state.ts";
import { definePlugin, fits, ready, reject, skip } from "../framework/plugin.ts";

interface Term {
  readonly topologyKey: string;
  matches(pod: Pod): boolean;
}

/** Pods that match per value of a topology label: `key=value` -> count. */
type Counts = Map<string, number>;

interface FilterState {
  readonly affinity: readonly Term[];
  readonly antiAffinity: readonly Term[];
  readonly affinityCounts: Counts;
  readonly antiAffinityCounts: Counts;
  /** Where pods that are there already would not have this one. */
  readonly forbidden: Counts;
}

const hardWeight = 1;

function bump(counts: Counts, node: NodeInfo, key: string, by: number): void {
  const value = node.labels[key];
  if (value === undefined) return;
  const name = `${key}=${value}`;
  counts.set(name, (counts.get(name) ?? 0) + by);
}

function countAt(counts: Counts, node: NodeInfo, key: string): number {
  const value = node.labels[key];
  return value === undefined ? 0 : (counts.get(`${key}=${value}`) ?? 0);
}

const required = (pod: Pod) => ({
  affinity: pod.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [],
  antiAffinity: pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [],
});

const preferred = (pod: Pod) => ({
  affinity: pod.spec.affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [],
  antiAffinity: pod.spec.affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [],
});

/** Pods near to, or away from, other pods: by labels of those, within a topology of the nodes. */
export function interPodAffinity(informers: Informers) {
  const namespaces = informers.of(Namespace);
  const terms = new WeakMap<PodAffinityTerm, Term>();

  /** A term as the pod that states it means it: without namespaces it is about its own. */
  const compiled = (term: PodAffinityTerm, owner: Pod): Term => {
    const known = terms.get(term);
    if (known) return known;
    const selector = withLabelKeys(selectorOfObject(term.labelSelector), term, owner);
    const byNamespaceLabels = term.namespaceSelector ? selectorOfObject(term.namespaceSelector) : undefined;
    const named = new Set(term.namespaces ?? []);
    if (named.size === 0 && !byNamespaceLabels) named.add(owner.metadata.namespace);
    const made: Term = {
      topologyKey: term.topologyKey,
      matches: ({ metadata }) => {
        if (!selector.matches(metadata.labels)) return false;
        if (named.has(metadata.namespace)) return true;
        return byNamespaceLabels?.matches(namespaces.get({ name: metadata.namespace })?.metadata.labels) ?? false;
      },
    };
    terms.set(term, made);
    return made;
  };
  const compileAll = (list: readonly PodAffinityTerm[], owner: Pod) => list.map((term) => compiled(term, owner));

  const prepareFilter = (pod: Pod, cluster: ClusterState) => {
    const own = required(pod);
    const affinity = compileAll(own.affinity, pod);
    const antiAffinity = compileAll(own.antiAffinity, pod);
    const state: FilterState = {
      affinity,
      antiAffinity,
      affinityCounts: new Map(),
      antiAffinityCounts: new Map(),
      forbidden: new Map(),
    };
    for (const node of cluster.nodes) {
      for (const { pod: other } of node.pods.values()) {
        if (affinity.length > 0 && affinity.every((term) => term.matches(other))) {
          for (const term of affinity) bump(state.affinityCounts, node, term.topologyKey, 1);
        }
        for (const term of antiAffinity)
          if (term.matches(other)) bump(state.antiAffinityCounts, node, term.topologyKey, 1);
        for (const term of other.spec.affinity ? required(other).antiAffinity : []) {
          if (compiled(term, other).matches(pod)) bump(state.forbidden, node, term.topologyKey, 1);
        }
      }
    }
    if (affinity.length === 0 && antiAffinity.length === 0 && state.forbidden.size === 0) return skip;
    return ready(state);
  };

  const affinityHolds = (pod: Pod, node: NodeInfo, { affinity, affinityCounts }: FilterState): boolean => {
    if (affinity.some(({ topologyKey }) => node.labels[topologyKey] === undefined)) return false;
    if (affinity.every(({ topologyKey }) => countAt(affinityCounts, node, topologyKey) > 0)) return true;
    // The first of a group that wants to be together has nobody to join.
    return affinityCounts.size === 0 && affinity.every((term) => term.matches(pod));
  };

  return definePlugin<FilterState | Counts>({
    name: "InterPodAffinity",
    retryOn: ["AssignedPod/add", "AssignedPod/labels", "AssignedPod/delete", "Node/add", "Node/labels", "Pod/update"],
    prepareFilter,
    filter(pod, node, prepared) {
      const state = prepared as FilterState;
      if (!affinityHolds(pod, node, state))
        return reject("node(s) didn't match pod affinity rules", { preemptionHelps: false });
      if (state.antiAffinity.some(({ topologyKey }) => countAt(state.antiAffinityCounts, node, topologyKey) > 0)) {
        return reject("node(s) didn't match pod anti-affinity rules");
      }
      for (const name of state.forbidden.keys()) {
        const [key = "", value] = [name.slice(0, name.indexOf("=")), name.slice(name.indexOf("=") + 1)];
        if (node.labels[key] === value) return reject("node(s) didn't satisfy existing pods anti-affinity rules");
      }
      return fits;
    },
    prepareScore(pod, cluster) {
      const own = preferred(pod);
      const counts: Counts = new Map();
      for (const node of cluster.nodes) {
        for (const { pod: other } of node.pods.values()) {
          for (const { weight, podAffinityTerm } of own.affinity)
            if (compiled(podAffinityTerm, pod).matches(other)) bump(counts, node, podAffinityTerm.topologyKey, weight);
          for (const { weight, podAffinityTerm } of own.antiAffinity)
            if (compiled(podAffinityTerm, pod).matches(other)) bump(counts, node, podAffinityTerm.topologyKey, -weight);
          if (!other.spec.affinity) continue;
          for (const term of required(other).affinity)
            if (compiled(term, other).matches(pod)) bump(counts, node, term.topologyKey, hardWeight);
          const theirs = preferred(other);
          for (const { weight, podAffinityTerm } of theirs.affinity)
            if (compiled(podAffinityTerm, other).matches(pod)) bump(counts, node, podAffinityTerm.topologyKey, weight);
          for (const { weight, podAffinityTerm } of theirs.antiAffinity)
            if (compiled(podAffinityTerm, other).matches(pod)) bump(counts, node, podAffinityTerm.topologyKey, -weight);
        }
      }
      return counts.size === 0 ? skip : ready(counts);
    },
    score(_pod, node, prepared) {
      let sum = 0;
      for (const [name, count] of prepared as Counts) {
        const separator = name.indexOf("=");
        if (node.labels[name.slice(0, separator)] === name.slice(separator + 1)) sum += count;
      }
      return sum;
    },
    normalize(scores) {
      const least = Math.min(...scores);
      const most = Math.max(...scores);
      return scores.map((score) => (most === least ? 0 : Math.floor((100 * (score - least)) / (most - least))));
    },
  });
}

/** `matchLabelKeys` and `mismatchLabelKeys` narrow the selector by the pod's own labels. */
function withLabelKeys(selector: Selector, term: PodAffinityTerm, owner: Pod): Pick<Selector, "matches"> {
  const same = (term.matchLabelKeys ?? []).filter((key) => owner.metadata.labels?.[key] !== undefined);
  const different = (term.mismatchLabelKeys ?? []).filter((key) => owner.metadata.labels?.[key] !== undefined);
  if (same.length === 0 && different.length === 0) return selector;
  return {
    matches: (labels) =>
      selector.matches(labels) &&
      same.every((key) => labels?.[key] === owner.metadata.labels?.[key]) &&
      different.every((key) => labels?.[key] !== owner.metadata.labels?.[key]),
  };
}

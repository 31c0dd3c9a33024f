import type { Pod } from "../../api/generated/core-v1.ts";
import { isEqual } from "../../machinery/equality.ts";
import { type AffinityTerm, affinityTerm, allOf } from "../framework/affinity-terms.ts";
import type { ClusterChange } from "../framework/changes.ts";
import type { ClusterState } from "../framework/cluster-state.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import { definePlugin, fits, ready, reject, skip } from "../framework/plugin.ts";
import type { Topology } from "../framework/topology.ts";

/** Matching pods in each domain of a topology. */
interface Domains {
  readonly topology: Topology;
  readonly counts: Int32Array;
}

interface FilterState {
  /** All must have somebody, unless the pod is the first of its group. */
  readonly affinity: readonly Domains[];
  /** The pod would be such company itself, so that it may be the first. */
  readonly company: boolean;
  /** None may have anybody. */
  readonly antiAffinity: readonly Domains[];
  /** Where pods that are there already would not have this one. */
  readonly forbidden: readonly Domains[];
}

interface Preference extends Domains {
  readonly weight: number;
}

export interface InterPodAffinityArgs {
  /** What a required affinity of a placed pod towards the new one adds to a node's score. */
  readonly hardPodAffinityWeight?: number;
  readonly ignorePreferredTermsOfExistingPods?: boolean;
}

function countAt({ topology, counts }: Domains, slot: number): number {
  const domain = topology.domainOf[slot] ?? -1;
  return domain < 0 ? 0 : (counts[domain] ?? 0);
}

const termsOf = (pod: Pod, cluster: ClusterState) => {
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {};
  const { namespaceLabels } = cluster.index;
  const compile = (term: Parameters<typeof affinityTerm>[0]) => affinityTerm(term, pod, namespaceLabels);
  return {
    affinity: (podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(compile),
    antiAffinity: (podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(compile),
  };
};

const noAffinity = reject("node(s) didn't match pod affinity rules", { preemptionHelps: false });
const antiAffinity = reject("node(s) didn't match pod anti-affinity rules");
const unwanted = reject("node(s) didn't satisfy existing pods anti-affinity rules");

function prepareFilter(pod: Pod, cluster: ClusterState) {
  const { index } = cluster;
  if (!pod.spec.affinity && !index.hasTerms) return skip;
  const own = termsOf(pod, cluster);
  const forbidden: Domains[] = [];
  for (const { kind, term, counts } of index.terms) {
    if (kind !== "requiredAntiAffinity" || !term.matches(pod)) continue;
    const topology = index.topology(term.topologyKey);
    forbidden.push({ topology, counts: counts.in(topology) });
  }
  const { affinity, company } = wantedCompany(pod, own.affinity, cluster);
  const avoided = own.antiAffinity.map((term) => {
    const topology = index.topology(term.topologyKey);
    return { topology, counts: index.count(term).in(topology) };
  });
  if (affinity.length + avoided.length + forbidden.length === 0) return skip;
  return ready<FilterState>({ affinity, company, antiAffinity: avoided, forbidden });
}

/** Pods of which all terms are true are the company that a pod wants; the first of a group has nobody to join. */
function wantedCompany(
  pod: Pod,
  terms: readonly AffinityTerm[],
  { index }: ClusterState,
): Pick<FilterState, "affinity" | "company"> {
  if (terms.length === 0) return { affinity: [], company: false };
  const found = index.count(allOf(terms));
  const affinity = terms.map(({ topologyKey }) => {
    const topology = index.topology(topologyKey);
    return { topology, counts: found.in(topology) };
  });
  return { affinity, company: terms.every((term) => term.matches(pod)) };
}

function affinityHolds({ slot }: NodeInfo, { affinity, company }: FilterState): boolean {
  let alone = false;
  for (const domains of affinity) {
    if ((domains.topology.domainOf[slot] ?? -1) < 0) return false;
    if (countAt(domains, slot) === 0) alone = true;
  }
  if (!alone) return true;
  return company && affinity.every(({ counts }) => counts.every((count) => count === 0));
}

/** Whether a pod that came may be the company that a waiting one wants. */
function isWanted(pod: Pod, { pod: other }: ClusterChange): boolean {
  if (!other) return true;
  const terms = pod.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  return terms.some((term) => affinityTerm(term, pod, () => undefined).matches(other) || term.namespaceSelector);
}

/** Whether a pod that went was in the way: by what the waiting one wants, or by what it wanted itself. */
function wasInTheWay(pod: Pod, { pod: other }: ClusterChange): boolean {
  if (!other) return true;
  const away = ({ spec }: Pod) => spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  const matches = (owner: Pod, candidate: Pod) =>
    away(owner).some((term) => affinityTerm(term, owner, () => undefined).matches(candidate) || term.namespaceSelector);
  return matches(pod, other) || matches(other, pod);
}

/** Pods near to, or away from, other pods: by labels of those, within a topology of the nodes. */
export function interPodAffinity(args: InterPodAffinityArgs = {}) {
  const hardWeight = args.hardPodAffinityWeight ?? 1;
  return definePlugin<FilterState, readonly Preference[]>({
    name: "InterPodAffinity",
    retryOn: [
      { on: "AssignedPod/add", helps: isWanted },
      { on: "AssignedPod/labels", helps: (pod, change) => isWanted(pod, change) || wasInTheWay(pod, change) },
      { on: "AssignedPod/delete", helps: wasInTheWay },
      "Node/add",
      {
        on: "Node/labels",
        helps: (_pod, { node, previousNode }) => !isEqual(node?.metadata.labels, previousNode?.metadata.labels),
      },
      "Namespace/labels",
      "Pod/update",
    ],
    prepareFilter,
    stateHolds: true,
    filter(_pod, node, state) {
      if (!affinityHolds(node, state)) return noAffinity;
      for (const domains of state.antiAffinity) if (countAt(domains, node.slot) > 0) return antiAffinity;
      for (const domains of state.forbidden) if (countAt(domains, node.slot) > 0) return unwanted;
      return fits;
    },
    prepareScore(pod, { index }) {
      const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {};
      const wishes: Preference[] = [];
      const wish = (weight: number, term: AffinityTerm, counts = index.count(term)) => {
        if (weight === 0 || counts.total === 0) return;
        const topology = index.topology(term.topologyKey);
        wishes.push({ weight, topology, counts: counts.in(topology) });
      };
      for (const { weight, podAffinityTerm } of podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
        wish(weight, affinityTerm(podAffinityTerm, pod, index.namespaceLabels));
      for (const { weight, podAffinityTerm } of podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
        wish(-weight, affinityTerm(podAffinityTerm, pod, index.namespaceLabels));
      const ownWishes = wishes.length > 0 || podAffinity?.preferredDuringSchedulingIgnoredDuringExecution?.length;
      if (ownWishes || !args.ignorePreferredTermsOfExistingPods) {
        for (const { kind, weight, term, counts } of index.terms) {
          if (kind === "requiredAntiAffinity" || !term.matches(pod)) continue;
          wish(kind === "preferred" ? weight : hardWeight, term, counts);
        }
      }
      return wishes.length === 0 ? skip : ready(wishes);
    },
    score(_pod, { slot }, wishes) {
      let sum = 0;
      for (const preference of wishes) sum += preference.weight * countAt(preference, slot);
      return sum;
    },
    normalize(scores) {
      let least = Number.POSITIVE_INFINITY;
      let most = Number.NEGATIVE_INFINITY;
      for (const score of scores) {
        if (score < least) least = score;
        if (score > most) most = score;
      }
      const range = most - least;
      for (let index = 0; index < scores.length; index++)
        scores[index] = range === 0 ? 0 : Math.floor((100 * (scores[index]! - least)) / range);
    },
  });
}

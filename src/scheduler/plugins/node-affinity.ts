import { nodeSelectorMatches, podSpecSelects, selectable, termMatches } from "../../api/core/node-selection.ts";
import type { Node, NodeAffinity, Pod } from "../../api/generated/core-v1.ts";
import type { ClusterState } from "../framework/cluster-state.ts";
import { definePlugin, fits, moreIsBetter, ready, reject, skip } from "../framework/plugin.ts";

const requiredOf = ({ spec }: Pod) => spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;

/** Whether a pod says anything about the nodes it can go to. */
export function selectsNodes(pod: Pod): boolean {
  if (requiredOf(pod)) return true;
  for (const _ in pod.spec.nodeSelector) return true;
  return false;
}

/** Nodes that a pod names one by one, when every term of its affinity does so (as DaemonSet pods do). */
function namedNodes(pod: Pod): ReadonlySet<string> | undefined {
  const terms = requiredOf(pod)?.nodeSelectorTerms;
  if (!terms || terms.length === 0) return undefined;
  const names = new Set<string>();
  for (const term of terms) {
    const fields = (term.matchFields ?? []).filter(({ key, operator }) => key === "metadata.name" && operator === "In");
    if (fields.length === 0) return undefined;
    const [first, ...others] = fields.map(({ values }) => new Set(values));
    for (const name of first!) if (others.every((set) => set.has(name))) names.add(name);
  }
  return names;
}

const noMatch = reject("node(s) didn't match Pod's node affinity/selector", { preemptionHelps: false });
const noMatchEnforced = reject("node(s) didn't match scheduler-enforced node affinity", { preemptionHelps: false });

/**
 * Nodes by their labels: `nodeSelector`, and affinity that is required or preferred. `addedAffinity` of a profile holds for
 * all its pods beside their own.
 */
export function nodeAffinity(args: { readonly addedAffinity?: NodeAffinity } = {}) {
  const added = args.addedAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const addedPreferred = args.addedAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const suits = (pod: Pod, node: Node | undefined) =>
    node === undefined ||
    (podSpecSelects(pod.spec, selectable(node)) && (!added || nodeSelectorMatches(added, selectable(node))));
  return definePlugin({
    name: "NodeAffinity",
    retryOn: [
      { on: "Node/add", helps: (pod, { node }) => suits(pod, node) },
      { on: "Node/labels", helps: (pod, { node }) => suits(pod, node) },
      "Pod/update",
    ],
    stateHolds: true,
    prepareFilter(pod: Pod, _cluster: ClusterState) {
      if (!added && !selectsNodes(pod)) return skip;
      const names = namedNodes(pod);
      if (names?.size === 0)
        return { kind: "rejected", rejection: reject("pod affinity terms conflict", { preemptionHelps: false }) };
      return ready(undefined, names);
    },
    staticKey: (pod) => JSON.stringify([pod.spec.nodeSelector, requiredOf(pod)]),
    filter(pod, node) {
      if (added && !nodeSelectorMatches(added, node)) return noMatchEnforced;
      return podSpecSelects(pod.spec, node) ? fits : noMatch;
    },
    prepareScore: ({ spec }) =>
      addedPreferred.length > 0 || spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution?.length
        ? ready(undefined)
        : skip,
    score({ spec }, node) {
      let sum = 0;
      const own = spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
      for (const { weight, preference } of own) if (termMatches(preference, node)) sum += weight;
      for (const { weight, preference } of addedPreferred) if (termMatches(preference, node)) sum += weight;
      return sum;
    },
    normalize: moreIsBetter,
  });
}

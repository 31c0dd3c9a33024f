import { podSpecSelects } from "../../api/core/node-selection.ts";
import type { Pod, TopologySpreadConstraint } from "../../api/generated/core-v1.ts";
import { type Labels, selectorOfObject } from "../../machinery/labels.ts";
import { type PodQuestion, selectorText } from "../framework/affinity-terms.ts";
import type { ClusterState } from "../framework/cluster-state.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import type { PodCounts, Topology } from "../framework/topology.ts";
import { selectsNodes } from "./node-affinity.ts";
import { untolerated } from "./node-rules.ts";
import { livingPods } from "./pod-likeness.ts";

/** A constraint as its pod means it. */
export interface Constraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly honorsAffinity: boolean;
  readonly honorsTaints: boolean;
  readonly question: PodQuestion;
  /** Whether the pod counts itself. */
  readonly self: boolean;
}

export function compileConstraint(constraint: TopologySpreadConstraint, pod: Pod): Constraint {
  const { namespace, labels: own } = pod.metadata;
  const selector = selectorOfObject(constraint.labelSelector);
  const keys = (constraint.matchLabelKeys ?? []).filter((key) => own?.[key] !== undefined);
  const matches = (labels: Labels | undefined) =>
    selector.matches(labels) && keys.every((key) => labels?.[key] === own?.[key]);
  const text =
    keys.length > 0
      ? `${selectorText(selector)}+${JSON.stringify(keys.map((key) => [key, own?.[key]]))}`
      : selectorText(selector);
  return {
    topologyKey: constraint.topologyKey,
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains ?? 1,
    honorsAffinity: constraint.nodeAffinityPolicy !== "Ignore",
    honorsTaints: constraint.nodeTaintsPolicy === "Honor",
    question: livingPods(namespace, text, matches),
    self: matches(own),
  };
}

/** A constraint with what is known of the cluster: matching pods by node, and the domains of nodes. */
export interface Counted {
  readonly constraint: Constraint;
  readonly topology: Topology;
  readonly pods: PodCounts;
}

export function counted(constraint: Constraint, { index }: ClusterState): Counted {
  return {
    constraint,
    topology: index.topology(constraint.topologyKey),
    pods: index.count(constraint.question),
  };
}

/** Whether a node counts for a constraint: by default only nodes that the pod's own affinity allows. */
function counts(pod: Pod, node: NodeInfo, { honorsAffinity, honorsTaints }: Constraint): boolean {
  if (honorsAffinity && !podSpecSelects(pod.spec, node)) return false;
  return !honorsTaints || untolerated(node.node.spec.taints, pod) === undefined;
}

/**
 * Matching pods per domain over the nodes that count; -1 for domains without such a node. With `everyLabel` nodes that lack
 * the label of any constraint do not count.
 */
export function domainCounts(
  pod: Pod,
  cluster: ClusterState,
  all: readonly Counted[],
  everyLabel: boolean,
): readonly Int32Array[] {
  const sums = all.map(({ topology }) => new Int32Array(topology.size).fill(-1));
  const asks = all.map(({ constraint }) => (constraint.honorsAffinity && selectsNodes(pod)) || constraint.honorsTaints);
  const several = everyLabel && all.length > 1;
  for (const node of cluster.nodes) {
    const { slot } = node;
    if (several && all.some(({ topology }) => topology.domainOf[slot]! < 0)) continue;
    for (let index = 0; index < all.length; index++) {
      const { topology, pods, constraint } = all[index]!;
      const domain = topology.domainOf[slot]!;
      if (domain < 0 || (asks[index] && !counts(pod, node, constraint))) continue;
      const sum = sums[index]!;
      sum[domain] = Math.max(0, sum[domain]!) + pods.at(slot);
    }
  }
  return sums;
}

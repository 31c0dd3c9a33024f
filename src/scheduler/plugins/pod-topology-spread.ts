import type { Pod, TopologySpreadConstraint } from "../../api/generated/core-v1.ts";
import { isEqual } from "../../machinery/equality.ts";
import type { ClusterChange } from "../framework/changes.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import { definePlugin, fits, ready, reject, skip } from "../framework/plugin.ts";
import type { PodLikeness } from "./pod-likeness.ts";
import { type Constraint, type Counted, compileConstraint, counted, domainCounts } from "./spread-constraints.ts";

const hostname = "kubernetes.io/hostname";

export interface PodTopologySpreadArgs {
  /** `System`: over hosts and zones, as preference. `List`: the constraints given, or none. */
  readonly defaultingType?: "System" | "List";
  readonly defaultConstraints?: readonly TopologySpreadConstraint[];
}

/** Upstream's spreading of pods that do not ask for any. */
const systemDefaults: readonly TopologySpreadConstraint[] = [
  { topologyKey: hostname, maxSkew: 3, whenUnsatisfiable: "ScheduleAnyway" },
  { topologyKey: "topology.kubernetes.io/zone", maxSkew: 5, whenUnsatisfiable: "ScheduleAnyway" },
];

interface Hard extends Counted {
  /** Pods per domain; -1 where no node counts. */
  readonly domains: Int32Array;
  /** The fewest pods that a domain has. */
  readonly least: number;
}

interface Soft extends Counted {
  /** Pods per domain; undefined for hosts, whose pods are counted one by one. */
  readonly domains: Int32Array | undefined;
  readonly weight: number;
}

interface ScoreState {
  readonly constraints: readonly Soft[];
  /** Nodes that lack a label which the pod asks for: they get nothing. */
  readonly ignored: ReadonlySet<NodeInfo>;
}

const unlabelled = reject("node(s) didn't match pod topology spread constraints (missing required label)", {
  preemptionHelps: false,
});
const skewed = reject("node(s) didn't match pod topology spread constraints");

/** Whether the change of a pod touches what a waiting pod's constraints count. */
function concerns(pod: Pod, { pod: other, previousPod }: ClusterChange): boolean {
  if (!other || other.metadata.namespace !== pod.metadata.namespace) return other === undefined;
  return (pod.spec.topologySpreadConstraints ?? []).some((each) => {
    if (each.whenUnsatisfiable !== "DoNotSchedule") return false;
    const { question } = compileConstraint(each, pod);
    return question.matches(other) || (previousPod !== undefined && question.matches(previousPod));
  });
}

/** Even numbers of like pods over hosts, zones or any other label of nodes. */
export function podTopologySpread(likeness: PodLikeness, args: PodTopologySpreadArgs = {}) {
  const bySystem = args.defaultingType !== "List";
  const defaults = bySystem ? systemDefaults : (args.defaultConstraints ?? []);

  const constraintsOf = (pod: Pod, action: TopologySpreadConstraint["whenUnsatisfiable"]): readonly Constraint[] => {
    const own = pod.spec.topologySpreadConstraints ?? [];
    if (own.length > 0)
      return own.filter((each) => each.whenUnsatisfiable === action).map((each) => compileConstraint(each, pod));
    const wanted = defaults.filter((each) => each.whenUnsatisfiable === action);
    if (wanted.length === 0) return [];
    const question = likeness(pod);
    if (!question) return [];
    return wanted.map((each) => ({ ...compileConstraint(each, pod), question, self: question.matches(pod) }));
  };

  return definePlugin<readonly Hard[], ScoreState>({
    name: "PodTopologySpread",
    retryOn: [
      { on: "AssignedPod/add", helps: concerns },
      { on: "AssignedPod/labels", helps: concerns },
      { on: "AssignedPod/delete", helps: concerns },
      "Node/add",
      {
        on: "Node/labels",
        helps: (_pod, { node, previousNode }) => !isEqual(node?.metadata.labels, previousNode?.metadata.labels),
      },
      "Node/taints",
      "Pod/update",
    ],
    prepareFilter(pod, cluster) {
      const hard = constraintsOf(pod, "DoNotSchedule").map((each) => counted(each, cluster));
      if (hard.length === 0) return skip;
      const sums = domainCounts(pod, cluster, hard, true);
      return ready(hard.map((each, index) => ({ ...each, domains: sums[index]!, least: fewest(each, sums[index]!) })));
    },
    filter(_pod, { slot }, constraints) {
      for (const { constraint, topology, domains, least } of constraints) {
        const domain = topology.domainOf[slot] ?? -1;
        if (domain < 0) return unlabelled;
        const there = Math.max(0, domains[domain] ?? 0);
        if (there + (constraint.self ? 1 : 0) - least > constraint.maxSkew) return skewed;
      }
      return fits;
    },
    prepareScore(pod, cluster, nodes) {
      const soft = constraintsOf(pod, "ScheduleAnyway").map((each) => counted(each, cluster));
      if (soft.length === 0) return skip;
      // What the system wishes holds as far as a node has labels; what the pod asks for needs them all.
      const everyLabel = !bySystem || (pod.spec.topologySpreadConstraints?.length ?? 0) > 0;
      const ignored = new Set<NodeInfo>();
      if (everyLabel)
        for (const node of nodes) if (soft.some(({ topology }) => topology.domainOf[node.slot]! < 0)) ignored.add(node);
      const zonal = soft.filter(({ constraint }) => constraint.topologyKey !== hostname);
      const sums = zonal.length > 0 ? domainCounts(pod, cluster, zonal, everyLabel) : [];
      const constraints = soft.map((each) => {
        const place = zonal.indexOf(each);
        const size = place < 0 ? nodes.length - ignored.size : domainsAmong(each, nodes, ignored);
        // Fewer domains weigh less, so that zones and hosts count alike.
        return { ...each, domains: place < 0 ? undefined : sums[place], weight: Math.log(size + 2) };
      });
      return ready({ constraints, ignored });
    },
    score(_pod, node, { constraints, ignored }) {
      if (ignored.has(node)) return -1;
      const { slot } = node;
      let sum = 0;
      for (const { constraint, topology, pods, domains, weight } of constraints) {
        const domain = topology.domainOf[slot] ?? -1;
        if (domain < 0) continue;
        const there = domains ? Math.max(0, domains[domain] ?? 0) : pods.at(slot);
        sum += there * weight + (constraint.maxSkew - 1);
      }
      return Math.round(sum);
    },
    normalize(scores) {
      let least = Number.POSITIVE_INFINITY;
      let most = 0;
      for (const score of scores) {
        if (score < 0) continue;
        if (score < least) least = score;
        if (score > most) most = score;
      }
      for (let index = 0; index < scores.length; index++) {
        const score = scores[index]!;
        scores[index] = score < 0 ? 0 : most === 0 ? 100 : Math.floor((100 * (most + least - score)) / most);
      }
    },
  });
}

/** The fewest pods in a domain; none at all while there are not as many domains as wanted. */
function fewest({ constraint }: Counted, domains: Int32Array): number {
  let least = Number.MAX_SAFE_INTEGER;
  let known = 0;
  for (const count of domains) {
    if (count < 0) continue;
    known += 1;
    if (count < least) least = count;
  }
  return known < constraint.minDomains ? 0 : known === 0 ? 0 : least;
}

function domainsAmong({ topology }: Counted, nodes: readonly NodeInfo[], ignored: ReadonlySet<NodeInfo>): number {
  const seen = new Set<number>();
  for (const node of nodes) if (!ignored.has(node)) seen.add(topology.domainOf[node.slot] ?? -1);
  return seen.size;
}

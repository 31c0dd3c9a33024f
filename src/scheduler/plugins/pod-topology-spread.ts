import { ReplicaSet } from "../../api/apps/replica-set.ts";
import { StatefulSet } from "../../api/apps/stateful-set.ts";
import { ReplicationController } from "../../api/core/replication-controller.ts";
import { Service } from "../../api/core/service.ts";
import type { Pod, TopologySpreadConstraint } from "../../api/generated/core-v1.ts";
import type { Informers } from "../../client/client.ts";
import { type Labels, selectorOfLabels, selectorOfObject } from "../../machinery/labels.ts";
import type { ClusterState, NodeInfo } from "../framework/cluster-state.ts";
import { definePlugin, fits, ready, reject, skip } from "../framework/plugin.ts";
import { podSelectsNode } from "./node-affinity.ts";
import { tolerates } from "./node-rules.ts";

interface Constraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly honorsAffinity: boolean;
  readonly honorsTaints: boolean;
  matches(labels: Labels | undefined): boolean;
}

interface Spread {
  readonly constraints: readonly Constraint[];
  /** For each constraint: matching pods per value of its label. */
  readonly counts: readonly ReadonlyMap<string, number>[];
}

function compile(constraint: TopologySpreadConstraint, pod: Pod): Constraint {
  const selector = selectorOfObject(constraint.labelSelector);
  const keys = (constraint.matchLabelKeys ?? []).filter((key) => pod.metadata.labels?.[key] !== undefined);
  return {
    topologyKey: constraint.topologyKey,
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains ?? 1,
    honorsAffinity: constraint.nodeAffinityPolicy !== "Ignore",
    honorsTaints: constraint.nodeTaintsPolicy === "Honor",
    matches: (labels) => selector.matches(labels) && keys.every((key) => labels?.[key] === pod.metadata.labels?.[key]),
  };
}

function counts(pod: Pod, node: NodeInfo, { honorsAffinity, honorsTaints }: Constraint): boolean {
  if (honorsAffinity && !podSelectsNode(pod, node)) return false;
  if (!honorsTaints) return true;
  const hard = (node.node.spec.taints ?? []).filter(({ effect }) => effect !== "PreferNoSchedule");
  return hard.every((taint) => (pod.spec.tolerations ?? []).some((toleration) => tolerates(toleration, taint)));
}

/** Matching pods per domain, over the nodes that count and have every constraint's label. */
function spreadOf(pod: Pod, nodes: readonly NodeInfo[], constraints: readonly Constraint[]): Spread {
  const all = constraints.map(() => new Map<string, number>());
  for (const node of nodes) {
    if (constraints.some(({ topologyKey }) => node.labels[topologyKey] === undefined)) continue;
    constraints.forEach((constraint, index) => {
      if (!counts(pod, node, constraint)) return;
      const value = node.labels[constraint.topologyKey]!;
      let matching = 0;
      for (const { pod: other } of node.pods.values()) {
        if (
          other.metadata.namespace === pod.metadata.namespace &&
          !other.metadata.deletionTimestamp &&
          constraint.matches(other.metadata.labels)
        )
          matching += 1;
      }
      all[index]!.set(value, (all[index]!.get(value) ?? 0) + matching);
    });
  }
  return { constraints, counts: all };
}

/** Upstream's spreading of pods that do not ask for any: over hosts and zones, as preference. */
const systemDefaults = [
  { topologyKey: "kubernetes.io/hostname", maxSkew: 3 },
  { topologyKey: "topology.kubernetes.io/zone", maxSkew: 5 },
];

/** Even numbers of like pods over hosts, zones or any other label of nodes. */
export function podTopologySpread(informers: Informers) {
  const owners = {
    services: informers.of(Service),
    replicationControllers: informers.of(ReplicationController),
    replicaSets: informers.of(ReplicaSet),
    statefulSets: informers.of(StatefulSet),
  };

  /** What pods like this one have in common: the selectors of their Services and of what controls them. */
  const likeness = (pod: Pod): ((labels: Labels | undefined) => boolean) | undefined => {
    const { namespace, labels, ownerReferences } = pod.metadata;
    const selectors: { matches(labels: Labels | undefined): boolean }[] = [];
    for (const { spec } of owners.services.list(namespace)) {
      if (!spec.selector || Object.keys(spec.selector).length === 0) continue;
      const selector = selectorOfLabels(spec.selector);
      if (selector.matches(labels)) selectors.push(selector);
    }
    const owner = ownerReferences?.find((reference) => reference.controller);
    if (owner) {
      const key = { namespace, name: owner.name };
      if (owner.kind === "ReplicationController") {
        const found = owners.replicationControllers.get(key);
        if (found) selectors.push(selectorOfLabels(found.spec.selector));
      } else if (owner.kind === "ReplicaSet" || owner.kind === "StatefulSet") {
        const found = owner.kind === "ReplicaSet" ? owners.replicaSets.get(key) : owners.statefulSets.get(key);
        if (found) selectors.push(selectorOfObject(found.spec.selector));
      }
    }
    return selectors.length === 0 ? undefined : (other) => selectors.every((selector) => selector.matches(other));
  };

  const softConstraints = (pod: Pod): { readonly constraints: readonly Constraint[]; readonly byDefault: boolean } => {
    const own = pod.spec.topologySpreadConstraints ?? [];
    if (own.length > 0) {
      return {
        constraints: own
          .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === "ScheduleAnyway")
          .map((each) => compile(each, pod)),
        byDefault: false,
      };
    }
    const matches = likeness(pod);
    if (!matches) return { constraints: [], byDefault: true };
    return {
      constraints: systemDefaults.map((each) => ({
        ...each,
        minDomains: 1,
        honorsAffinity: true,
        honorsTaints: false,
        matches,
      })),
      byDefault: true,
    };
  };

  return definePlugin<Spread>({
    name: "PodTopologySpread",
    retryOn: ["AssignedPod/add", "AssignedPod/labels", "AssignedPod/delete", "Node/add", "Node/labels", "Pod/update"],
    prepareFilter(pod, cluster: ClusterState) {
      const hard = (pod.spec.topologySpreadConstraints ?? []).filter(
        ({ whenUnsatisfiable }) => whenUnsatisfiable === "DoNotSchedule",
      );
      if (hard.length === 0) return skip;
      return ready(
        spreadOf(
          pod,
          cluster.nodes,
          hard.map((each) => compile(each, pod)),
        ),
      );
    },
    filter(pod, node, { constraints, counts: domains }) {
      for (const [index, constraint] of constraints.entries()) {
        const value = node.labels[constraint.topologyKey];
        if (value === undefined) {
          return reject("node(s) didn't match pod topology spread constraints (missing required label)", {
            preemptionHelps: false,
          });
        }
        const known = domains[index]!;
        const least = known.size < constraint.minDomains ? 0 : Math.min(...known.values(), Number.MAX_SAFE_INTEGER);
        const self = constraint.matches(pod.metadata.labels) ? 1 : 0;
        if ((known.get(value) ?? 0) + self - least > constraint.maxSkew) {
          return reject("node(s) didn't match pod topology spread constraints", {
            detail: { topologyKey: constraint.topologyKey, value },
          });
        }
      }
      return fits;
    },
    prepareScore(pod, cluster, nodes) {
      const { constraints, byDefault } = softConstraints(pod);
      if (constraints.length === 0) return skip;
      // By default a node without zone labels still spreads over hosts.
      const usable = byDefault
        ? constraints.filter(({ topologyKey }) => nodes.some((node) => node.labels[topologyKey] !== undefined))
        : constraints;
      return usable.length === 0 ? skip : ready(spreadOf(pod, cluster.nodes, usable));
    },
    score(_pod, node, { constraints, counts: domains }) {
      let sum = 0;
      for (const [index, { topologyKey, maxSkew }] of constraints.entries()) {
        const value = node.labels[topologyKey];
        if (value === undefined) return -1;
        // Fewer domains weigh less, so that zones and hosts count alike.
        sum += (domains[index]!.get(value) ?? 0) * Math.log(domains[index]!.size + 2) + (maxSkew - 1);
      }
      return Math.round(sum);
    },
    normalize(scores) {
      const counted = scores.filter((score) => score >= 0);
      const least = Math.min(...counted);
      const most = Math.max(...counted);
      return scores.map((score) =>
        score < 0 ? 0 : most === 0 ? 100 : Math.floor((100 * (most + least - score)) / most),
      );
    },
  });
}

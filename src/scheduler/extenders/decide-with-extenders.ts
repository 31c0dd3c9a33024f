import type { Pod } from "../../api/generated/core-v1.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { ClusterState } from "../framework/cluster-state.ts";
import {
  type DecideOptions,
  type Decision,
  type Found,
  findNodes,
  noPlace,
  placement,
  prepareMeasured,
} from "../framework/decide.ts";
import { type Refusal, reject } from "../framework/plugin.ts";
import type { Profile } from "../framework/profile.ts";
import type { Search } from "../framework/search.ts";
import type { Extender } from "./extender.ts";

/** As `decide`, with extenders that have a say about the nodes that the plugins leave. */
export async function decideWithExtenders(
  pod: Pod,
  profile: Profile,
  cluster: ClusterState,
  extenders: readonly Extender[],
  options: DecideOptions & { readonly warn: (text: string) => void },
): Promise<{ readonly decision: Decision; readonly search: Search; readonly looked: number }> {
  const search = prepareMeasured(pod, profile, cluster, options);
  if (search.refused || cluster.nodes.length === 0)
    return { decision: noPlace(pod, profile, cluster, search, undefined, options), search, looked: 0 };
  const found = await afterExtenders(pod, findNodes(pod, profile, cluster, search, options), extenders, options.warn);
  const { looked, feasible } = found;
  if (feasible.length === 0)
    return { decision: noPlace(pod, profile, cluster, search, found, options), search, looked };
  const points = new Map<string, number>();
  for (const extender of feasible.length > 1 ? extenders : []) {
    try {
      for (const [node, score] of await extender.prioritize(pod, feasible))
        points.set(node, (points.get(node) ?? 0) + score);
    } catch (error) {
      // Points are advice: without them the pod is placed all the same.
      options.warn(`extender ${extender.name} gave no points: ${errorMessage(error)}`);
    }
  }
  const extra = points.size > 0 ? (node: string) => points.get(node) ?? 0 : undefined;
  return { decision: placement(pod, profile, cluster, found, feasible, options, extra), search, looked };
}

async function afterExtenders(
  pod: Pod,
  found: Found,
  extenders: readonly Extender[],
  warn: (text: string) => void,
): Promise<Found> {
  let { feasible } = found;
  const refusals: Refusal[] = [...found.refusals];
  for (const extender of extenders) {
    if (feasible.length === 0) break;
    try {
      const { nodes, failed } = await extender.filter(pod, feasible);
      for (const { node, reason, preemptionHelps } of failed)
        refusals.push({ plugin: extender.name, rejection: reject(reason, { preemptionHelps }), nodes: [node] });
      feasible = nodes;
    } catch (error) {
      if (!extender.configuration.ignorable) throw error;
      warn(`extender ${extender.name} is left out: ${errorMessage(error)}`);
    }
  }
  return { ...found, feasible, refusals };
}

import type { Pod } from "../../api/generated/core-v1.ts";
import type { ClusterState } from "./cluster-state.ts";
import type { NodeInfo } from "./node-info.ts";
import type { Nominations } from "./nominations.ts";
import type { NodeRefusal } from "./plugin.ts";
import { podInfo } from "./pod-info.ts";
import type { Profile } from "./profile.ts";
import { type ReadyFilter, refresher, type Search } from "./search.ts";

/** Who objects to a node first, if anybody does. */
export type NodeCheck = (node: NodeInfo) => NodeRefusal | undefined;

/** The first plugin's objection to a node. */
function objection(pod: Pod, node: NodeInfo, filters: readonly ReadyFilter[]): NodeRefusal | undefined {
  for (const { plugin, state, calls } of filters) {
    calls.count += 1;
    const rejection = plugin.filter!(pod, node, state);
    if (rejection) return { plugin: plugin.name, rejection };
  }
  return undefined;
}

/** A pod's filters by what their answers depend on. */
interface Sort {
  /** Pods with the same key get the same answers, as far as `fixed` and `local` are asked. */
  readonly key: string;
  /** Filters that look at the node object alone. */
  readonly fixed: readonly ReadyFilter[];
  readonly others: readonly ReadyFilter[];
  /** Plugins that are asked before any that looks further than the node and its pods. */
  readonly local: ReadonlySet<string>;
  /** The key, where no filter looks further. */
  readonly likeness: string | undefined;
}

/** Which pods a pod is like, for its filters. */
export function sortOf(pod: Pod, { schedulerName }: Profile, { filters, allowed }: Search): Sort {
  const fixed: ReadyFilter[] = [];
  const others: ReadyFilter[] = [];
  const local = new Set<string>();
  let key = `${schedulerName} ${podInfo(pod).priority}`;
  for (const filter of filters) {
    const { name, staticKey, nodeKey } = filter.plugin;
    const still = staticKey?.(pod);
    (still === undefined ? others : fixed).push(filter);
    const part = still ?? nodeKey?.(pod);
    if (part === undefined) continue;
    key += `;${name} ${part}`;
    if (local.size === fixed.length + others.length - 1) local.add(name);
  }
  return { key, fixed, others, local, likeness: local.size === filters.length && !allowed ? key : undefined };
}

/** Checks nodes as they are, and as they will be with the pods that wait for them and go before; equal pods ask once. */
export function nodeCheck(
  pod: Pod,
  profile: Profile,
  cluster: ClusterState,
  search: Search,
  nominations: Nominations | undefined,
): NodeCheck {
  const { key, fixed, others, local, likeness } = sortOf(pod, profile, search);
  const { passed, refused, crowded } = cluster.memoryOf(key);
  const asIs: NodeCheck = (node) => {
    const known = refused.get(node);
    if (known) return known;
    let found: NodeRefusal | undefined;
    if (passed[node.slot] === 1) found = objection(pod, node, others);
    else if (objection(pod, node, fixed)) found = objection(pod, node, search.filters);
    else {
      passed[node.slot] = 1;
      found = objection(pod, node, others);
    }
    if (found && local.has(found.plugin)) refused.set(node, found);
    return found;
  };
  if (!nominations || nominations.size === 0) return asIs;
  const withNominated = besideNominated(pod, profile, cluster, search, nominations);
  const uid = pod.metadata.uid;
  return (node) => {
    const alone = asIs(node);
    if (alone) return alone;
    const stamp = likeness === undefined ? undefined : nominations.stampFor(uid, node.name);
    if (stamp === undefined) return withNominated(node);
    if (stamp === 0) return undefined;
    const known = crowded.get(node, stamp);
    if (known) return known === "fits" ? undefined : known;
    const found = withNominated(node);
    crowded.set(node, found ?? "fits", stamp);
    return found;
  };
}

/** As `nodeCheck` while something is supposed: nothing is remembered. */
export function supposedCheck(
  pod: Pod,
  profile: Profile,
  cluster: ClusterState,
  search: Search,
  nominations: Nominations | undefined,
): NodeCheck {
  const asIs: NodeCheck = (node) => objection(pod, node, search.filters);
  if (!nominations || nominations.size === 0) return asIs;
  const withNominated = besideNominated(pod, profile, cluster, search, nominations);
  return (node) => asIs(node) ?? withNominated(node);
}

/** Checks nodes as if the pods that wait for them and go before were there. */
function besideNominated(
  pod: Pod,
  profile: Profile,
  cluster: ClusterState,
  search: Search,
  nominations: Nominations,
): NodeCheck {
  const info = podInfo(pod);
  const refresh = refresher(pod, profile, cluster, search);
  return (node) => {
    const there = nominations.before(info, node.name);
    if (there.length === 0) return undefined;
    return cluster.supposing(node, { there }, (): NodeRefusal | undefined => {
      const { refused: outright, filters } = refresh();
      return outright ? { plugin: outright.plugin, rejection: outright } : objection(pod, node, filters);
    });
  };
}

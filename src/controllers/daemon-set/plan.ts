import type { DaemonSet } from "../../api/apps/daemon-set.ts";
import type { Node } from "../../api/core/node.ts";
import type { Pod } from "../../api/core/pod.ts";
import { isPodAvailable, isPodReady } from "../../api/core/pod-state.ts";
import { resolveIntOrPercent } from "../framework/int-or-percent.ts";
import { placementOn, revisionLabel, targetNode } from "./placement.ts";

export interface PlanInput {
  readonly set: DaemonSet;
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  /** The hash of the set's template. */
  readonly hash: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What is to be done about the pods of a daemon set. */
export interface Plan {
  /** Nodes that shall get a pod. */
  readonly create: readonly string[];
  readonly remove: readonly Pod[];
  /** Pods that ended; they are removed too, when their pause is over. */
  readonly ended: readonly { readonly pod: Pod; readonly node: string }[];
}

export function podsByNode(pods: readonly Pod[]): ReadonlyMap<string, readonly Pod[]> {
  return Map.groupBy(pods, (pod) => targetNode(pod) ?? "");
}

/** How many more pods than nodes, and how many fewer available ones, there may be during an update. */
export function boundsOf(
  { spec }: DaemonSet,
  wanted: number,
): { readonly surge: number; readonly unavailable: number } {
  const { maxSurge = 0, maxUnavailable = 1 } = spec.updateStrategy?.rollingUpdate ?? {};
  const surge = resolveIntOrPercent(maxSurge, wanted, "up");
  const unavailable = resolveIntOrPercent(maxUnavailable, wanted, "up");
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

const isRolling = ({ spec }: DaemonSet) => (spec.updateStrategy?.type ?? "RollingUpdate") === "RollingUpdate";
const surges = (set: DaemonSet, wanted: number) => isRolling(set) && boundsOf(set, wanted).surge > 0;

/** Older first, those on a node before those that are not bound yet. */
export function byAge(a: Pod, b: Pod): number {
  return (
    Number(Boolean(b.spec.nodeName)) - Number(Boolean(a.spec.nodeName)) ||
    a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp) ||
    (a.metadata.name < b.metadata.name ? -1 : 1)
  );
}

/** One pod on each node that takes one, and none elsewhere. Updates are planned by `update`. */
export function place(input: PlanInput): Plan {
  const { set, nodes } = input;
  const byNode = podsByNode(input.pods);
  const known = new Set(nodes.map(({ metadata }) => metadata.name));
  const wanted = nodes.filter((node) => placementOn(set, node).begins).length;
  const create: string[] = [];
  const remove: Pod[] = [];
  const ended: { pod: Pod; node: string }[] = [];
  for (const node of nodes) {
    const { name } = node.metadata;
    const { begins, stays } = placementOn(set, node);
    const all = byNode.get(name) ?? [];
    const present = all.filter(({ metadata }) => !metadata.deletionTimestamp);
    if (!stays) {
      remove.push(...present);
      continue;
    }
    if (all.length === 0) {
      if (begins) create.push(name);
      continue;
    }
    const over = present.filter(({ status }) => status?.phase === "Failed" || status?.phase === "Succeeded");
    ended.push(...over.map((pod) => ({ pod, node: name })));
    const running = present.filter((pod) => !over.includes(pod)).sort(byAge);
    if (!surges(set, wanted)) remove.push(...running.slice(1));
    else if (running.length > 1) remove.push(...surplusOfSurge(running, input));
    else if (all.length > present.length && running.length === 0 && over.length === 0 && begins) create.push(name);
  }
  // Meant for a node that is gone, and bound nowhere: nobody else will remove it.
  for (const [name, pods] of byNode) if (!known.has(name)) remove.push(...pods.filter(({ spec }) => !spec.nodeName));
  return { create, remove, ended };
}

/** Of a pod and its successor the old one goes when it is of no use any more; of equals only the oldest stays. */
function surplusOfSurge(running: readonly Pod[], { set, hash, now }: PlanInput): readonly Pod[] {
  const [fresh, old] = [running.filter((pod) => isOf(pod, hash)), running.filter((pod) => !isOf(pod, hash))];
  const surplus = [...fresh.slice(1), ...old.slice(1)];
  const [newest, oldest] = [fresh[0], old[0]];
  if (!newest || !oldest) return surplus;
  const replaced = !isPodReady(oldest) || isPodAvailable(newest, set.spec.minReadySeconds ?? 0, now);
  return replaced ? [...surplus, oldest] : surplus;
}

export const isOf = ({ metadata }: Pod, hash: string) => metadata.labels?.[revisionLabel] === hash;

/** The pods of an older template that may be replaced now, and the nodes that get their successor before. */
export function update(input: PlanInput): Plan {
  const { set, hash, now } = input;
  if (!isRolling(set)) return { create: [], remove: [], ended: [] };
  const takers = new Set(
    input.nodes.filter((node) => placementOn(set, node).begins).map(({ metadata }) => metadata.name),
  );
  const { surge, unavailable } = boundsOf(set, takers.size);
  const isUp = (pod: Pod) => isPodAvailable(pod, set.spec.minReadySeconds ?? 0, now);
  const nodes = [...podsByNode(input.pods)]
    .filter(([name]) => name !== "")
    .map(([name, pods]) => {
      const present = pods.filter(({ metadata }) => !metadata.deletionTimestamp);
      const [fresh, old] = [present.filter((pod) => isOf(pod, hash)), present.filter((pod) => !isOf(pod, hash))];
      return { name, fresh: fresh[0], old: old[0], clear: fresh.length <= 1 && old.length <= 1 };
    });
  const free: typeof nodes = [];
  const candidates: typeof nodes = [];
  const done: Pod[] = [];
  let used = 0;
  for (const each of nodes) {
    const { fresh, old, clear } = each;
    if (surge > 0) {
      // Every unclear node may turn out to hold one pod too many.
      if (!clear) used += 1;
      else if (old && !fresh) {
        if (takers.has(each.name)) (isUp(old) ? candidates : free).push(each);
      } else if (old && fresh) {
        if (isUp(fresh)) done.push(old);
        else used += 1;
      }
      continue;
    }
    if (!clear || Boolean(fresh) === Boolean(old)) used += 1;
    else if (fresh && !isUp(fresh)) used += 1;
    else if (old && !isUp(old)) {
      free.push(each);
      used += 1;
    } else if (old) candidates.push(each);
  }
  const left = Math.max(0, (surge > 0 ? surge : unavailable) - used);
  const chosen = [...free, ...candidates.slice(0, left)];
  if (surge > 0) return { create: chosen.map(({ name }) => name), remove: done, ended: [] };
  return { create: [], remove: chosen.flatMap(({ old }) => old ?? []), ended: [] };
}

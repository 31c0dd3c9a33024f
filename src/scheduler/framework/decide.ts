import type { Pod } from "../../api/generated/core-v1.ts";
import type { Random } from "../../lib/random.ts";
import type { ClusterState, NodeInfo } from "./cluster-state.ts";
import type { Plugin, Rejection } from "./plugin.ts";

/** A plugin and how much its score counts. */
export interface WeightedPlugin {
  readonly plugin: Plugin;
  readonly weight: number;
}

/** Why one node was refused, and by whom. */
export interface NodeRejection extends Rejection {
  readonly node: string;
  readonly plugin: string;
}

/** What was decided for a pod, with the reasons as data. */
export type Decision =
  | {
      readonly placed: true;
      readonly node: string;
      /** Nodes looked at, and those of them that would do. */
      readonly evaluated: number;
      readonly feasible: number;
      /** Weighted scores by plugin of the nodes that would do; empty when there was only one. */
      readonly scores: readonly NodeScore[];
    }
  | {
      readonly placed: false;
      /** Nodes there are. */
      readonly total: number;
      readonly rejections: readonly NodeRejection[];
      /** Set when a plugin refused before any node was looked at. */
      readonly refused?: Rejection & { readonly plugin: string };
    };

export interface NodeScore {
  readonly node: string;
  readonly total: number;
  readonly byPlugin: Readonly<Record<string, number>>;
}

/** Where a pod goes, by the plugins' rules. Nothing is changed. `start` is where in the list of nodes the search begins. */
export function decide(
  pod: Pod,
  cluster: ClusterState,
  plugins: readonly WeightedPlugin[],
  options: { readonly random: Random; readonly start: number },
): Decision & { readonly looked: number } {
  const all = cluster.nodes;
  const filters: { readonly plugin: Plugin; readonly state: unknown }[] = [];
  let allowed: ReadonlySet<string> | undefined;
  let narrowedBy: string | undefined;
  for (const { plugin } of plugins) {
    if (!plugin.filter && !plugin.prepareFilter) continue;
    const prepared = plugin.prepareFilter?.(pod, cluster);
    if (prepared?.kind === "skip") continue;
    if (prepared?.kind === "rejected") {
      return {
        placed: false,
        total: all.length,
        rejections: [],
        refused: { ...prepared.rejection, plugin: plugin.name },
        looked: 0,
      };
    }
    if (prepared?.nodes) {
      const { nodes } = prepared;
      allowed = allowed ? new Set([...allowed].filter((name) => nodes.has(name))) : nodes;
      narrowedBy = plugin.name;
    }
    if (plugin.filter) filters.push({ plugin, state: prepared?.kind === "ready" ? prepared.state : undefined });
  }

  const rejections: NodeRejection[] = [];
  const feasible: NodeInfo[] = [];
  const enough = sampleSize(all.length);
  let looked = 0;
  for (; looked < all.length && feasible.length < enough; looked++) {
    const node = all[(options.start + looked) % all.length]!;
    if (allowed && !allowed.has(node.name)) {
      rejections.push({
        node: node.name,
        plugin: narrowedBy!,
        reasons: ["node(s) didn't satisfy plugin(s) [NodeAffinity]"],
        preemptionHelps: false,
      });
      continue;
    }
    const refused = firstRejection(pod, node, filters);
    if (refused) rejections.push(refused);
    else feasible.push(node);
  }
  if (feasible.length === 0) return { placed: false, total: all.length, rejections, looked };
  if (feasible.length === 1)
    return { placed: true, node: feasible[0]!.name, evaluated: looked, feasible: 1, scores: [], looked };
  const scores = score(pod, cluster, feasible, plugins);
  return {
    placed: true,
    node: best(scores, options.random),
    evaluated: looked,
    feasible: feasible.length,
    scores,
    looked,
  };
}

function firstRejection(
  pod: Pod,
  node: NodeInfo,
  filters: readonly { readonly plugin: Plugin; readonly state: unknown }[],
): NodeRejection | undefined {
  for (const { plugin, state } of filters) {
    const verdict = plugin.filter!(pod, node, state);
    if (verdict) return { ...verdict, node: node.name, plugin: plugin.name };
  }
  return undefined;
}

/** How many nodes that fit are enough: all up to 100, then a share that falls from 50 % to 5 % (as upstream). */
export function sampleSize(nodes: number): number {
  if (nodes < 100) return nodes;
  const percentage = Math.max(5, 50 - Math.floor(nodes / 125));
  return Math.max(100, Math.floor((nodes * percentage) / 100));
}

function score(
  pod: Pod,
  cluster: ClusterState,
  nodes: readonly NodeInfo[],
  plugins: readonly WeightedPlugin[],
): readonly NodeScore[] {
  const totals = nodes.map(() => 0);
  const parts: Record<string, number>[] = nodes.map(() => ({}));
  for (const { plugin, weight } of plugins) {
    if (!plugin.score) continue;
    const prepared = plugin.prepareScore?.(pod, cluster, nodes);
    if (prepared?.kind === "skip" || prepared?.kind === "rejected") continue;
    const raw = nodes.map((node) => plugin.score!(pod, node, prepared?.state));
    const scores = plugin.normalize ? plugin.normalize(raw) : raw;
    for (let index = 0; index < nodes.length; index++) {
      const weighted = scores[index]! * weight;
      totals[index]! += weighted;
      parts[index]![plugin.name] = weighted;
    }
  }
  return nodes.map((node, index) => ({ node: node.name, total: totals[index]!, byPlugin: parts[index]! }));
}

/** The highest score; among equals, any with the same chance. */
function best(scores: readonly NodeScore[], random: Random): string {
  let chosen = scores[0]!;
  let equals = 1;
  for (const candidate of scores.slice(1)) {
    if (candidate.total > chosen.total) {
      chosen = candidate;
      equals = 1;
    } else if (candidate.total === chosen.total) {
      equals += 1;
      if (random.next() < 1 / equals) chosen = candidate;
    }
  }
  return chosen.node;
}

/** Upstream's sentence about a pod that fits nowhere: reasons with the number of nodes, sorted by their text. */
export function explain(decision: Extract<Decision, { placed: false }>): string {
  if (decision.total === 0) return "no nodes available to schedule pods";
  const head = `0/${decision.total} nodes are available`;
  if (decision.refused) return `${head}: ${decision.refused.reasons.join(", ")}.`;
  const counts = new Map<string, number>();
  for (const { reasons } of decision.rejections)
    for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const texts = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `${head}: ${texts.join(", ")}.`;
}

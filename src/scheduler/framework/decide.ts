import type { Pod } from "../../api/generated/core-v1.ts";
import type { ClusterState } from "./cluster-state.ts";
import { type FrameworkMeter, measured, noMeter, success, verdictStatus } from "./meter.ts";
import { type NodeCheck, nodeCheck, sortOf, supposedCheck } from "./node-check.ts";
import type { NodeInfo } from "./node-info.ts";
import type { Nominations } from "./nominations.ts";
import type { Refusal, Rejection, Rescue, Verdict } from "./plugin.ts";
import type { Profile, WeightedPlugin } from "./profile.ts";
import { prepare, refresher, type Search } from "./search.ts";

/** What each plugin gave the nodes that would do, weighted; the lists run side by side. */
export interface ScoreTable {
  readonly nodes: readonly string[];
  readonly totals: readonly number[];
  readonly parts: readonly { readonly plugin: string; readonly scores: readonly number[] }[];
}

export interface Placement {
  readonly placed: true;
  readonly node: string;
  /** Nodes looked at, and those of them that would do. */
  readonly evaluated: number;
  readonly feasible: number;
  readonly refusals: readonly Refusal[];
  /** Undefined when there was only one node to choose. */
  readonly scores: ScoreTable | undefined;
}

export interface NoPlace {
  readonly placed: false;
  /** Nodes there are. */
  readonly total: number;
  readonly refusals: readonly Refusal[];
  /** Nodes that were not looked at because a plugin knew better ones, and why. */
  readonly left: { readonly count: number; readonly reason: string } | undefined;
  /** Set when a plugin refused before any node was looked at. */
  readonly refused: (Rejection & { readonly plugin: string }) | undefined;
  /** What can be done about it. */
  readonly rescue: Rescue | undefined;
}

/** What was decided for a pod, with the reasons as data. */
export type Decision = Placement | NoPlace;

export interface DecideOptions {
  readonly random: () => number;
  /** Where in the list of nodes the search begins. */
  readonly start: number;
  readonly nominations?: Nominations;
  readonly meter?: FrameworkMeter;
}

/** How many nodes that fit are enough: all up to 100, then a share that falls from 50 % to 5 % (as upstream). */
export function sampleSize(nodes: number, percentage = 0): number {
  if (nodes < 100 || percentage >= 100) return nodes;
  const share = percentage > 0 ? percentage : Math.max(5, 50 - Math.floor(nodes / 125));
  return Math.max(100, Math.floor((nodes * share) / 100));
}

/** The nodes that would do, as far as it was looked, and why the others would not. */
export interface Found {
  readonly feasible: readonly NodeInfo[];
  readonly refusals: readonly Refusal[];
  readonly left: NoPlace["left"];
  readonly looked: number;
}

/** Looks for nodes that fit, from `start` on until there are enough. */
export function findNodes(
  pod: Pod,
  profile: Profile,
  cluster: ClusterState,
  search: Search,
  options: DecideOptions,
): Found {
  const { meter = noMeter } = options;
  return measured(meter, "Filter", () => lookForNodes(pod, profile, cluster, search, options), success);
}

function lookForNodes(
  pod: Pod,
  profile: Profile,
  cluster: ClusterState,
  search: Search,
  { start, nominations }: DecideOptions,
): Found {
  const total = cluster.nodes.length;
  const refusals = new Refusals();
  const check = nodeCheck(pod, profile, cluster, search, nominations);

  // A node that was cleared for this pod is taken if it fits, without looking further.
  const hoped = pod.status?.nominatedNodeName ?? nominations?.nodeOf(pod.metadata.uid);
  const nominated = hoped && (!search.allowed || search.allowed.has(hoped)) ? cluster.node(hoped) : undefined;
  if (nominated && !check(nominated)) return { feasible: [nominated], refusals: [], left: undefined, looked: 0 };

  const { allowed } = search;
  const candidates = allowed ? [...allowed].flatMap((name) => cluster.node(name) ?? []) : cluster.nodes;
  const enough = sampleSize(candidates.length, profile.percentageOfNodesToScore);
  const offset = candidates.length > 0 ? start % candidates.length : 0;
  const feasible: NodeInfo[] = [];
  let looked = 0;
  for (; looked < candidates.length && feasible.length < enough; looked++) {
    const at = offset + looked;
    const node = candidates[at < candidates.length ? at : at - candidates.length]!;
    const refused = check(node);
    if (refused) refusals.add(node.name, refused.plugin, refused.rejection);
    else feasible.push(node);
  }
  const left =
    candidates.length < total
      ? {
          count: total - candidates.length,
          reason: `node(s) didn't satisfy plugin(s) [${search.narrowedBy.join(" ")}]`,
        }
      : undefined;
  return { feasible, refusals: refusals.list, left, looked };
}

class Refusals {
  readonly list: { plugin: string; rejection: Rejection; nodes: string[] }[] = [];
  readonly #known = new Map<Rejection, { plugin: string; rejection: Rejection; nodes: string[] }>();
  readonly #texts = new Map<string, { plugin: string; rejection: Rejection; nodes: string[] }>();
  /** In a row most nodes say the same. */
  #last: { rejection: Rejection; nodes: string[] } | undefined;

  add(node: string, plugin: string, rejection: Rejection): void {
    if (rejection === this.#last?.rejection) {
      this.#last.nodes.push(node);
      return;
    }
    let group = this.#known.get(rejection);
    if (!group) {
      const text =
        rejection.detail === undefined ? [plugin, rejection.preemptionHelps, ...rejection.reasons].join() : "";
      group = this.#texts.get(text);
      if (!group) {
        group = { plugin, rejection, nodes: [] };
        this.list.push(group);
        if (text) this.#texts.set(text, group);
      }
      if (this.#known.size < 1000) this.#known.set(rejection, group);
    }
    group.nodes.push(node);
    this.#last = group.rejection === rejection ? group : undefined;
  }
}

/** Scores the nodes that would do. */
export function scoreNodes(
  pod: Pod,
  profile: Profile,
  cluster: ClusterState,
  nodes: readonly NodeInfo[],
  meter: FrameworkMeter = noMeter,
): ScoreTable {
  const ready = measured(meter, "PreScore", () => prepareScores(pod, profile, cluster, nodes, meter), success);
  return measured(meter, "Score", () => scoresBy(ready, pod, nodes, meter, profile.tellScoring), success);
}

interface ReadyScore extends WeightedPlugin {
  readonly state: unknown;
}

function prepareScores(
  pod: Pod,
  profile: Profile,
  cluster: ClusterState,
  nodes: readonly NodeInfo[],
  meter: FrameworkMeter,
): readonly ReadyScore[] {
  const ready: ReadyScore[] = [];
  for (const { plugin, weight } of profile.score) {
    let state: unknown;
    if (plugin.prepareScore) {
      const prepared = plugin.prepareScore(pod, cluster, nodes);
      if (prepared.kind !== "skip") meter.calls("PreScore", plugin.name).count += 1;
      if (prepared.kind !== "ready") continue;
      state = prepared.state;
    }
    ready.push({ plugin, weight, state });
  }
  return ready;
}

function scoresBy(
  ready: readonly ReadyScore[],
  pod: Pod,
  nodes: readonly NodeInfo[],
  meter: FrameworkMeter,
  tell: Profile["tellScoring"],
): ScoreTable {
  const totals: number[] = new Array(nodes.length).fill(0);
  const parts: { plugin: string; scores: number[] }[] = [];
  for (const { plugin, weight, state } of ready) {
    meter.calls("Score", plugin.name).count += nodes.length;
    const scores: number[] = new Array(nodes.length);
    const began = tell ? meter.now() : 0;
    for (let index = 0; index < nodes.length; index++) scores[index] = plugin.score!(pod, nodes[index]!, state);
    tell?.(plugin.name, (meter.now() - began) / 1000 / nodes.length);
    plugin.normalize?.(scores, state, nodes);
    for (let index = 0; index < nodes.length; index++) {
      const weighted = scores[index]! * weight;
      scores[index] = weighted;
      totals[index]! += weighted;
    }
    parts.push({ plugin: plugin.name, scores });
  }
  return { nodes: nodes.map(({ name }) => name), totals, parts };
}

/** The index of the highest score; among equals, any with the same chance. */
export function bestOf(totals: readonly number[], random: () => number): number {
  let chosen = 0;
  let equals = 1;
  for (let index = 1; index < totals.length; index++) {
    const difference = totals[index]! - totals[chosen]!;
    if (difference > 0) {
      chosen = index;
      equals = 1;
    } else if (difference === 0) {
      equals += 1;
      if (random() < 1 / equals) chosen = index;
    }
  }
  return chosen;
}

/** Where a pod goes, by the plugins' rules. Nothing is changed. */
export function decide(
  pod: Pod,
  profile: Profile,
  cluster: ClusterState,
  options: DecideOptions,
): { readonly decision: Decision; readonly search: Search; readonly looked: number } {
  const search = prepareMeasured(pod, profile, cluster, options);
  if (search.refused || cluster.nodes.length === 0)
    return { decision: noPlace(pod, profile, cluster, search, undefined, options), search, looked: 0 };
  const found = findNodes(pod, profile, cluster, search, options);
  const { looked } = found;
  if (found.feasible.length === 0)
    return { decision: noPlace(pod, profile, cluster, search, found, options), search, looked };
  return { decision: placement(pod, profile, cluster, found, found.feasible, options), search, looked };
}

/** `prepare`, as a step that is told. */
export function prepareMeasured(
  pod: Pod,
  profile: Profile,
  cluster: ClusterState,
  { meter = noMeter }: DecideOptions,
): Search {
  return measured(
    meter,
    "PreFilter",
    () => prepare(pod, profile, cluster, meter),
    ({ refused }) => verdictStatus(refused),
  );
}

/** The decision for the best of some nodes that would do. */
export function placement(
  pod: Pod,
  profile: Profile,
  cluster: ClusterState,
  found: Found,
  nodes: readonly NodeInfo[],
  { random, meter }: DecideOptions,
  extra?: (node: string) => number,
): Placement {
  const { refusals, looked } = found;
  const common = { placed: true, evaluated: Math.max(looked, 1), feasible: nodes.length, refusals } as const;
  if (nodes.length === 1) return { ...common, node: nodes[0]!.name, scores: undefined };
  let scores = scoreNodes(pod, profile, cluster, nodes, meter);
  if (extra) {
    const added = scores.nodes.map(extra);
    scores = {
      nodes: scores.nodes,
      totals: scores.totals.map((total, index) => total + added[index]!),
      parts: [...scores.parts, { plugin: "extenders", scores: added }],
    };
  }
  return { ...common, node: scores.nodes[bestOf(scores.totals, random)]!, scores };
}

/** The decision for a pod that no node takes, with what the profile's rescuers say. */
export function noPlace(
  pod: Pod,
  profile: Profile,
  cluster: ClusterState,
  search: Search,
  found: Found | undefined,
  options: DecideOptions,
): NoPlace {
  const total = cluster.nodes.length;
  const refusals = found?.refusals ?? [];
  const base = { placed: false, total, refusals, left: found?.left, refused: search.refused } as const;
  if (total === 0) return { ...base, rescue: undefined };
  const rescue = measured(
    options.meter ?? noMeter,
    "PostFilter",
    () => rescueFor(pod, profile, cluster, search, refusals, options),
    (found) => (found?.kind === "preempt" ? "Success" : "Unschedulable"),
  );
  return { ...base, rescue };
}

function rescueFor(
  pod: Pod,
  profile: Profile,
  cluster: ClusterState,
  search: Search,
  refusals: readonly Refusal[],
  { random, nominations, meter }: DecideOptions,
): Rescue | undefined {
  let rescue: Rescue | undefined;
  const refresh = refresher(pod, profile, cluster, search, meter);
  let last: { readonly search: Search; readonly check: NodeCheck } | undefined;
  for (const plugin of profile.postFilter) {
    rescue = plugin.rescue!(pod, {
      cluster,
      refusals,
      likeness: sortOf(pod, profile, search).likeness,
      stampOf: (node) => (nominations ? nominations.stampFor(pod.metadata.uid, node.name) : 0),
      random,
      fitsOn: (node): Verdict => {
        const again = refresh();
        if (again.refused) return again.refused;
        const check = again === last?.search ? last.check : supposedCheck(pod, profile, cluster, again, nominations);
        last = { search: again, check };
        return check(node)?.rejection;
      },
    });
    if (rescue.kind === "preempt") break;
  }
  return rescue;
}

import type { Pod } from "../../api/generated/core-v1.ts";
import type { ClusterState } from "./cluster-state.ts";
import type { NodeInfo } from "./node-info.ts";
import type { Nominations } from "./nominations.ts";
import type { NodeRejection, Plugin, Rejection, Rescue, Verdict } from "./plugin.ts";
import { podInfo } from "./pod-info.ts";
import type { Profile } from "./profile.ts";

/** Nodes that one plugin refused for the same reasons. */
export interface Refusal {
  readonly plugin: string;
  readonly rejection: Rejection;
  readonly nodes: readonly string[];
}

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
}

interface ReadyFilter {
  readonly plugin: Plugin;
  readonly state: unknown;
}

/** A pod's filters with what they found out before any node was looked at. */
export interface Search {
  readonly filters: readonly ReadyFilter[];
  /** The states of all plugins that have one, by name. */
  readonly states: ReadonlyMap<string, unknown>;
  readonly allowed: ReadonlySet<string> | undefined;
  readonly narrowedBy: readonly string[];
  readonly refused: (Rejection & { readonly plugin: string }) | undefined;
}

/** Asks every plugin what can be known without looking at a node. */
export function prepare(pod: Pod, profile: Profile, cluster: ClusterState): Search {
  const states = new Map<string, unknown>();
  const skipped = new Set<Plugin>();
  let allowed: ReadonlySet<string> | undefined;
  const narrowedBy: string[] = [];
  for (const plugin of profile.preFilter) {
    const prepared = plugin.prepareFilter!(pod, cluster);
    if (prepared.kind === "rejected")
      return {
        filters: [],
        states,
        allowed,
        narrowedBy,
        refused: { ...prepared.rejection, plugin: plugin.name },
      };
    if (prepared.kind === "skip") {
      skipped.add(plugin);
      continue;
    }
    states.set(plugin.name, prepared.state);
    const { nodes } = prepared;
    if (!nodes) continue;
    allowed = allowed ? new Set([...allowed].filter((name) => nodes.has(name))) : nodes;
    narrowedBy.push(plugin.name);
  }
  const filters = profile.filter
    .filter((plugin) => !skipped.has(plugin))
    .map((plugin) => ({ plugin, state: states.get(plugin.name) }));
  const refused = allowed?.size === 0 ? { ...noneAllowed(narrowedBy), plugin: narrowedBy[0]! } : undefined;
  return { filters, states, allowed, narrowedBy: narrowedBy.sort(), refused };
}

function noneAllowed(plugins: readonly string[]): Rejection {
  const text =
    plugins.length > 1
      ? `node(s) didn't satisfy plugin(s) [${[...plugins].sort().join(" ")}] simultaneously`
      : `node(s) didn't satisfy plugin ${plugins[0]}`;
  return { reasons: [text], preemptionHelps: false };
}

/** Makes the search anew while pods are supposed to come or go; only plugins to which it matters are asked again. */
function refresher(pod: Pod, profile: Profile, cluster: ClusterState, search: Search): () => Search {
  const isSteady = (plugin: Plugin) => plugin.stateHolds || !plugin.prepareFilter;
  const unsteady = profile.preFilter.filter((plugin) => !isSteady(plugin));
  if (unsteady.length === 0) return () => search;
  const steady = search.filters.filter(({ plugin }) => isSteady(plugin));
  const without: Search = { ...search, filters: steady };
  const reduced: Profile = {
    ...profile,
    preFilter: unsteady,
    filter: profile.filter.filter((each) => !isSteady(each)),
  };
  return () => {
    const again = prepare(pod, reduced, cluster);
    if (again.refused) return again;
    if (again.filters.length === 0) return without;
    const states = new Map([...search.states, ...again.states]);
    const all = new Map([...steady, ...again.filters].map((each) => [each.plugin, each]));
    return { ...search, states, filters: profile.filter.flatMap((plugin) => all.get(plugin) ?? []) };
  };
}

/** The first plugin's objection to a node. */
export function objection(
  pod: Pod,
  node: NodeInfo,
  filters: readonly ReadyFilter[],
): { readonly plugin: string; readonly rejection: Rejection } | undefined {
  for (const { plugin, state } of filters) {
    const verdict = plugin.filter!(pod, node, state);
    if (verdict) return { plugin: plugin.name, rejection: verdict };
  }
  return undefined;
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
  { start, nominations }: DecideOptions,
): Found {
  const total = cluster.nodes.length;
  const refusals = new Refusals();
  const full = checker(pod, profile, cluster, search, nominations);
  const check = nominations && nominations.size > 0 ? full : withMemory(pod, cluster, search, full);

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

type Objection = { readonly plugin: string; readonly rejection: Rejection } | undefined;

/** Checks a node as it is, and first as it will be with the pods that wait for it and go before. */
function checker(
  pod: Pod,
  profile: Profile,
  cluster: ClusterState,
  search: Search,
  nominations: Nominations | undefined,
): (node: NodeInfo) => Objection {
  const { filters } = search;
  if (!nominations || nominations.size === 0) return (node) => objection(pod, node, filters);
  const info = podInfo(pod);
  const refresh = refresher(pod, profile, cluster, search);
  return (node) => {
    const others = nominations.before(info, node.name);
    if (others.length > 0) {
      const crowded = cluster.supposing(node, { there: others }, (): Objection => {
        const again = refresh();
        if (again.refused) return { plugin: again.refused.plugin, rejection: again.refused };
        return objection(pod, node, again.filters);
      });
      if (crowded) return crowded;
    }
    return objection(pod, node, filters);
  };
}

/** Leaves out filters that equal pods passed on a node before. */
function withMemory(
  pod: Pod,
  cluster: ClusterState,
  { filters }: Search,
  full: (node: NodeInfo) => Objection,
): (node: NodeInfo) => Objection {
  const fixed: ReadyFilter[] = [];
  const others: ReadyFilter[] = [];
  let key = "";
  for (const filter of filters) {
    const part = filter.plugin.staticKey?.(pod);
    if (part === undefined) others.push(filter);
    else {
      fixed.push(filter);
      key += `${filter.plugin.name}${part};`;
    }
  }
  if (fixed.length === 0) return full;
  const passed = cluster.passed(key);
  return (node) => {
    if (passed[node.slot] !== 1) {
      const refused = objection(pod, node, fixed);
      if (refused) return full(node);
      passed[node.slot] = 1;
    }
    return objection(pod, node, others);
  };
}

class Refusals {
  readonly list: { plugin: string; rejection: Rejection; nodes: string[] }[] = [];
  readonly #known = new Map<Rejection, { plugin: string; rejection: Rejection; nodes: string[] }>();
  readonly #texts = new Map<string, { plugin: string; rejection: Rejection; nodes: string[] }>();

  add(node: string, plugin: string, rejection: Rejection): void {
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
  }
}

/** Scores the nodes that would do. */
export function scoreNodes(pod: Pod, profile: Profile, cluster: ClusterState, nodes: readonly NodeInfo[]): ScoreTable {
  const totals: number[] = new Array(nodes.length).fill(0);
  const parts: { plugin: string; scores: number[] }[] = [];
  for (const { plugin, weight } of profile.score) {
    let state: unknown;
    if (plugin.prepareScore) {
      const prepared = plugin.prepareScore(pod, cluster, nodes);
      if (prepared.kind !== "ready") continue;
      state = prepared.state;
    }
    const scores: number[] = new Array(nodes.length);
    for (let index = 0; index < nodes.length; index++) scores[index] = plugin.score!(pod, nodes[index]!, state);
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
  const search = prepare(pod, profile, cluster);
  if (search.refused || cluster.nodes.length === 0)
    return { decision: noPlace(pod, profile, cluster, search, undefined, options), search, looked: 0 };
  const found = findNodes(pod, profile, cluster, search, options);
  const { looked } = found;
  if (found.feasible.length === 0)
    return { decision: noPlace(pod, profile, cluster, search, found, options), search, looked };
  return { decision: placement(pod, profile, cluster, found, found.feasible, options), search, looked };
}

/** The decision for the best of some nodes that would do. */
export function placement(
  pod: Pod,
  profile: Profile,
  cluster: ClusterState,
  found: Found,
  nodes: readonly NodeInfo[],
  { random }: DecideOptions,
  extra?: (node: string) => number,
): Placement {
  const { refusals, looked } = found;
  const common = { placed: true, evaluated: Math.max(looked, 1), feasible: nodes.length, refusals } as const;
  if (nodes.length === 1) return { ...common, node: nodes[0]!.name, scores: undefined };
  let scores = scoreNodes(pod, profile, cluster, nodes);
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
  { random, nominations }: Pick<DecideOptions, "random" | "nominations">,
): NoPlace {
  const total = cluster.nodes.length;
  const refusals = found?.refusals ?? [];
  const base = { placed: false, total, refusals, left: found?.left, refused: search.refused } as const;
  if (total === 0) return { ...base, rescue: undefined };
  let rescue: Rescue | undefined;
  const rejections: readonly NodeRejection[] = refusals.flatMap(({ plugin, rejection, nodes }) =>
    nodes.map((node) => ({ node, plugin, rejection })),
  );
  const refresh = refresher(pod, profile, cluster, search);
  let last: { readonly search: Search; readonly check: (node: NodeInfo) => Objection } | undefined;
  for (const plugin of profile.postFilter) {
    rescue = plugin.rescue!(pod, {
      cluster,
      rejections,
      random,
      fitsOn: (node): Verdict => {
        const again = refresh();
        if (again.refused) return again.refused;
        const check = again === last?.search ? last.check : checker(pod, profile, cluster, again, nominations);
        last = { search: again, check };
        return check(node)?.rejection;
      },
    });
    if (rescue.kind === "preempt") break;
  }
  return { ...base, rescue };
}

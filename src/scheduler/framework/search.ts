import type { Pod } from "../../api/generated/core-v1.ts";
import type { ClusterState } from "./cluster-state.ts";
import { type Calls, type FrameworkMeter, noMeter } from "./meter.ts";
import type { Plugin, Rejection } from "./plugin.ts";
import type { Profile } from "./profile.ts";

/** A filter with what its plugin prepared. */
export interface ReadyFilter {
  readonly plugin: Plugin;
  readonly state: unknown;
  readonly calls: Calls;
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
export function prepare(pod: Pod, profile: Profile, cluster: ClusterState, meter: FrameworkMeter = noMeter): Search {
  const states = new Map<string, unknown>();
  const skipped = new Set<Plugin>();
  let allowed: ReadonlySet<string> | undefined;
  const narrowedBy: string[] = [];
  for (const plugin of profile.preFilter) {
    const prepared = plugin.prepareFilter!(pod, cluster);
    if (prepared.kind === "skip") {
      skipped.add(plugin);
      continue;
    }
    meter.calls("PreFilter", plugin.name).count += 1;
    if (prepared.kind === "rejected")
      return {
        filters: [],
        states,
        allowed,
        narrowedBy,
        refused: { ...prepared.rejection, plugin: plugin.name },
      };
    states.set(plugin.name, prepared.state);
    const { nodes } = prepared;
    if (!nodes) continue;
    allowed = allowed ? new Set([...allowed].filter((name) => nodes.has(name))) : nodes;
    narrowedBy.push(plugin.name);
  }
  const filters = profile.filter
    .filter((plugin) => !skipped.has(plugin))
    .map((plugin) => ({ plugin, state: states.get(plugin.name), calls: meter.calls("Filter", plugin.name) }));
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
export function refresher(
  pod: Pod,
  profile: Profile,
  cluster: ClusterState,
  search: Search,
  meter: FrameworkMeter = noMeter,
): () => Search {
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
    const again = prepare(pod, reduced, cluster, meter);
    if (again.refused) return again;
    if (again.filters.length === 0) return without;
    const states = new Map([...search.states, ...again.states]);
    const all = new Map([...steady, ...again.filters].map((each) => [each.plugin, each]));
    return { ...search, states, filters: profile.filter.flatMap((plugin) => all.get(plugin) ?? []) };
  };
}

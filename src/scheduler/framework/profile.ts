import type { Plugin, Queued } from "./plugin.ts";

/** A plugin and how much its score counts. */
export interface WeightedPlugin {
  readonly plugin: Plugin;
  readonly weight: number;
}

/** The plugins of one scheduler by extension point, in the order in which they are asked. */
export interface Profile {
  readonly schedulerName: string;
  /** Share of the nodes that fit which is enough, in percent; 0 chooses by the cluster's size. */
  readonly percentageOfNodesToScore: number;
  readonly compare: (one: Queued, two: Queued) => number;
  readonly preEnqueue: readonly Plugin[];
  readonly preFilter: readonly Plugin[];
  readonly filter: readonly Plugin[];
  readonly postFilter: readonly Plugin[];
  readonly preScore: readonly Plugin[];
  readonly score: readonly WeightedPlugin[];
  readonly reserve: readonly Plugin[];
  readonly permit: readonly Plugin[];
  readonly preBind: readonly Plugin[];
  readonly bind: readonly Plugin[];
  readonly postBind: readonly Plugin[];
  /** Told how many seconds a plugin's score of one node took, on the average of a pod's nodes. */
  readonly tellScoring?: (plugin: string, seconds: number) => void;
}

/** Higher priority first, then who came earlier (upstream's PrioritySort). */
export function byPriority(one: Queued, two: Queued): number {
  return two.priority - one.priority || one.arrived - two.arrived;
}

/** The extension points of a profile that a plugin can be in, and whether it has the means. */
export const extensionPoints = {
  preEnqueue: (plugin: Plugin) => plugin.preEnqueue !== undefined,
  queueSort: (plugin: Plugin) => plugin.compare !== undefined,
  preFilter: (plugin: Plugin) => plugin.prepareFilter !== undefined,
  filter: (plugin: Plugin) => plugin.filter !== undefined,
  postFilter: (plugin: Plugin) => plugin.rescue !== undefined,
  preScore: (plugin: Plugin) => plugin.prepareScore !== undefined,
  score: (plugin: Plugin) => plugin.score !== undefined,
  reserve: (plugin: Plugin) => plugin.reserve !== undefined || plugin.unreserve !== undefined,
  permit: (plugin: Plugin) => plugin.permit !== undefined,
  preBind: (plugin: Plugin) => plugin.preBind !== undefined,
  bind: (plugin: Plugin) => plugin.bind !== undefined,
  postBind: (plugin: Plugin) => plugin.postBind !== undefined,
} as const;

export type ExtensionPoint = keyof typeof extensionPoints;

/** A profile in which each plugin is wherever it can be. */
export function profileOf(
  schedulerName: string,
  plugins: readonly WeightedPlugin[],
  options: { readonly percentageOfNodesToScore?: number } = {},
): Profile {
  return profileFrom(schedulerName, options.percentageOfNodesToScore ?? 0, (point) =>
    plugins.filter(({ plugin }) => extensionPoints[point](plugin)),
  );
}

/** A profile from the plugins of each extension point. */
export function profileFrom(
  schedulerName: string,
  percentageOfNodesToScore: number,
  at: (point: ExtensionPoint) => readonly WeightedPlugin[],
): Profile {
  const plain = (point: ExtensionPoint) => at(point).map(({ plugin }) => plugin);
  return {
    schedulerName,
    percentageOfNodesToScore,
    compare: plain("queueSort")[0]?.compare ?? byPriority,
    preEnqueue: plain("preEnqueue"),
    preFilter: plain("preFilter"),
    filter: plain("filter"),
    postFilter: plain("postFilter"),
    preScore: plain("preScore"),
    score: at("score").filter(({ weight }) => weight > 0),
    reserve: plain("reserve"),
    permit: plain("permit"),
    preBind: plain("preBind"),
    bind: plain("bind"),
    postBind: plain("postBind"),
  };
}

/** The same profile with other plugins in their places. */
export function mapPlugins(profile: Profile, other: (plugin: Plugin) => Plugin): Profile {
  const all = (plugins: readonly Plugin[]) => plugins.map(other);
  return {
    ...profile,
    preEnqueue: all(profile.preEnqueue),
    preFilter: all(profile.preFilter),
    filter: all(profile.filter),
    postFilter: all(profile.postFilter),
    preScore: all(profile.preScore),
    score: profile.score.map(({ plugin, weight }) => ({ plugin: other(plugin), weight })),
    reserve: all(profile.reserve),
    permit: all(profile.permit),
    preBind: all(profile.preBind),
    bind: all(profile.bind),
    postBind: all(profile.postBind),
  };
}

/** Every plugin of a profile, once. */
export function pluginsOf(profile: Profile): readonly Plugin[] {
  return [
    ...new Set([
      ...profile.preEnqueue,
      ...profile.preFilter,
      ...profile.filter,
      ...profile.postFilter,
      ...profile.preScore,
      ...profile.score.map(({ plugin }) => plugin),
      ...profile.reserve,
      ...profile.permit,
      ...profile.preBind,
      ...profile.bind,
      ...profile.postBind,
    ]),
  ];
}

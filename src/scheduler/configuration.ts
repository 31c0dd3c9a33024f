import { Fault } from "../lib/fault.ts";
import type { ExtenderConfiguration } from "./extenders/extender-configuration.ts";
import type { Plugin } from "./framework/plugin.ts";
import {
  type ExtensionPoint,
  extensionPoints,
  type Profile,
  profileFrom,
  type WeightedPlugin,
} from "./framework/profile.ts";
import { defaultPlugins, type PluginContext, type PluginFactory, pluginFactories } from "./plugins/default-plugins.ts";
import type { NodeResourcesFitArgs } from "./plugins/node-resources.ts";

/** A plugin of a set: by name, with the weight of its score where it has one. */
export interface PluginReference {
  readonly name: string;
  readonly weight?: number;
}

/** Plugins added to, and taken from, the defaults of one extension point; `*` takes all. */
export interface PluginSet {
  readonly enabled?: readonly PluginReference[];
  readonly disabled?: readonly PluginReference[];
}

export type PluginSets = { readonly [point in ExtensionPoint | "multiPoint"]?: PluginSet };

export interface ProfileConfiguration {
  readonly schedulerName?: string;
  readonly percentageOfNodesToScore?: number;
  readonly plugins?: PluginSets;
  readonly pluginConfig?: readonly { readonly name: string; readonly args?: object }[];
}

/** A `KubeSchedulerConfiguration` of `kubescheduler.config.k8s.io/v1`; only what is read here is named. */
export interface SchedulerConfiguration {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly percentageOfNodesToScore?: number;
  readonly podInitialBackoffSeconds?: number;
  readonly podMaxBackoffSeconds?: number;
  readonly profiles?: readonly ProfileConfiguration[];
  readonly extenders?: readonly ExtenderConfiguration[];
}

const served = "kubescheduler.config.k8s.io/v1";

/** Members of the file that mean nothing here, but may be there: they set up what this program does otherwise. */
const known = new Set([
  "apiVersion",
  "kind",
  "percentageOfNodesToScore",
  "podInitialBackoffSeconds",
  "podMaxBackoffSeconds",
  "profiles",
  "extenders",
  "parallelism",
  "leaderElection",
  "clientConnection",
  "enableProfiling",
  "enableContentionProfiling",
  "delayCacheUntilActive",
]);
const profileMembers = new Set(["schedulerName", "percentageOfNodesToScore", "plugins", "pluginConfig"]);

/** Reads a decoded configuration file. Throws Fault `invalid` that names what is wrong. */
export function schedulerConfiguration(file: unknown): SchedulerConfiguration {
  const object = asObject(file, "the file");
  if (object.kind !== "KubeSchedulerConfiguration" || object.apiVersion !== served)
    throw wrong("", `must be a KubeSchedulerConfiguration of ${served}`);
  for (const name of Object.keys(object)) if (!known.has(name)) throw wrong(name, "unknown field");
  const configuration = object as SchedulerConfiguration;
  within("percentageOfNodesToScore", configuration.percentageOfNodesToScore, 0, 100);
  within("podInitialBackoffSeconds", configuration.podInitialBackoffSeconds, 1);
  within("podMaxBackoffSeconds", configuration.podMaxBackoffSeconds, configuration.podInitialBackoffSeconds ?? 1);
  const names = new Set<string>();
  for (const [index, profile] of (configuration.profiles ?? []).entries()) {
    const at = `profiles[${index}]`;
    checkProfile(profile, at);
    const name = nameOf(profile);
    if (names.has(name)) throw wrong(`${at}.schedulerName`, `"${name}" is there twice`);
    names.add(name);
  }
  for (const [index, extender] of (configuration.extenders ?? []).entries())
    if (!extender.urlPrefix) throw wrong(`extenders[${index}].urlPrefix`, "required");
  return configuration;
}

function checkProfile(profile: ProfileConfiguration, at: string): void {
  for (const name of Object.keys(asObject(profile, at)))
    if (!profileMembers.has(name)) throw wrong(`${at}.${name}`, "unknown field");
  within(`${at}.percentageOfNodesToScore`, profile.percentageOfNodesToScore, 0, 100);
  for (const point of Object.keys(profile.plugins ?? {}))
    if (point !== "multiPoint" && !(point in extensionPoints)) throw wrong(`${at}.plugins.${point}`, "unknown field");
  const seen = new Set<string>();
  for (const { name } of profile.pluginConfig ?? []) {
    if (seen.has(name)) throw wrong(`${at}.pluginConfig`, `"${name}" is there twice`);
    seen.add(name);
  }
}

function asObject(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(at, "must be an object");
  return value as Readonly<Record<string, unknown>>;
}

function within(at: string, value: number | undefined, least: number, most = Number.POSITIVE_INFINITY): void {
  if (value === undefined || (Number.isFinite(value) && value >= least && value <= most)) return;
  throw wrong(at, most === Number.POSITIVE_INFINITY ? `must be at least ${least}` : `must be from ${least} to ${most}`);
}

function wrong(at: string, text: string): Fault {
  return new Fault("invalid", at ? `scheduler configuration: ${at}: ${text}` : `scheduler configuration: ${text}`);
}

const nameOf = ({ schedulerName }: ProfileConfiguration) => schedulerName || "default-scheduler";

/** Resources that an extender looks after are none of NodeResourcesFit's business, where the extender says so. */
export function withIgnoredResources(configuration: SchedulerConfiguration): SchedulerConfiguration {
  const ignored = (configuration.extenders ?? []).flatMap(({ managedResources = [] }) =>
    managedResources.flatMap(({ name, ignoredByScheduler }) => (ignoredByScheduler ? [name] : [])),
  );
  if (ignored.length === 0) return configuration;
  const fit = "NodeResourcesFit";
  const profiles = (configuration.profiles?.length ? configuration.profiles : [{}]).map(
    (profile: ProfileConfiguration) => {
      const given = (profile.pluginConfig ?? []).find(({ name }) => name === fit)?.args as
        | NodeResourcesFitArgs
        | undefined;
      const args = { ...given, ignoredResources: [...(given?.ignoredResources ?? []), ...ignored] };
      const others = (profile.pluginConfig ?? []).filter(({ name }) => name !== fit);
      return { ...profile, pluginConfig: [...others, { name: fit, args }] };
    },
  );
  return { ...configuration, profiles };
}

/** The profiles of a configuration, by scheduler name; without any there is the default one. */
export function profilesOf(
  configuration: SchedulerConfiguration,
  context: PluginContext,
  own: Readonly<Record<string, PluginFactory>> = {},
): ReadonlyMap<string, Profile> {
  const factories = { ...pluginFactories, ...own };
  const given = configuration.profiles?.length ? configuration.profiles : [{}];
  return new Map(
    given.map((profile: ProfileConfiguration) => {
      const share = profile.percentageOfNodesToScore ?? configuration.percentageOfNodesToScore ?? 0;
      return [nameOf(profile), assemble(profile, share, context, factories)];
    }),
  );
}

function assemble(
  profile: ProfileConfiguration,
  share: number,
  context: PluginContext,
  factories: Readonly<Record<string, PluginFactory>>,
): Profile {
  const made = new Map<string, Plugin>();
  const plugin = (name: string): Plugin => {
    const factory = Object.hasOwn(factories, name) ? factories[name] : undefined;
    if (!factory) throw wrong("profiles", `there is no plugin "${name}"`);
    let instance = made.get(name);
    if (!instance) {
      const args = profile.pluginConfig?.find((each) => each.name === name)?.args ?? {};
      instance = factory(args, context);
      made.set(name, instance);
    }
    return instance;
  };
  for (const { name } of profile.pluginConfig ?? [])
    if (!Object.hasOwn(factories, name)) throw wrong("profiles", `there is no plugin "${name}"`);
  const everywhere = merged(defaultPlugins, profile.plugins?.multiPoint);
  return profileFrom(nameOf(profile), share, (point) => {
    const set = profile.plugins?.[point];
    const common = everywhere.filter(({ name }) => extensionPoints[point](plugin(name)));
    return merged(common, set).map((each): WeightedPlugin => {
      const instance = plugin(each.name);
      if (!extensionPoints[point](instance))
        throw wrong(`plugins.${point}`, `plugin "${each.name}" is not one of these`);
      return { plugin: instance, weight: each.weight || 1 };
    });
  });
}

/** The defaults without those disabled; those enabled replace them in place, or come after. */
function merged(defaults: readonly PluginReference[], set: PluginSet | undefined): readonly PluginReference[] {
  if (!set) return defaults;
  const enabled = set.enabled ?? [];
  const disabled = new Set((set.disabled ?? []).map(({ name }) => name));
  const replaced = new Map(enabled.map((each) => [each.name, each]));
  const kept = disabled.has("*") ? [] : defaults.filter(({ name }) => !disabled.has(name));
  const there = new Set(kept.map(({ name }) => name));
  return [...kept.map((each) => replaced.get(each.name) ?? each), ...enabled.filter(({ name }) => !there.has(name))];
}

import { PodDisruptionBudget } from "../../api/policy/pod-disruption-budget.ts";
import type { Client, Informers } from "../../client/client.ts";
import type { Clock } from "../../lib/clock.ts";
import { definePlugin, type Plugin } from "../framework/plugin.ts";
import { byPriority } from "../framework/profile.ts";
import { defaultBinder } from "./default-binder.ts";
import { type DefaultPreemptionArgs, defaultPreemption } from "./default-preemption.ts";
import { imageLocality } from "./image-locality.ts";
import { type InterPodAffinityArgs, interPodAffinity } from "./inter-pod-affinity.ts";
import { nodeAffinity } from "./node-affinity.ts";
import { balancedAllocation, type NodeResourcesFitArgs, nodeResourcesFit } from "./node-resources.ts";
import { nodeName, nodePorts, nodeUnschedulable, schedulingGates, taintToleration } from "./node-rules.ts";
import { podLikeness } from "./pod-likeness.ts";
import { type PodTopologySpreadArgs, podTopologySpread } from "./pod-topology-spread.ts";
import { selectorSpread } from "./selector-spread.ts";
import { nodeVolumeLimits } from "./volumes/node-volume-limits.ts";
import { type VolumeBindingArgs, volumeBinding } from "./volumes/volume-binding.ts";
import { volumeCatalogue } from "./volumes/volume-catalogue.ts";
import { volumeRestrictions, volumeZone } from "./volumes/volume-rules.ts";

/** What a plugin may be made from. */
export interface PluginContext {
  readonly client: Client;
  readonly informers: Informers;
  readonly clock: Clock;
}

/** Makes a plugin from its arguments in the configuration; `{}` where there are none. */
export type PluginFactory = (args: object, context: PluginContext) => Plugin;

const prioritySort = definePlugin({ name: "PrioritySort", retryOn: [], compare: byPriority });

/** Every plugin that a configuration can name. */
export const pluginFactories: Readonly<Record<string, PluginFactory>> = {
  SchedulingGates: () => schedulingGates,
  PrioritySort: () => prioritySort,
  NodeUnschedulable: () => nodeUnschedulable,
  NodeName: () => nodeName,
  TaintToleration: () => taintToleration,
  NodeAffinity: (args) => nodeAffinity(args),
  NodePorts: () => nodePorts,
  NodeResourcesFit: (args) => nodeResourcesFit(args as NodeResourcesFitArgs),
  VolumeRestrictions: (_args, { informers }) => volumeRestrictions(volumeCatalogue(informers)),
  NodeVolumeLimits: (_args, { informers }) => nodeVolumeLimits(volumeCatalogue(informers)),
  VolumeBinding: (args, context) =>
    volumeBinding({ ...context, catalogue: volumeCatalogue(context.informers) }, args as VolumeBindingArgs),
  VolumeZone: (_args, { informers }) => volumeZone(volumeCatalogue(informers)),
  PodTopologySpread: (args, { informers }) => podTopologySpread(podLikeness(informers), args as PodTopologySpreadArgs),
  InterPodAffinity: (args) => interPodAffinity(args as InterPodAffinityArgs),
  DefaultPreemption: (args, { informers }) => {
    const budgets = informers.of(PodDisruptionBudget);
    const of = (namespace: string) => budgets.list(namespace);
    return defaultPreemption({ of, revision: () => budgets.revision }, args as DefaultPreemptionArgs);
  },
  NodeResourcesBalancedAllocation: (args) => balancedAllocation(args),
  ImageLocality: () => imageLocality(),
  DefaultBinder: (_args, { client }) => defaultBinder(client),
  SelectorSpread: (_args, { informers }) => selectorSpread(podLikeness(informers)),
};

/** The plugins of the default profile with upstream's weights, in the order in which they are asked. */
export const defaultPlugins: readonly { readonly name: string; readonly weight: number }[] = [
  { name: "SchedulingGates", weight: 0 },
  { name: "PrioritySort", weight: 0 },
  { name: "NodeUnschedulable", weight: 0 },
  { name: "NodeName", weight: 0 },
  { name: "TaintToleration", weight: 3 },
  { name: "NodeAffinity", weight: 2 },
  { name: "NodePorts", weight: 0 },
  { name: "NodeResourcesFit", weight: 1 },
  { name: "VolumeRestrictions", weight: 0 },
  { name: "NodeVolumeLimits", weight: 0 },
  { name: "VolumeBinding", weight: 0 },
  { name: "VolumeZone", weight: 0 },
  { name: "PodTopologySpread", weight: 2 },
  { name: "InterPodAffinity", weight: 2 },
  { name: "DefaultPreemption", weight: 0 },
  { name: "NodeResourcesBalancedAllocation", weight: 1 },
  { name: "ImageLocality", weight: 1 },
  { name: "DefaultBinder", weight: 0 },
];

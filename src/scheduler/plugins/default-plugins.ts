import type { Informers } from "../../client/client.ts";
import type { WeightedPlugin } from "../framework/decide.ts";
import { interPodAffinity } from "./inter-pod-affinity.ts";
import { nodeAffinity } from "./node-affinity.ts";
import { balancedAllocation, imageLocality, nodeResourcesFit } from "./node-resources.ts";
import { nodeName, nodePorts, nodeUnschedulable, schedulingGates, taintToleration } from "./node-rules.ts";
import { podTopologySpread } from "./pod-topology-spread.ts";

/** The plugins of the default profile with upstream's weights, in the order in which they filter. */
export function defaultPlugins(informers: Informers): readonly WeightedPlugin[] {
  return [
    { plugin: schedulingGates, weight: 0 },
    { plugin: nodeUnschedulable, weight: 0 },
    { plugin: nodeName, weight: 0 },
    { plugin: taintToleration, weight: 3 },
    { plugin: nodeAffinity, weight: 2 },
    { plugin: nodePorts, weight: 0 },
    { plugin: nodeResourcesFit, weight: 1 },
    { plugin: podTopologySpread(informers), weight: 2 },
    { plugin: interPodAffinity(informers), weight: 2 },
    { plugin: balancedAllocation, weight: 1 },
    { plugin: imageLocality, weight: 1 },
  ];
}

import { clusterDescriptions } from "./describe/cluster.ts";
import { dataDescriptions } from "./describe/data.ts";
import { networkDescriptions } from "./describe/network.ts";
import { podStories } from "./describe/pods.ts";
import { storageDescriptions } from "./describe/storage.ts";
import { workloadDescriptions } from "./describe/workloads.ts";

/** `kubectl describe` of every kind. */
export const describeStories = [
  ...podStories,
  ...workloadDescriptions,
  ...networkDescriptions,
  ...dataDescriptions,
  ...storageDescriptions,
  ...clusterDescriptions,
];

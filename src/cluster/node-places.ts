import { join } from "node:path";
import type { ClusterConfig } from "./config.ts";

/** Everything of the node lies in here. */
export const nodeFolder = (config: ClusterConfig): string => join(config.dataDir, "node");

export const networkStateFolder = (config: ClusterConfig): string => join(nodeFolder(config), "network");
export const cniFolder = (config: ClusterConfig): string => join(nodeFolder(config), "cni");
export const containerdFolder = (config: ClusterConfig): string => join(nodeFolder(config), "containerd");
export const podLogFolder = (config: ClusterConfig): string => join(nodeFolder(config), "pod-logs");

/** The top control group of the cluster's pods. */
export const cgroupName = (config: ClusterConfig): string => `navarch-${config.name}`;

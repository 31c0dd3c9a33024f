import { join } from "node:path";

/** What sets a node apart from others on the same machine. */
export interface NodePlace {
  /** Names its control groups, interfaces, tables and CNI network; unique on the machine. */
  readonly title: string;
  /** Everything of the node lies in here. */
  readonly folder: string;
  /** The file of the network namespace that it lives in; without it, the machine's own. */
  readonly namespace?: string;
}

export const networkStateFolder = ({ folder }: NodePlace): string => join(folder, "network");
export const cniFolder = ({ folder }: NodePlace): string => join(folder, "cni");
export const containerdFolder = ({ folder }: NodePlace): string => join(folder, "containerd");
export const podLogFolder = ({ folder }: NodePlace): string => join(folder, "pod-logs");

/** The top control group of the node's pods. */
export const cgroupName = ({ title }: NodePlace): string => `navarch-${title}`;

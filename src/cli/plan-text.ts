import { existsSync } from "node:fs";
import type { ClusterConfig } from "../cluster/config.ts";
import { describeCluster, descriptionText } from "../cluster/description/description.ts";
import { contextName } from "../cluster/kubeconfig.ts";
import { localNodes } from "../cluster/local-nodes.ts";
import type { MachineReport } from "../cluster/machine.ts";
import { linkName } from "../cluster/machine-link.ts";
import { alignedTable } from "./flags.ts";

/** What `navarch up` would do to a machine, and the cluster's description with every default filled in. */
export function planText(config: ClusterConfig, { missing, obstacles }: MachineReport, kubeconfig: string): string {
  const real = config.runtime === "cri";
  const nodes = localNodes(config);
  const rows = [
    ...machineRows(config, { missing, obstacles }),
    ["kubeconfig", `${kubeconfig} gets the context ${contextName(config.name)}, which becomes the current one`],
    ["ports", `${config.apiPort} for the API server, ${config.kubeletPort} for the node`],
    ...(real
      ? [
          [
            "interfaces",
            `the bridge ${linkName(config)} with ${config.nodeAddress}, and one for pods of ${config.podRange}`,
          ],
          kernelRow,
          ...nodes.slice(1).map(({ name }) => ["node", `${name}: a network namespace with a containerd of its own`]),
        ]
      : []),
  ];
  return `${alignedTable([["WHAT", "WOULD BE DONE"], ...rows])}\n\n${descriptionText(describeCluster(config))}`;
}

/** A machine that is to be a node of a cluster elsewhere. */
export interface JoinPlan extends Folders {
  readonly server: string;
  readonly name: string;
  readonly kubeletPort: number;
}

/** What `navarch join` would do to a machine. */
export function joinPlanText({ server, name, kubeletPort, ...folders }: JoinPlan, report: MachineReport): string {
  const rows = [
    ...machineRows(folders, report),
    ["cluster", `${server} is asked for two certificates, and gets the Node ${name}`],
    ["ports", `${kubeletPort} for the node`],
    ["interfaces", "one for pods, and one to the pods of other nodes"],
    kernelRow,
  ];
  return `${alignedTable([["WHAT", "WOULD BE DONE"], ...rows])}\n`;
}

interface Folders {
  readonly dataDir: string;
  readonly runDir: string;
}

const kernelRow = ["kernel", "IP forwarding, and nftables tables and routes of its own; all put back at the end"];

const machineRows = ({ dataDir, runDir }: Folders, { missing, obstacles }: MachineReport) => [
  ...obstacles.map(({ what, mend }) => ["in the way", `${what}: ${mend}`]),
  ...missing.map((item) => ["package", `${item.package} is installed: ${item.purpose}`]),
  ["data", `${dataDir} ${existsSync(dataDir) ? "is used" : "is made"}`],
  ["running", `${runDir} holds sockets and process ids, and goes at the end`],
];

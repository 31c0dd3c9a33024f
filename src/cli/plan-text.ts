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
    ...obstacles.map(({ what, mend }) => ["in the way", `${what}: ${mend}`]),
    ...missing.map((item) => ["package", `${item.package} is installed: ${item.purpose}`]),
    ["data", `${config.dataDir} ${existsSync(config.dataDir) ? "is used" : "is made"}`],
    ["running", `${config.runDir} holds sockets and process ids, and goes at the end`],
    ["kubeconfig", `${kubeconfig} gets the context ${contextName(config.name)}, which becomes the current one`],
    ["ports", `${config.apiPort} for the API server, ${config.kubeletPort} for the node`],
    ...(real
      ? [
          [
            "interfaces",
            `the bridge ${linkName(config)} with ${config.nodeAddress}, and one for pods of ${config.podRange}`,
          ],
          ["kernel", "IP forwarding, and nftables tables and routes of its own; all put back at the end"],
          ...nodes.slice(1).map(({ name }) => ["node", `${name}: a network namespace with a containerd of its own`]),
        ]
      : []),
  ];
  return `${alignedTable([["WHAT", "WOULD BE DONE"], ...rows])}\n\n${descriptionText(describeCluster(config))}`;
}

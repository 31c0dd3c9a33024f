import type { Command } from "commander";
import { createClient } from "../client/api-client.ts";
import { amountsOf } from "../cluster/description/simulated-part.ts";
import { addSimulatedNodes, keepStages } from "../cluster/simulated-nodes.ts";
import { adminTransport, type ClusterFlags, knownCluster } from "./cluster-access.ts";
import { commaList, filePath, wholeNumber } from "./flags.ts";
import { soundStages, stagesFlag } from "./stages-flag.ts";

interface AddFlags extends ClusterFlags {
  readonly simulated: number;
  readonly zones?: readonly string[];
  readonly cpu?: string;
  readonly memory?: string;
  readonly pods?: number;
  readonly stages?: string;
  readonly dryRun?: boolean;
}

/** `navarch nodes add`. */
export function addNodesCommands(program: Command): void {
  program
    .command("nodes")
    .description("add nodes to a running cluster")
    .command("add")
    .description("add nodes that are only played: they lease, report and run pods as the pods' annotations say")
    .requiredOption("--simulated <number>", "how many", wholeNumber(1, 10_000))
    .option("--zones <names>", "their zones in turn, with commas between", commaList)
    .option("--cpu <quantity>", "what each has; 32 unless said")
    .option("--memory <quantity>", "what each has; 128Gi unless said")
    .option("--pods <number>", "what each takes; 110 unless said", wholeNumber(1, 100_000))
    .option("--stages <file>", stagesFlag, filePath)
    .option("--name <name>", "the cluster", "navarch")
    .option("--data-dir <folder>", "where the cluster's data is kept")
    .option("--dry-run", "let the cluster say whether they could be added; change nothing")
    .action(add);
}

async function add({ simulated, zones, cpu, memory, pods, stages, dryRun = false, ...flags }: AddFlags): Promise<void> {
  const steps = stages === undefined ? undefined : soundStages(stages);
  await using transport = await adminTransport(knownCluster(flags));
  const amounts = amountsOf({ ...(cpu ? { cpu } : {}), ...(memory ? { memory } : {}), ...(pods ? { pods } : {}) });
  const client = createClient(transport, { fieldManager: "navarch" });
  if (steps !== undefined && !dryRun) await keepStages(client, steps);
  const names = await addSimulatedNodes(client, { count: simulated, amounts, ...(zones ? { zones } : {}) }, { dryRun });
  console.log(
    `${dryRun ? "would add" : "added"} ${names.length}: ${names[0]}${names.length > 1 ? ` to ${names.at(-1)}` : ""}`,
  );
}

import type { Command } from "commander";
import { type ClusterConfig, readCluster } from "../cluster/config.ts";
import { claimProcess } from "../cluster/process-lock.ts";
import { type Role, runRole } from "../cluster/role-process.ts";
import { systemClock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { type Log, openLog } from "../lib/log.ts";
import { systemRandom } from "../lib/random.ts";
import { wholeNumber } from "./flags.ts";

interface RoleFlags {
  readonly dataDir: string;
  readonly logLevel: "debug" | "info" | "warn" | "error";
}

interface AgentFlags extends RoleFlags {
  readonly node: number;
  readonly joined?: boolean;
}

/** Whether a command is one of the processes that `up` starts. */
export function isRole(command: string | undefined): boolean {
  return command === "server" || command === "agent";
}

/** The processes that `up` starts. */
export function addRoleCommands(program: Command): void {
  roleCommand(program, "server", "run the control plane of a cluster that `up` has prepared").action(server);
  roleCommand(program, "agent", "run a node of a cluster that `up` has prepared")
    .option("--node <number>", "which of this machine's nodes", wholeNumber(1, 1000), 1)
    .option("--joined", "the node is of a cluster elsewhere")
    .action(agent);
}

function roleCommand(program: Command, name: string, description: string): Command {
  return program
    .command(name, { hidden: true })
    .description(description)
    .requiredOption("--data-dir <folder>", "the cluster's folder")
    .option("--log-level <level>", "debug, info, warn or error", "info");
}

async function server(flags: RoleFlags): Promise<void> {
  await run("server", flags, async (config, log, note) => {
    const { startServerRole } = await import("../cluster/server-role.ts");
    return startServerRole(config, log, note);
  });
}

async function agent({ node, joined, ...flags }: AgentFlags): Promise<void> {
  if (joined) return joinedAgent(flags);
  await run(node === 1 ? "agent" : `agent-${node}`, flags, async (config, log, note) => {
    const { startLocalNode } = await import("../cluster/local-node-role.ts");
    return startLocalNode(config, node, log, note);
  });
}

async function joinedAgent({ dataDir, logLevel }: RoleFlags): Promise<void> {
  const { readJoinedNode, startJoinedNode } = await import("../cluster/joined-node.ts");
  const node = readJoinedNode(dataDir);
  if (!node) throw new Fault("missing", `there is no node in ${dataDir}; make one with: navarch join`);
  const log = openLog({ level: logLevel });
  using _claim = claimProcess(node.runDir, "agent");
  await runRole(log, (note) => startJoinedNode(node, { clock: systemClock, random: systemRandom, log }, note));
}

async function run(
  part: string,
  { dataDir, logLevel }: RoleFlags,
  start: (config: ClusterConfig, log: Log, note: (text: string) => void) => Promise<Role>,
): Promise<void> {
  const config = readCluster(dataDir);
  if (!config) throw new Fault("missing", `there is no cluster in ${dataDir}; make one with: navarch up`);
  const log = openLog({ level: logLevel });
  using _claim = claimProcess(config.runDir, part);
  await runRole(log, (note) => start(config, log, note));
}

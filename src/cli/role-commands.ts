import type { Command } from "commander";
import { readCluster } from "../cluster/config.ts";
import { claimProcess } from "../cluster/process-lock.ts";
import { runRole } from "../cluster/role-process.ts";
import { Fault } from "../lib/fault.ts";
import { openLog } from "../lib/log.ts";

const roles = [
  {
    name: "server",
    description: "run the control plane of a cluster that `up` has prepared",
    load: async () => (await import("../cluster/server-role.ts")).startServerRole,
  },
  {
    name: "agent",
    description: "run the node of a cluster that `up` has prepared",
    load: async () => (await import("../cluster/agent-role.ts")).startAgentRole,
  },
] as const;

/** Whether a command is one of the processes that `up` starts. */
export function isRole(command: string | undefined): boolean {
  return roles.some(({ name }) => name === command);
}

/** The processes that `up` starts. */
export function addRoleCommands(program: Command): void {
  for (const { name, description, load } of roles) {
    program
      .command(name, { hidden: true })
      .description(description)
      .requiredOption("--data-dir <folder>", "the cluster's folder")
      .option("--log-level <level>", "debug, info, warn or error", "info")
      .action(async (flags: { dataDir: string; logLevel: "debug" | "info" | "warn" | "error" }) => {
        const config = readCluster(flags.dataDir);
        if (!config) throw new Fault("missing", `there is no cluster in ${flags.dataDir}; make one with: navarch up`);
        const log = openLog({ level: flags.logLevel });
        using _claim = claimProcess(config.runDir, name);
        await runRole(log, async (note) => (await load())(config, log, note));
      });
  }
}
